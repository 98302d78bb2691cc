"""Destinations: their id at the receiver, when they may be written to, whether they work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Update, bindparam, case, select, update

from firewarden.model.delivery import Destination
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.names import insert_new, run
from firewarden.store.rows import storable
from firewarden.store.session import Session
from firewarden.store.tables import ChannelRow, table

CHANNEL: Final = table(ChannelRow)


def lock(session: Session, destination: str) -> str | None:
    """Keep others from claiming for *destination* until the end of the transaction.

    Gives its id at the receiver, "" where that is not known yet; None: somebody else is at
    it right now.
    """
    found: str | None = run(session, _LOCK, {"name": destination}).scalar_one_or_none()
    if found is None:  # nobody has met it, or somebody is at it
        _meet(session, destination)
        found = run(session, _LOCK, {"name": destination}).scalar_one_or_none()
    return found


def closed(session: Session, *, now: datetime) -> Mapping[str, datetime]:
    """List the destinations that may not be written to yet, with the end of that."""
    rows = run(session, CLOSED, {"now": to_ms(now)}).mappings()
    return {row["destination"]: from_ms(row["not_before"]) for row in rows}


def close_until(session: Session, destination: Destination, until: datetime) -> None:
    """Let nobody write to *destination* before *until*; a later instant stands."""
    _meet(session, str(destination))
    end = to_ms(until)
    later = case((CHANNEL.c.not_before > end, CHANNEL.c.not_before), else_=end)
    run(session, _update(destination).values(not_before=later))


def remember(session: Session, destination: Destination, resolved: str) -> None:
    """Keep the id that *destination* has at the receiver; "" forgets it."""
    _meet(session, str(destination))
    run(session, _update(destination).values(resolved=storable(resolved)))


def degrade(session: Session, destination: Destination, problem: str, *, at: datetime) -> None:
    """Note that *destination* does not work; since when stays as it was first said."""
    _meet(session, str(destination))
    since = case((CHANNEL.c.degraded_since.is_(None), to_ms(at)), else_=CHANNEL.c.degraded_since)
    run(session, _update(destination).values(degraded_since=since, problem=storable(problem)))


def mend(session: Session, destination: Destination) -> bool:
    """Note that *destination* works; tells whether it did not."""
    return run(session, _MEND, {"name": str(destination)}).rowcount == 1


def degraded(session: Session) -> Mapping[str, datetime]:
    """List the destinations that do not work, and since when."""
    statement = select(CHANNEL.c.destination, CHANNEL.c.degraded_since).where(
        CHANNEL.c.degraded_since.is_not(None)
    )
    rows = run(session, statement).mappings()
    return {row["destination"]: from_ms(row["degraded_since"]) for row in rows}


def _meet(session: Session, destination: str) -> None:
    new = {
        "destination": destination,
        "resolved": "",
        "not_before": 0,
        "degraded_since": None,
        "problem": "",
    }
    insert_new(session, CHANNEL, [new])


def _update(destination: Destination) -> Update:
    return update(CHANNEL).where(CHANNEL.c.destination == str(destination))


# Put together once: every letter asks for them.
CLOSED: Final = select(CHANNEL.c.destination, CHANNEL.c.not_before).where(
    CHANNEL.c.not_before > bindparam("now")
)
_LOCK: Final = (
    select(CHANNEL.c.resolved)
    .where(CHANNEL.c.destination == bindparam("name"))
    .with_for_update(skip_locked=True)
)
_MEND: Final = (
    update(CHANNEL)
    .where(CHANNEL.c.destination == bindparam("name"), CHANNEL.c.degraded_since.is_not(None))
    .values(degraded_since=None, problem="")
)
