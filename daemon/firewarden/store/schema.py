"""The shape of the ledger over time: which version it is, and bringing it up to this one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, create_engine, inspect, text

from firewarden.errors import FileUnusable, SchemaTooNew, SchemaTooOld, StoreError
from firewarden.store.faults import translated
from firewarden.store.tables import Row

if TYPE_CHECKING:
    from firewarden.store.engine import Database

VERSION_TABLE: Final = "firewarden_revision"
LOCK: Final = 0x66_69_72_65_77_61_72_64
"""Key of the advisory lock that one upgrade at a time holds on PostgreSQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The revisions that this version knows, oldest first, and where their scripts lie."""

    scripts: Path
    revisions: tuple[str, ...]

    @property
    def head(self) -> str:
        """The newest one."""
        return self.revisions[-1]


SHIPPED: Final = History(
    scripts=Path(str(files("firewarden.store") / "migrations")),
    revisions=("0001", "0002", "0003", "0004", "0005", "0006"),
)


def read_revision(connection: Connection) -> str | None:
    """Revision the ledger is at; None where there is no ledger yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    statement = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608  # our own constant
    return connection.execute(statement).scalar_one_or_none()


def demand_current(database: "Database", *, history: History = SHIPPED) -> None:
    """Return when the ledger is of this version.

    Raises:
        SchemaTooOld: it is older, or empty.
        SchemaTooNew: it is none that this version knows.
    """
    with database.reading() as session:
        revision = read_revision(session)
    _refuse_newer(database, revision, history)
    if revision != history.head:
        raise SchemaTooOld(
            "the ledger is empty" if revision is None else f"the ledger is at {revision}",
            where=database.describe(),
            mend="run `firewarden db upgrade`",
        )


def upgrade(database: "Database", *, history: History = SHIPPED) -> Path | None:
    """Bring the ledger to this version; tells the backup it made of a SQLite file.

    All of it happens in one transaction that other processes wait for; a second one to come
    finds nothing left to do.

    Raises:
        SchemaTooNew: a newer firewarden has written it.
        FileUnusable: the backup cannot be written.
    """
    with database.reading() as session:
        if read_revision(session) == history.head:
            return None
    with translated(database.describe(), writes=True), _upgrading(database) as connection:
        revision = read_revision(connection)
        _refuse_newer(database, revision, history)
        if revision == history.head:
            return None
        saved = _save(database, revision)
        _run_scripts(connection, history)
        _demand_references(database, connection)
        return saved


@contextmanager
def _upgrading(database: "Database") -> Iterator[Connection]:
    """Hold the only right to change tables until the transaction ends."""
    with database.writer.connect() as connection:
        if database.is_sqlite:
            # Off, and before BEGIN: with foreign keys on, remaking a table empties its children.
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
            finally:
                driver.execute("PRAGMA foreign_keys=ON")
        else:
            with connection.begin():
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
                yield connection


def _refuse_newer(database: "Database", revision: str | None, history: History) -> None:
    if revision is not None and revision not in history.revisions:
        raise SchemaTooNew(
            f"the ledger is at {revision}, which this firewarden does not know",
            where=database.describe(),
            mend="run the newer firewarden that wrote it, or name another database",
        )


def _save(database: "Database", revision: str | None) -> Path | None:
    """Copy a SQLite file that holds something, beside itself."""
    if database.file is None or revision is None:
        return None
    target = database.file.with_name(f"{database.file.name}.bak-{revision}")
    target.unlink(missing_ok=True)
    return backup(database, target)


def _run_scripts(connection: Connection, history: History) -> None:
    from alembic import command  # noqa: PLC0415  # slow to import, and rarely needed
    from alembic.config import Config  # noqa: PLC0415  # likewise

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(history.scripts).replace("%", "%%"))
    command.upgrade(config, history.head)


def _demand_references(database: "Database", connection: Connection) -> None:
    if database.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise StoreError(
            "the upgrade would leave rows that point at nothing",
            where=database.describe(),
            mend="nothing was changed; report this as a bug",
        )


def check(database: "Database", *, history: History = SHIPPED) -> tuple[str, ...]:
    """Look for damage, rows that point at nothing and tables of another shape.

    Gives each finding as one line; nothing where all is well.
    """
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415  # slow to import
    from alembic.migration import MigrationContext  # noqa: PLC0415  # likewise

    findings: list[str] = []
    with database.reading() as connection:
        if database.is_sqlite:
            whole = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            findings += [f"damaged: {line}" for line in whole if line != "ok"]
            loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            findings += [f"points at nothing: {row[0]} -> {row[2]}" for row in loose]
            findings += _compare_with_new(connection, history)
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, Row.metadata)
        findings += [f"of another shape: {difference}" for difference in differences]
    return tuple(findings)


def _compare_with_new(connection: Connection, history: History) -> list[str]:
    """Compare a SQLite ledger, checks and all, with one that the revisions make from nothing.

    Alembic itself sees neither checks nor how rows are laid out.
    """
    statement = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    fresh = create_engine("sqlite://")
    with fresh.begin() as blank:
        _run_scripts(blank, history)
        wanted = {row["name"]: row["sql"] for row in blank.execute(statement).mappings()}
    fresh.dispose()
    found = {row["name"]: row["sql"] for row in connection.execute(statement).mappings()}
    return [
        f"of another shape: {name}"
        for name in sorted({*wanted, *found})
        if wanted.get(name) != found.get(name)
    ]


def backup(database: "Database", path: Path) -> Path:
    """Copy a SQLite ledger to *path* while it is in use; only the owner can read the copy.

    Raises:
        FileUnusable: *path* exists already or cannot be written.
        StoreError: the ledger lies in PostgreSQL, which has tools of its own.
    """
    if not database.is_sqlite:
        raise StoreError(
            "a ledger in PostgreSQL is backed up by its own tools",
            where=database.describe(),
            mend="run `pg_dump --format=custom --file=firewarden.dump` on that database",
        )
    try:
        path.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise FileUnusable(
            f"cannot be made ({error.strerror})",
            where=str(path),
            mend="name a file that does not exist, in a folder that can be written",
        ) from error
    with database.reading() as session, closing(sqlite3.connect(path)) as target:
        source = session.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(target)
    return path
