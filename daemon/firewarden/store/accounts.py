"""Which accounts the ledger knows, and how far the usage of one is rolled up."""

from datetime import datetime

from sqlalchemy import func, select

from firewarden.model.ids import AccountId
from firewarden.store.instants import from_hour
from firewarden.store.names import run
from firewarden.store.session import Session
from firewarden.store.usage import ACCOUNT, DEPLOYMENT, DIRTY


def read_accounts(session: Session) -> tuple[AccountId, ...]:
    """Read the names of all accounts that were ever observed, in order."""
    return tuple(
        AccountId(name)
        for name in run(session, select(ACCOUNT.c.name).order_by(ACCOUNT.c.name)).scalars().all()
    )


def read_oldest_dirty(session: Session, account: AccountId) -> datetime | None:
    """Find the start of the oldest hour whose usage has to be made again; None: there is none.

    Hours from there on are to be measured from segments, not read as sums.
    """
    statement = (
        select(func.min(DIRTY.c.hour))
        .join(DEPLOYMENT, DEPLOYMENT.c.id == DIRTY.c.deployment_id)
        .join(ACCOUNT, ACCOUNT.c.id == DEPLOYMENT.c.account_id)
        .where(ACCOUNT.c.name == account)
    )
    hour = run(session, statement).scalar_one()
    return None if hour is None else from_hour(hour)
