"""Long names are written once; the tables that grow hold their numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import CursorResult, Executable, Select, Table, and_, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from firewarden.errors import StoreError
from firewarden.model.ids import AccountId, Uid
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentRow, table

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
T = TypeVar("T")
Values = Mapping[str, Any]
Insert = sqlite.Insert | postgresql.Insert
CHUNK: Final = 500
"""Keys asked for in one statement; both databases allow far more."""


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut *items* into lists of at most *size*."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def run(
    session: Session, statement: Executable, values: Values | Sequence[Values] | None = None
) -> CursorResult[Any]:
    """Execute *statement* in the session's transaction, once or for each row of *values*."""
    return session.execute(statement, values)


def insert_new(session: Session, target: Table, rows: Sequence[Values]) -> None:
    """Insert the *rows* whose key is not there yet; the others stay as they are."""
    if rows:
        run(session, _insert_new(session.dialect.name, target), rows)


def insert(session: Session, target: Table) -> Insert:
    """Begin an INSERT that knows ON CONFLICT, in the words of the session's database."""
    return insert_in(session.dialect.name, target)


@cache
def insert_in(dialect: str, target: Table) -> Insert:
    """Begin an INSERT that knows ON CONFLICT; made once, as making costs more than running."""
    return sqlite.insert(target) if dialect == "sqlite" else postgresql.insert(target)


@cache
def _insert_new(dialect: str, target: Table) -> Insert:
    return insert_in(dialect, target).on_conflict_do_nothing()


def account_key(session: Session, account: AccountId) -> int:
    """Number of *account*, given out at its first mention."""
    found = run(session, _NUMBER, {"name": account}).scalar_one_or_none()
    if found is None:
        insert_new(session, ACCOUNT, [{"name": account}])
        found = run(session, _NUMBER, {"name": account}).scalar_one()
    return int(found)


def deployment_keys(session: Session, uids: Iterable[Uid]) -> dict[Uid, int]:
    """Numbers of *uids*.

    Raises:
        StoreError: one of them was never met: its first poll is not in the ledger.
    """
    wanted = sorted(set(uids))
    found: dict[Uid, int] = {}
    for some in chunks(wanted):
        rows = run(session, _NUMBERS, {"uids": some}).mappings()
        found.update({Uid(row["uid"]): row["id"] for row in rows})
    if missing := [uid for uid in wanted if uid not in found]:
        raise StoreError(
            f"the ledger has never met {missing[0]}", mend="store the poll that met it first"
        )
    return found


_NUMBER: Final = select(ACCOUNT.c.id).where(ACCOUNT.c.name == bindparam("name"))
_NUMBERS: Final = select(DEPLOYMENT.c.uid, DEPLOYMENT.c.id).where(
    DEPLOYMENT.c.uid.in_(bindparam("uids", expanding=True))
)


def intern(session: Session, target: Table, wanted: Iterable[Values]) -> list[int]:
    """Numbers of the rows of *target* that hold the *wanted* values, in their order."""
    known: dict[tuple[Any, ...], int] = {}
    numbers = []
    for values in wanted:
        key = tuple(values.values())
        if key not in known:
            known[key] = _find(session, target, values)
        numbers.append(known[key])
    return numbers


def _find(session: Session, target: Table, values: Values) -> int:
    statement = _by_values(target, tuple(values))
    found = run(session, statement, values).scalar_one_or_none()
    if found is None:
        insert_new(session, target, [values])
        found = run(session, statement, values).scalar_one()
    return int(found)


@cache
def _by_values(target: Table, names: tuple[str, ...]) -> Select[Any]:
    same = (target.c[name] == bindparam(name) for name in names)
    return select(target.c.id).where(and_(*same))
