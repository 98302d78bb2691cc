"""Overrides: what people have put over the policies, until it is over or somebody ends it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, RowMapping, Select, bindparam, or_, select, update

from firewarden.model.ids import AccountId, Uid
from firewarden.model.people import Override, OverrideKind
from firewarden.store.instants import from_ms, maybe_from_ms, maybe_ms, to_ms
from firewarden.store.names import account_key, deployment_keys, insert, run
from firewarden.store.rows import Values, storable
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentRow, OverrideRow, table

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
OVERRIDE: Final = table(OverrideRow)


def put(session: Session, override: Override) -> int:
    """Put *override* in force, and give its number.

    Raises:
        StoreError: its deployment was never met.
    """
    keys = deployment_keys(session, [] if override.uid is None else [override.uid])
    values = {
        "account_id": account_key(session, override.account),
        "deployment_id": None if override.uid is None else keys[override.uid],
        **_values(override),
    }
    statement = insert(session, OVERRIDE).returning(OVERRIDE.c.id).values(values)
    return int(run(session, statement).scalar_one())


def end(session: Session, override_id: int, *, by: str, at: datetime) -> bool:
    """End an override before its time; False where it was over or ended already."""
    ended = update(OVERRIDE).where(OVERRIDE.c.id == override_id, *_not_over(to_ms(at)))
    return run(session, ended.values(ended_at=to_ms(at), ended_by=storable(by))).rowcount == 1


def resume(session: Session, account: AccountId, *, by: str, reason: str, at: datetime) -> int:
    """End every pause, and release the evidence brake; says how many pauses there were.

    The release takes the place of all before it.
    """
    number = account_key(session, account)
    counts = {}
    for kind in (OverrideKind.PAUSE, OverrideKind.RELEASE):
        ended = update(OVERRIDE).where(
            OVERRIDE.c.account_id == number, OVERRIDE.c.kind == kind.value, *_not_over(to_ms(at))
        )
        values = {"ended_at": to_ms(at), "ended_by": storable(by)}
        counts[kind] = run(session, ended.values(values)).rowcount
    put(
        session,
        Override(account=account, kind=OverrideKind.RELEASE, since=at, actor=by, reason=reason),
    )
    return counts[OverrideKind.PAUSE]


def standing(session: Session, account: AccountId, *, now: datetime) -> tuple[Override, ...]:
    """Read the overrides in force at *now*, the oldest first."""
    rows = run(session, _STANDING, {"name": account, "now": to_ms(now)}).mappings()
    return tuple(map(_override_of, rows))


def read_since(
    session: Session, account: AccountId, *, since: datetime, uid: Uid | None = None
) -> tuple[Override, ...]:
    """Read the overrides that were in force at *since* or later, the oldest first."""
    ended = OVERRIDE.c.ended_at
    statement = _overrides(account).where(
        or_(OVERRIDE.c.until.is_(None), OVERRIDE.c.until > to_ms(since)),
        or_(ended.is_(None), ended > to_ms(since)),
    )
    return _read(session, statement if uid is None else statement.where(DEPLOYMENT.c.uid == uid))


def _not_over(at: int | ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        OVERRIDE.c.ended_at.is_(None),
        or_(OVERRIDE.c.until.is_(None), OVERRIDE.c.until > at),
    )


def _overrides(account: AccountId | ColumnElement[str]) -> Select[Any]:
    return (
        select(DEPLOYMENT.c.uid, ACCOUNT.c.name, OVERRIDE)
        .join(ACCOUNT, ACCOUNT.c.id == OVERRIDE.c.account_id)
        .outerjoin(DEPLOYMENT, DEPLOYMENT.c.id == OVERRIDE.c.deployment_id)
        .where(ACCOUNT.c.name == account)
        .order_by(OVERRIDE.c.id)
    )


def _read(session: Session, statement: Select[Any]) -> tuple[Override, ...]:
    return tuple(map(_override_of, run(session, statement).mappings()))


def _values(override: Override) -> Values:
    return {
        "kind": override.kind.value,
        "since": to_ms(override.since),
        "until": maybe_ms(override.until),
        "actor": storable(override.actor),
        "reason": storable(override.reason),
        "ended_at": maybe_ms(override.ended_at),
        "ended_by": storable(override.ended_by),
    }


def _override_of(row: RowMapping) -> Override:
    return Override(
        override_id=row[OVERRIDE.c.id],
        account=AccountId(row["name"]),
        kind=OverrideKind(row["kind"]),
        uid=None if row["uid"] is None else Uid(row["uid"]),
        since=from_ms(row["since"]),
        until=maybe_from_ms(row["until"]),
        actor=row["actor"],
        reason=row["reason"],
        ended_at=maybe_from_ms(row["ended_at"]),
        ended_by=row["ended_by"],
    )


_NOW: Final = bindparam("now", type_=BigInteger)
_STANDING: Final = _overrides(bindparam("name")).where(OVERRIDE.c.since <= _NOW, *_not_over(_NOW))
"""Put together once: every cycle asks for them."""
