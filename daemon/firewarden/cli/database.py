"""Commands about the database: `db upgrade`, `db check`, `db backup`, `db prune`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firewarden.cli.options import Account, AsFormat, Config, Format, Json, example
from firewarden.cli.output import progress, say, show_json

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


@app.command(epilog=example("firewarden db prune --dry-run", "firewarden db prune"))
def prune(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Remove what is older than `[retention]` keeps: polls, scrapes, runs of use, old messages.

    Usage, money, bills and who did what are never removed. The daemon does the same once a day.
    """
    from firewarden.app.retention import prune_ledger
    from firewarden.cli.context import settings
    from firewarden.report.pruning import pruning_json, pruning_lines

    given = settings(config)
    with progress() as advance:
        found = prune_ledger(given, account, advance, dry_run=dry_run)
    if json or as_format is Format.JSON:
        show_json(pruning_json(found, dry_run=dry_run))
        return
    for line in pruning_lines(found, dry_run=dry_run):
        typer.echo(line)
    if not dry_run and any(each.total for each in found):
        say("the database does not shrink: it fills the room again")
