"""Commands about the provider's bill: `trueup`, and `trueup accept`."""

from typing import Annotated

import typer

from firewarden.cli.options import Account, AsFormat, Config, Format, Json, example
from firewarden.cli.output import show

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    epilog=example(
        "firewarden trueup",
        "firewarden trueup --json | jq '.days[] | select(.state == \"disputed\")'",
        "firewarden trueup accept 2026-11-03 --reason 'the invoice says so too'",
    ),
)

Day = Annotated[str, typer.Argument(metavar="DAY", help="A disputed day: 2026-11-03.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: others will read it.")]


@app.callback()
def trueup(
    context: typer.Context,
    *,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show the last 35 days as metered and as billed, what was adjusted, and likely why."""
    if context.invoked_subcommand is not None:
        return
    from firewarden.app.compared import read_trueup
    from firewarden.app.queries import open_ledger
    from firewarden.cli.context import settings
    from firewarden.report.trueup import trueup_json, trueup_view

    with open_ledger(settings(config), account) as ledger:
        found = read_trueup(ledger)
    show(lambda: trueup_json(found), lambda: trueup_view(found), as_format=as_format, json=json)


@app.command(
    epilog=example("firewarden trueup accept 2026-11-03 --reason 'the invoice says so too'")
)
def accept(day: Day, *, reason: Reason, account: Account = None, config: Config = None) -> None:
    """Take the bill's word for a disputed day; says who did and why.

    It holds for what the bill says now: where the provider revises it, the day is judged anew.
    """
    from firewarden.app.accepting import accept_day
    from firewarden.app.people import open_desk
    from firewarden.cli.context import settings

    with open_desk(settings(config), account) as desk:
        typer.echo(accept_day(desk, day, reason=reason))
