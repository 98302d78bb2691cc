"""Commands about files: `validate`, `init`, `config`."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli.options import AsFormat, Config, Format, Json, ValidateFormat
from firewarden.cli.output import say, show, show_json

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH…]", help="Files or folders [default: the policies of the settings]."
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write.")]


def validate(
    paths: Paths = None,
    *,
    config: Config = None,
    as_format: Annotated[
        ValidateFormat, typer.Option("--format", help="How to print.")
    ] = ValidateFormat.TEXT,
    json: Json = False,
) -> None:
    """Check policy files; every problem with file, line, column and the mend.

    Exits 2 where one cannot be used. Needs no key, no database and no network.
    """
    with _without_collection():
        from firewarden.app.policy_files import read_policy_files
        from firewarden.policy.checking import check
        from firewarden.report import problems as found

        files = read_policy_files(paths or [_default_policies(config)])
        problems = check(files)
    if json or as_format is ValidateFormat.JSON:
        show_json(found.problems_json(len(files), problems))
    elif as_format is ValidateFormat.SARIF:
        show_json(found.problems_sarif(problems))
    else:
        for line in found.problem_lines(problems, files):
            typer.echo(line)
        say(found.summary(len(files), problems))
    raise typer.Exit(2 if found.error_count(problems) else 0)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Collect no garbage around the body: there is none yet, and looking takes a tenth of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _default_policies(config: Path | None) -> Path:
    from firewarden.cli.context import settings

    return settings(config).policies


def init(folder: Folder = Path()) -> None:
    """Write firewarden.toml and a first policy folder. Never overwrites a file.

    The policies observe: they say what they would do, and do nothing.
    """
    from firewarden.app.scaffold import scaffold

    for written in scaffold(folder):
        typer.echo(f"{'kept   ' if written.kept else 'written'}  {written.path}")
    say("next: set FIREWORKS_API_KEY, then `firewarden doctor`")


def config(
    *, config: Config = None, as_format: AsFormat = Format.TABLE, json: Json = False
) -> None:
    """Show the effective settings, each with its source. Secrets are masked."""
    from firewarden.cli.context import load
    from firewarden.report.settings import settings_json, settings_view

    loaded = load(config)
    shown, sources = loaded.shown(), loaded.sources
    show(
        lambda: settings_json(shown, sources),
        lambda: settings_view(shown, sources),
        as_format=as_format,
        json=json,
    )
