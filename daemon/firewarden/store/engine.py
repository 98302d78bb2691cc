"""The database: opened once, written by one transaction at a time, read by others meanwhile."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from firewarden.errors import FileUnusable, SettingsError, StoreUnavailable
from firewarden.store import schema
from firewarden.store.faults import sqlite_fault, translated
from firewarden.store.place import Place
from firewarden.store.session import Session

PRAGMAS: Final = (
    "busy_timeout=5000",  # first: the next one has to wait for others too
    "journal_mode=WAL",
    "synchronous=FULL",
    "cache_size=-1024",  # KiB; half of what is usual: what is looked at again is in memory anyway
    "foreign_keys=ON",
    "trusted_schema=OFF",
)
SETTINGS: Final = (
    "SET statement_timeout = '30s'",
    "SET lock_timeout = '10s'",
    # Less than a lease lasts: a holder that is stopped in the midst of a transaction keeps the row
    # of its lease locked, and its heir would wait for that and not for the lease.
    "SET idle_in_transaction_session_timeout = '15s'",
    "SET timezone = 'UTC'",
)
POSTGRESQL: Final = {
    "connect_timeout": 5,
    "application_name": "firewarden",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Database:
    """One ledger. Sessions of it are used by the thread that asked for them.

    Writers of SQLite begin with BEGIN IMMEDIATE: SQLAlchemy's default loses updates, and a
    plain BEGIN fails where two meet. Readers see one unchanging state of everything.
    """

    def __init__(
        self, url: URL, *, writer: Engine, reader: Engine, place: Place | None = None
    ) -> None:
        """Take engines that are set up already; `open` is the way to a usable one."""
        self._url = url
        self._place = place
        self.writer = writer
        self._reader = reader

    @classmethod
    def open(cls, url: str, *, upgrade: bool) -> Self:
        """Open the ledger at *url*; *upgrade*: make it or bring it up to this version first.

        Raises:
            SettingsError: *url* is none of a database we know.
            FileUnusable: the file cannot be read and written, or is something else.
            StoreUnavailable: the database does not answer.
            SchemaTooNew, SchemaTooOld: another version of firewarden wrote it.
        """
        database = cls._connect(parse_url(url), create=upgrade)
        try:
            if upgrade:
                schema.upgrade(database)
            else:
                schema.demand_current(database)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _connect(cls, url: URL, *, create: bool) -> Self:
        if url.get_backend_name() == "postgresql":
            return cls._connect_postgresql(url)
        if _is_memory(url):
            engine = create_engine(
                url,
                hide_parameters=True,
                poolclass=StaticPool,
                connect_args={"check_same_thread": False},
            )
            _prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
            return cls(url, writer=engine, reader=engine)
        place = Place.take(Path(str(url.database)), create=create)
        writer, reader = (
            create_engine(
                url,
                hide_parameters=True,
                pool_timeout=10,
                pool_size=size,
                max_overflow=0,
                connect_args={"check_same_thread": False},
            )
            for size in (1, 4)
        )
        _prepare_sqlite(writer, begin="BEGIN IMMEDIATE")
        _prepare_sqlite(reader, begin="BEGIN")
        event.listen(reader, "connect", _refuse_writes)
        for engine in (writer, reader):
            event.listen(engine, "do_connect", lambda *_: place.demand())  # makes no new file
        database = cls(url, writer=writer, reader=reader, place=place)
        database._probe(place.file)
        return database

    @classmethod
    def _connect_postgresql(cls, url: URL) -> Self:
        given = {name: value for name, value in POSTGRESQL.items() if name not in url.query}
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=3,
            max_overflow=2,
            pool_timeout=10,
            connect_args=given,
        )
        event.listen(engine, "connect", _prepare_postgresql)
        reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        return cls(url, writer=engine, reader=reader)

    def _probe(self, file: Path) -> None:
        """Tell a file that is something else from a database that is busy."""
        try:
            with self._reader.connect() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").all()
        except (SQLAlchemyError, sqlite3.Error) as error:
            self.close()
            if sqlite_fault(error) == "SQLITE_NOTADB":
                raise FileUnusable(
                    "is no SQLite database", where=str(file), mend="name another file"
                ) from error
            with translated(self.describe()):
                raise

    @property
    def is_sqlite(self) -> bool:
        """A file or memory of this process, not a server."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file it lies in; None for a server or memory."""
        if not self.is_sqlite or _is_memory(self._url):
            return None
        return Path(str(self._url.database))

    @property
    def url(self) -> URL:
        """Where it is, with the password: never to be shown."""
        return self._url

    def describe(self) -> str:
        """Where it is, for people: no password, no options."""
        if self.is_sqlite:
            return f"sqlite:///{self._url.database or ':memory:'}"
        return self._url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Write in one transaction, committed at the end, or not at all on an exception.

        Raises:
            StoreUnavailable: the database failed; whether it committed is *unknown*, so
                write again what has natural keys, or read first.
        """
        self._demand_place()
        with (
            translated(self.describe(), writes=True),
            self.writer.begin() as session,
        ):
            yield session
        self._demand_place()  # what was committed to a file that is gone, is gone

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Read one state of the whole ledger, whatever is written meanwhile."""
        with (
            translated(self.describe()),
            self._reader.begin() as session,
        ):
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection of the writer in a transaction, for what no session can do."""
        with translated(self.describe(), writes=True), self.writer.begin() as connection:
            yield connection

    def _demand_place(self) -> None:
        if self._place is not None:
            self._place.demand()

    def close(self) -> None:
        """Let go of all connections; opening it again is another `Database`."""
        self._reader.dispose()
        self.writer.dispose()


def parse_url(url: str) -> URL:
    """Read a database URL.

    Raises:
        SettingsError: it is none, or of a database we do not know. It is not repeated: it
            may hold a password.
    """
    mend = "write sqlite:///firewarden.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise SettingsError("is not a database URL", where="database URL", mend=mend) from error
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise SettingsError(
            f"{parsed.drivername} is not supported", where="database URL", mend=mend
        )
    return parsed


def _is_memory(url: URL) -> bool:
    return url.database in {None, "", ":memory:"}


def _prepare_sqlite(engine: Engine, *, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()
        if connection.execute("PRAGMA foreign_keys").fetchone() != (1,):
            raise StoreUnavailable(
                "SQLite was built without foreign keys", mend="use another SQLite"
            )

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection  # not its cursors: each costs as much
        driver.execute(begin).close()


def _refuse_writes(connection: sqlite3.Connection, _record: object) -> None:
    """Have a reader of SQLite fail where one of PostgreSQL would."""
    connection.execute("PRAGMA query_only=ON").close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    """Set limits by statements, which a connection pooler lets through."""
    with connection.cursor() as cursor:
        for setting in SETTINGS:
            cursor.execute(setting)
    connection.commit()
