"""Replicas: the processes that would look after accounts, so that they can share them."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select

from firewarden.store.leases import shared_instant
from firewarden.store.names import insert, run
from firewarden.store.rows import storable
from firewarden.store.session import Session
from firewarden.store.tables import ReplicaRow, table

REPLICA: Final = table(ReplicaRow)


def beat(session: Session, holder: str, *, described: str, now: datetime, ttl: timedelta) -> int:
    """Say that *holder* lives, for *ttl*; gives how many do, this one included.

    Those whose time is over are forgotten.
    """
    instant = shared_instant(session, now)
    run(session, delete(REPLICA).where(REPLICA.c.expires_at <= instant))
    row = {
        "holder": holder,
        "described": storable(described),
        "expires_at": instant + ttl // timedelta(milliseconds=1),
    }
    statement = insert(session, REPLICA).values(row)
    run(
        session,
        statement.on_conflict_do_update(
            index_elements=["holder"], set_={"expires_at": statement.excluded["expires_at"]}
        ),
    )
    return int(run(session, select(func.count(REPLICA.c.holder))).scalar_one())


def leave(session: Session, holder: str) -> None:
    """Say that *holder* is about to end."""
    run(session, delete(REPLICA).where(REPLICA.c.holder == holder))
