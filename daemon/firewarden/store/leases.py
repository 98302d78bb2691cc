"""Leases: who looks after an account, until when, and the number that grows with each holder."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    RowMapping,
    Select,
    bindparam,
    cast,
    extract,
    func,
    select,
    update,
)

from firewarden.errors import LeaseLost
from firewarden.model.ids import AccountId
from firewarden.store.instants import from_ms, to_ms
from firewarden.store.names import account_key, insert_new, run
from firewarden.store.rows import storable
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, LeaseRow, table

ACCOUNT: Final = table(AccountRow)
LEASE: Final = table(LeaseRow)
NOBODY: Final = {"holder": "", "described": "", "epoch": 0, "expires_at": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to act for an account until ``expires_at``, by the clock that all holders share.

    Attributes:
        holder: made up anew by each process. described: for people, ``host:pid``.
        epoch: the fencing number; another holder, or the same after a pause, has a higher one.
    """

    account: AccountId
    holder: str
    described: str
    epoch: int
    expires_at: datetime


def take(
    session: Session,
    account: AccountId,
    *,
    holder: str,
    described: str,
    now: datetime,
    ttl: timedelta,
) -> Lease | None:
    """Take the lease of *account* for *ttl*; None while another holds it.

    What is ours already is renewed under its epoch; what nobody holds gets the next one.
    """
    row = _locked(session, account_key(session, account))
    instant = shared_instant(session, now)
    standing = _standing(account, row, instant)
    if standing is not None and standing.holder != holder:
        return None
    taken = Lease(
        account=account,
        holder=holder,
        described=storable(described),
        epoch=row["epoch"] + 1 if standing is None else standing.epoch,
        expires_at=from_ms(instant) + ttl,
    )
    return _write(session, taken, row["account_id"])


def renew(
    session: Session,
    account: AccountId,
    *,
    holder: str,
    epoch: int,
    now: datetime,
    ttl: timedelta,
) -> Lease | None:
    """Hold the lease for *ttl* from now; None where it expired or is another's."""
    row = _locked(session, account_key(session, account))
    instant = shared_instant(session, now)
    standing = _standing(account, row, instant)
    if standing is None or (standing.holder, standing.epoch) != (holder, epoch):
        return None
    renewed = Lease(
        account=account,
        holder=holder,
        described=standing.described,
        epoch=epoch,
        expires_at=from_ms(instant) + ttl,
    )
    return _write(session, renewed, row["account_id"])


def bury(session: Session, lease: Lease) -> bool:
    """End *lease*, known to be nobody's any more though its time is not over.

    False where its row is no longer as it was read: somebody is alive after all.
    """
    as_read = (
        LEASE.c.account_id.in_(_key_of(lease.account)),
        LEASE.c.holder == lease.holder,
        LEASE.c.epoch == lease.epoch,
        LEASE.c.expires_at == to_ms(lease.expires_at),
    )
    return run(session, update(LEASE).where(*as_read).values(expires_at=0)).rowcount == 1


def release(session: Session, account: AccountId, *, holder: str) -> bool:
    """Let the lease expire at once, its epoch kept; False where it is not *holder*'s."""
    statement = update(LEASE).where(LEASE.c.account_id.in_(_key_of(account)))
    ours = statement.where(LEASE.c.holder == holder)
    return run(session, ours.values(expires_at=0)).rowcount == 1


def demand(session: Session, account: AccountId, *, holder: str, epoch: int, now: datetime) -> None:
    """Return where *holder* has the lease under *epoch*, and keep it so to the transaction's end.

    Until then, a takeover waits.

    Raises:
        LeaseLost: it expired, is another's, or is this holder's under a later epoch.
    """
    row = run(session, _ITS_LEASE_LOCKED, {"name": account}).mappings().one_or_none()
    standing = None if row is None else _standing(account, row, shared_instant(session, now))
    if standing is None:
        raise LeaseLost("the lease has expired", where=account, mend="nothing was written")
    if standing.holder != holder:
        raise LeaseLost(
            f"{standing.described} looks after it now", where=account, mend="nothing was written"
        )
    if standing.epoch != epoch:
        raise LeaseLost(
            f"the lease was lost and is held anew (epoch {standing.epoch}, was {epoch})",
            where=account,
            mend="nothing was written",
        )


def read_lease(session: Session, account: AccountId, *, now: datetime) -> Lease | None:
    """Read who looks after *account*; None where nobody does."""
    row = run(session, _ITS_LEASE, {"name": account}).mappings().one_or_none()
    return None if row is None else _standing(account, row, shared_instant(session, now))


def _key_of(account: AccountId | ColumnElement[str]) -> Select[Any]:
    return select(ACCOUNT.c.id).where(ACCOUNT.c.name == account)


def _locked(session: Session, account_id: int) -> RowMapping:
    """Give the account's row, which nobody else changes until the transaction ends."""
    found = run(session, _LOCKED, {"number": account_id}).mappings().one_or_none()
    if found is None:
        insert_new(session, LEASE, [{**NOBODY, "account_id": account_id}])
        found = run(session, _LOCKED, {"number": account_id}).mappings().one()
    return found


def shared_instant(session: Session, now: datetime) -> int:
    """Tell the time that decides, in ms; to be asked when the row is locked.

    Hosts have clocks of their own, a server has one for all; a file is used by one host.
    """
    if session.dialect.name == "sqlite":
        return to_ms(now)
    seconds = extract("epoch", func.clock_timestamp())
    return int(run(session, select(cast(func.floor(seconds * 1000), BigInteger))).scalar_one())


def _standing(account: AccountId, row: RowMapping, instant: int) -> Lease | None:
    if row["expires_at"] <= instant:
        return None
    return Lease(
        account=account,
        holder=row["holder"],
        described=row["described"],
        epoch=row["epoch"],
        expires_at=from_ms(row["expires_at"]),
    )


def _write(session: Session, lease: Lease, account_id: int) -> Lease:
    statement = update(LEASE).where(LEASE.c.account_id == account_id)
    run(
        session,
        statement.values(
            holder=lease.holder,
            described=lease.described,
            epoch=lease.epoch,
            expires_at=to_ms(lease.expires_at),
        ),
    )
    return lease


# Put together once: every transaction asks for it.
_LOCKED: Final = select(LEASE).where(LEASE.c.account_id == bindparam("number")).with_for_update()
_ITS_LEASE: Final = select(LEASE).where(LEASE.c.account_id.in_(_key_of(bindparam("name"))))
_ITS_LEASE_LOCKED: Final = _ITS_LEASE.with_for_update()
