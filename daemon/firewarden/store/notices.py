"""Alerts: conditions that people should know of, each with a life, told at least once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, Select, bindparam, select, update

from firewarden.model.delivery import Destination
from firewarden.model.ids import AccountId, Uid
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.store.instants import from_ms, maybe_from_ms, to_ms
from firewarden.store.names import account_key, insert_new, run
from firewarden.store.outbox import put
from firewarden.store.rows import Values, from_json, storable, to_json
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, AlertRow, table

ACCOUNT: Final = table(AccountRow)
ALERT: Final = table(AlertRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A notice with its life.

    Attributes:
        notice: the newest one of its key; ``at`` is when it was last said, or resolved.
        first_at: when it began to fire.
        delivered_at: when people heard of its present state; None: not yet.
    """

    number: int
    notice: Notice
    first_at: datetime
    delivered_at: datetime | None

    @property
    def is_firing(self) -> bool:
        """The condition still holds, as far as is known."""
        return not self.notice.resolved


def record(session: Session, notice: Notice, destinations: Collection[Destination] = ()) -> bool:
    """Take *notice* up; tells whether it has to be delivered, by a letter to *destinations*.

    One key is one alert, whatever the text: said again it is the same and is told once,
    unless it became more severe. A resolution ends it; of what does not fire it is no news.
    An event is over at once, and its key is never told again.
    """
    account = account_key(session, notice.account)
    firing = _newest_alert(session, account, notice.key, firing=not notice.once)
    if firing is None:
        if notice.resolved:
            return False
        insert_new(session, ALERT, [_first(account, notice)])
        _post(session, notice, destinations, account)
        return True
    if notice.once or to_ms(notice.at) < firing["last_at"]:
        return False
    has_news = notice.resolved or _is_worse(notice.severity, Severity(firing["severity"]))
    values = _newest(notice)
    if has_news:
        values["delivered_at"] = None
    run(session, _AGAIN, {"number": firing["id"], **values})
    if has_news:
        _post(session, notice, destinations, account)
    return has_news


def pending(session: Session, account: AccountId, *, limit: int = 100) -> tuple[Alert, ...]:
    """Read what people have not heard of yet, the oldest first."""
    statement = _alerts(account).where(ALERT.c.delivered_at.is_(None))
    return _read(session, account, statement.order_by(ALERT.c.id).limit(limit))


def mark_delivered(session: Session, alert: Alert, *, at: datetime) -> bool:
    """Note that people heard of *alert* as it was read; False where it has news since."""
    resolved = ALERT.c.resolved_at.is_not(None)
    as_read = (
        ALERT.c.id == alert.number,
        ALERT.c.severity == alert.notice.severity.value,
        resolved if alert.notice.resolved else ~resolved,
    )
    marked = run(session, update(ALERT).where(*as_read).values(delivered_at=to_ms(at)))
    return marked.rowcount == 1


def read_firing(session: Session, account: AccountId) -> tuple[Alert, ...]:
    """Read the alerts that have not been resolved, the oldest first."""
    statement = _alerts(account).where(ALERT.c.resolved_at.is_(None))
    return _read(session, account, statement.order_by(ALERT.c.id))


def read_alerts(
    session: Session,
    account: AccountId,
    *,
    since: datetime,
    kinds: Collection[str] | None = None,
) -> tuple[Alert, ...]:
    """Read the alerts that were said or resolved at *since* or later, the oldest first."""
    statement = _alerts(account).where(ALERT.c.last_at >= to_ms(since))
    if kinds is not None:
        statement = statement.where(ALERT.c.kind.in_(kinds))
    return _read(session, account, statement.order_by(ALERT.c.id))


def read_troubled(session: Session, key: str) -> tuple[AccountId, ...]:
    """List the accounts in which an alert of *key* fires."""
    statement = (
        select(ACCOUNT.c.name)
        .join(ALERT, ALERT.c.account_id == ACCOUNT.c.id)
        .where(ALERT.c.key == key, ALERT.c.resolved_at.is_(None))
        .order_by(ACCOUNT.c.name)
    )
    return tuple(map(AccountId, run(session, statement).scalars()))


def _post(
    session: Session, notice: Notice, destinations: Collection[Destination], account: int
) -> None:
    """Put a letter about the alert that was just written into the outbox."""
    if destinations:
        alert = _newest_alert(session, account, notice.key, firing=False)
        assert alert is not None
        put(
            session,
            notice,
            destinations,
            account=account,
            alert=alert["id"],
            first_at=from_ms(alert["first_at"]),
        )


def _is_worse(now: Severity, before: Severity) -> bool:
    order = list(Severity)
    return order.index(now) > order.index(before)


def _newest_alert(session: Session, account: int, key: str, *, firing: bool) -> RowMapping | None:
    """Find the newest alert of *key*, and keep it from others; *firing*: only one that fires."""
    statement = _NEWEST_FIRING if firing else _NEWEST
    return run(session, statement, {"account": account, "its_key": key}).mappings().one_or_none()


def _newest(notice: Notice) -> Values:
    return {
        "severity": notice.severity.value,
        "last_at": to_ms(notice.at),
        "resolved_at": to_ms(notice.at) if notice.resolved or notice.once else None,
        "text": storable(notice.text),
        "facts": to_json(notice.facts),
    }


def _first(account: int, notice: Notice) -> Values:
    return {
        "account_id": account,
        "kind": notice.kind,
        "key": notice.key,
        "uid": notice.uid,
        "first_at": to_ms(notice.at),
        **_newest(notice),
    }


def _alerts(account: AccountId) -> Select[tuple[object, ...]]:
    number = select(ACCOUNT.c.id).where(ACCOUNT.c.name == account).scalar_subquery()
    return select(ALERT).where(ALERT.c.account_id == number)


def _read(
    session: Session, account: AccountId, statement: Select[tuple[object, ...]]
) -> tuple[Alert, ...]:
    return tuple(_alert_of(account, row) for row in run(session, statement).mappings())


def _alert_of(account: AccountId, row: RowMapping) -> Alert:
    return Alert(
        number=row["id"],
        notice=Notice(
            account=account,
            kind=row["kind"],
            key=row["key"],
            severity=Severity(row["severity"]),
            at=from_ms(row["last_at"]),
            text=row["text"],
            uid=None if row["uid"] is None else Uid(row["uid"]),
            facts=from_json(row["facts"]),
            resolved=row["resolved_at"] is not None,
        ),
        first_at=from_ms(row["first_at"]),
        delivered_at=maybe_from_ms(row["delivered_at"]),
    )


# Put together once: every notice asks for one of them.
_NEWEST: Final = (
    select(ALERT)
    .where(ALERT.c.account_id == bindparam("account"), ALERT.c.key == bindparam("its_key"))
    .order_by(ALERT.c.id.desc())
    .limit(1)
    .with_for_update()
)
_AGAIN: Final = update(ALERT).where(ALERT.c.id == bindparam("number"))
_NEWEST_FIRING: Final = _NEWEST.where(ALERT.c.resolved_at.is_(None))
