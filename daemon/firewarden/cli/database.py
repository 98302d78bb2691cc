"""Commands about the database: `db upgrade`, `db check`, `db backup`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firewarden.cli.options import AsFormat, Config, Format, Json, example
from firewarden.cli.output import show_json

if TYPE_CHECKING:
    from firewarden.store.engine import Database

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=example("firewarden db check", "firewarden db backup /backups/firewarden.db"),
)

Target = Annotated[
    Path, typer.Argument(metavar="FILE", help="The copy to make; it must not exist.")
]


@contextmanager
def _database(config: Path | None, *, upgrade: bool) -> "Iterator[Database]":
    from firewarden.app.compose import open_database
    from firewarden.cli.context import settings

    database = open_database(settings(config), upgrade=upgrade)
    try:
        yield database
    finally:
        database.close()


@app.command(epilog=example("firewarden db upgrade"))
def upgrade(*, config: Config = None) -> None:
    """Make the ledger, or bring it to this version. A SQLite file is backed up first."""
    with _database(config, upgrade=True) as database:
        typer.echo(f"{database.describe()}: up to date")


@app.command(epilog=example("firewarden db check", "firewarden db check --json"))
def check(*, config: Config = None, as_format: AsFormat = Format.TABLE, json: Json = False) -> None:
    """Look for damage. Changes nothing; exits 1 where something was found."""
    from firewarden.store.schema import check as look

    with _database(config, upgrade=False) as database:
        findings = look(database)
        where = database.describe()
    if json or as_format is Format.JSON:
        show_json({"database": where, "ok": not findings, "findings": list(findings)})
    else:
        for finding in findings or ("no damage found",):
            typer.echo(f"{where}: {finding}")
    if findings:
        raise typer.Exit(1)


@app.command(epilog=example("firewarden db backup /backups/firewarden-2026-11-22.db"))
def backup(target: Target, *, config: Config = None) -> None:
    """Copy a SQLite ledger to FILE while the daemon goes on writing it."""
    from firewarden.store.schema import backup as copy

    with _database(config, upgrade=False) as database:
        typer.echo(f"copied to {copy(database, target)}")
