"""Long names are written once; the tables that grow hold their numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import CursorResult, Executable, Table, and_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from firewarden.errors import StoreError
from firewarden.model.ids import AccountId, Uid
from firewarden.store.tables import AccountRow, DeploymentRow, table

T = TypeVar("T")
Values = Mapping[str, Any]
CHUNK: Final = 500
"""Keys asked for in one statement; both databases allow far more."""


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut *items* into lists of at most *size*."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def run(
    session: Session, statement: Executable, rows: Sequence[Values] | None = None
) -> CursorResult[Any]:
    """Execute *statement* in the session's transaction, once or for each of the *rows*."""
    return session.connection().execute(statement, rows)


def insert_new(session: Session, target: Table, rows: Sequence[Values]) -> None:
    """Insert the *rows* whose key is not there yet; the others stay as they are."""
    if rows:
        run(session, insert(session, target).on_conflict_do_nothing(), rows)


def insert(session: Session, target: Table) -> sqlite.Insert | postgresql.Insert:
    """Begin an INSERT that knows ON CONFLICT, in the words of the session's database."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(target)
    return postgresql.insert(target)


def account_key(session: Session, account: AccountId) -> int:
    """Number of *account*, given out at its first mention."""
    statement = select(AccountRow.id).where(col(AccountRow.name) == account)
    found = session.exec(statement).one_or_none()
    if found is None:
        insert_new(session, table(AccountRow), [{"name": account}])
        found = session.exec(statement).one()
    assert found is not None
    return found


def deployment_keys(session: Session, uids: Iterable[Uid]) -> dict[Uid, int]:
    """Numbers of *uids*.

    Raises:
        StoreError: one of them was never met: its first poll is not in the ledger.
    """
    wanted = sorted(set(uids))
    found: dict[Uid, int] = {}
    for some in chunks(wanted):
        statement = select(DeploymentRow.uid, DeploymentRow.id).where(
            col(DeploymentRow.uid).in_(some)
        )
        found.update({Uid(uid): key for uid, key in session.exec(statement) if key is not None})
    if missing := [uid for uid in wanted if uid not in found]:
        raise StoreError(
            f"the ledger has never met {missing[0]}", mend="store the poll that met it first"
        )
    return found


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
    condition = and_(*(target.c[name] == value for name, value in values.items()))
    statement = target.select().with_only_columns(target.c.id).where(condition)
    found = run(session, statement).scalar_one_or_none()
    if found is None:
        insert_new(session, target, [values])
        found = run(session, statement).scalar_one()
    return int(found)
