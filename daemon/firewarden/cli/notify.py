"""Commands about the ways people are told: `notify test`."""

from typing import Annotated

import typer

from firewarden.cli.options import Config, example

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=example("firewarden notify test gpu-costs"),
)

Route = Annotated[
    str, typer.Argument(metavar="ROUTE", help="A name under `notify:` in the policy files.")
]


@app.command("test", epilog=example("firewarden notify test gpu-costs"))
def try_(route: Route, *, config: Config = None) -> None:
    """Send a test message by a route, and say who took it; exits 1 where somebody did not."""
    import asyncio

    from firewarden.app.trying import try_route
    from firewarden.cli.context import settings

    tried = asyncio.run(try_route(settings(config), route))
    for each in tried:
        typer.echo(f"{each.destination}: {each.problem or 'taken'}")
    if not tried or any(each.problem for each in tried):
        raise typer.Exit(1)


@app.callback()
def notify() -> None:
    """Try the ways people are told."""
