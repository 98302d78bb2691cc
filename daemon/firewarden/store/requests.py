"""Requests: what people ask the lease's holder to do, each finished once."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    exists,
    select,
    update,
)

from firewarden.model.ids import AccountId, Uid
from firewarden.model.people import Request, RequestOutcome, RequestVerb
from firewarden.store.instants import from_ms, maybe_from_ms, to_ms
from firewarden.store.names import account_key, deployment_keys, insert, run
from firewarden.store.rows import Values, from_json, storable, to_json
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentRow, IntentRow, RequestRow, table

ACCOUNT: Final = table(AccountRow)
DEPLOYMENT: Final = table(DeploymentRow)
INTENT: Final = table(IntentRow)
REQUEST: Final = table(RequestRow)
OVERDUE: Final = "nobody carried it out in time"


def ask(session: Session, request: Request) -> int:
    """Write an open *request* down, and give its number.

    Raises:
        StoreError: its deployment was never met.
    """
    keys = deployment_keys(session, [] if request.uid is None else [request.uid])
    values = {
        "account_id": account_key(session, request.account),
        "deployment_id": None if request.uid is None else keys[request.uid],
        **_values(request),
    }
    statement = insert(session, REQUEST).returning(REQUEST.c.id).values(values)
    return int(run(session, statement).scalar_one())


def pending(session: Session, account: AccountId, *, now: datetime) -> tuple[Request, ...]:
    """Read the open requests whose time is not over at *now*, the oldest first."""
    rows = run(session, _PENDING, {"name": account, "now": to_ms(now)}).mappings()
    return tuple(map(_request_of, rows))


def expire(session: Session, account: AccountId, *, now: datetime) -> int:
    """Close the open requests whose time is over at *now*; says how many they were.

    One that has an intent was begun in time: what becomes of the intent becomes of it.
    """
    return run(session, _EXPIRE, {"name": account, "now": to_ms(now)}).rowcount


def finish(
    session: Session, request_id: int, outcome: RequestOutcome, *, detail: str, at: datetime
) -> bool:
    """Write what became of an open request; False where it has an outcome already."""
    is_open = REQUEST.c.outcome.is_(None)
    statement = update(REQUEST).where(REQUEST.c.id == request_id, is_open)
    return run(session, statement.values(_end(outcome, detail, at))).rowcount == 1


def read_one(session: Session, account: AccountId, request_id: int) -> Request | None:
    """Read one request by its number."""
    found = _read(session, _requests(account).where(REQUEST.c.id == request_id))
    return found[0] if found else None


def read_asked(session: Session, account: AccountId, *, since: datetime) -> tuple[Request, ...]:
    """Read the requests asked at *since* or later, the oldest first."""
    return _read(session, _requests(account).where(REQUEST.c.asked_at >= to_ms(since)))


def _requests(account: AccountId | ColumnElement[str]) -> Select[Any]:
    return (
        select(DEPLOYMENT.c.uid, ACCOUNT.c.name, REQUEST)
        .join(ACCOUNT, ACCOUNT.c.id == REQUEST.c.account_id)
        .outerjoin(DEPLOYMENT, DEPLOYMENT.c.id == REQUEST.c.deployment_id)
        .where(ACCOUNT.c.name == account)
        .order_by(REQUEST.c.id)
    )


def _read(session: Session, statement: Select[Any]) -> tuple[Request, ...]:
    return tuple(map(_request_of, run(session, statement).mappings()))


def _values(request: Request) -> Values:
    return {
        "verb": request.verb.value,
        "arguments": to_json(request.arguments),
        "actor": storable(request.actor),
        "reason": storable(request.reason),
        "asked_at": to_ms(request.asked_at),
        "expires_at": to_ms(request.expires_at),
        "outcome": None,
        "detail": "",
        "finished_at": None,
    }


def _end(outcome: RequestOutcome, detail: str, at: datetime) -> Values:
    return {"outcome": outcome.value, "detail": storable(detail), "finished_at": to_ms(at)}


def _request_of(row: RowMapping) -> Request:
    return Request(
        request_id=row[REQUEST.c.id],
        account=AccountId(row["name"]),
        uid=None if row["uid"] is None else Uid(row["uid"]),
        verb=RequestVerb(row["verb"]),
        arguments=from_json(row["arguments"]),
        actor=row["actor"],
        reason=row["reason"],
        asked_at=from_ms(row["asked_at"]),
        expires_at=from_ms(row["expires_at"]),
        outcome=None if row["outcome"] is None else RequestOutcome(row["outcome"]),
        detail=row["detail"],
        finished_at=maybe_from_ms(row["finished_at"]),
    )


# Put together once: every cycle asks and closes.
_NOW: Final = bindparam("now", type_=BigInteger)
_OPEN: Final = REQUEST.c.outcome.is_(None)
_PENDING: Final = _requests(bindparam("name")).where(_OPEN, REQUEST.c.expires_at > _NOW)
_EXPIRE: Final = (
    update(REQUEST)
    .where(
        REQUEST.c.account_id.in_(select(ACCOUNT.c.id).where(ACCOUNT.c.name == bindparam("name"))),
        _OPEN,
        REQUEST.c.expires_at <= _NOW,
        ~exists().where(INTENT.c.request_id == REQUEST.c.id),
    )
    .values(outcome=RequestOutcome.EXPIRED.value, detail=OVERDUE, finished_at=_NOW)
)
