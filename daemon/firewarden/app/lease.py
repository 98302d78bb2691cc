"""Holds one account's lease: takes it, renews it, and always knows whether it still has it."""

import os
import random
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from firewarden.errors import FirewardenError, LeaseLost
from firewarden.model.ids import AccountId
from firewarden.ports import Clock, RunDb
from firewarden.store import leases
from firewarden.store.engine import Database
from firewarden.store.leases import Lease
from firewarden.store.session import Session

log = structlog.get_logger()

TTL: Final = timedelta(seconds=30)
RENEW_EVERY: Final = TTL / 3
"""Of wall time, as all of a lease: a successor has it at most ``TTL + RENEW_EVERY`` later."""

MARGIN: Final = timedelta(seconds=1)
"""By so much we let go before the database lets others in."""

NEVER: Final = float("-inf")


def this_process() -> str:
    """Say who we are, for people: ``host:pid``."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """One unbroken holding of a lease: what was begun in it must not go on in another."""

    keeper: "LeaseKeeper"
    epoch: int

    def still_held(self) -> None:
        """Return where it goes on; asks nobody, so it can be asked before every call.

        Raises:
            LeaseLost: it is over, or may be.
        """
        self.keeper.still_held()
        if self.keeper.epoch != self.epoch:
            raise LeaseLost(
                f"the lease was lost and is held anew (epoch {self.keeper.epoch}, was"
                f" {self.epoch})",
                where=self.keeper.account,
                mend="what was begun is left to the next cycle",
            )

    def fence(self, session: Session) -> None:
        """Let the transaction of *session* write only if it goes on, and to its end.

        Raises:
            LeaseLost: it is over, or may be.
        """
        self.still_held()
        self.keeper.demand(session, epoch=self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a lease is held.

    Attributes:
        ttl: how long it lasts unrenewed, of wall time; a third of it is time to renew it.
        alone: this process has the lock of the whole ledger, so that whoever else the row
            names is dead.
        described: who we are, for people.
    """

    ttl: timedelta = TTL
    alone: bool = False
    described: str = field(default_factory=this_process)


class LeaseKeeper:
    """One process's hold on one account's lease.

    How long it lasts is measured on the monotonic clock of the wall, from before the renewal
    was begun: a slow answer, a pause of the process or a set clock can only shorten it.
    """

    def __init__(
        self,
        account: AccountId,
        *,
        database: Database,
        run_db: RunDb,
        wall: Clock,
        rng: random.Random,
        terms: Terms | None = None,
    ) -> None:
        """Hold nothing yet; *wall* is time that is never compressed."""
        terms = Terms() if terms is None else terms
        self.account = account
        self.holder = str(UUID(int=rng.getrandbits(128), version=4))
        self.described = terms.described
        self.ttl = terms.ttl
        self.epoch = 0
        self.other: Lease | None = None
        self._database = database
        self._run_db = run_db
        self._wall = wall
        self._alone = terms.alone
        self._deadline = NEVER
        self._other_seen_at = NEVER
        self._is_told = False

    @property
    def is_held(self) -> bool:
        """We may act, as far as the clock tells."""
        return self._wall.mono() < self._deadline

    def still_held(self) -> None:
        """Return where we may act; asks nobody, so it can be asked before every call.

        Raises:
            LeaseLost: another may act now, or soon.
        """
        if not self.is_held:
            by = f"{self.other.described} looks after it" if self.other else "it was not renewed"
            raise LeaseLost(f"the lease is not ours: {by}", where=self.account)

    def tenure(self) -> Tenure:
        """Give the present holding, for what must end with it.

        Raises:
            LeaseLost: there is none.
        """
        self.still_held()
        return Tenure(keeper=self, epoch=self.epoch)

    def fence(self, session: Session) -> None:
        """Let the transaction of *session* write only while we may act.

        Raises:
            LeaseLost: another may act now, or soon.
        """
        self.tenure().fence(session)

    def demand(self, session: Session, *, epoch: int) -> None:
        """Ask the database whether *epoch* is ours, and have a takeover wait until it commits."""
        now = self._wall.now()
        leases.demand(session, self.account, holder=self.holder, epoch=epoch, now=now)

    async def acquire(self) -> bool:
        """Take the lease or renew it, once; False while another has it."""
        begun_at = self._wall.mono()
        try:
            held, other = await self._run_db(self._take_or_renew)
        except FirewardenError:
            self._say_if_over()
            raise
        self._look_at(other)
        if held is None:
            self._deadline = NEVER
            self._say_if_over()
            return False
        self._hold(held, begun_at)
        return self.is_held

    async def keep(self) -> None:
        """Renew the lease, or try to take it: the work of a role, each `RENEW_EVERY`."""
        await self.acquire()

    async def release(self) -> None:
        """Let a successor take the lease at once; nothing may be done for the account after it."""
        self._deadline = NEVER
        self._is_told = False
        if await self._run_db(self._release):
            log.info("lease.released", **self._facts)

    def _take_or_renew(self) -> tuple[Lease | None, Lease | None]:
        """Give our lease, or that of whoever keeps us from it."""
        now, holder = self._wall.now(), self.holder
        with self._database.writing() as session:
            held = leases.renew(
                session, self.account, holder=holder, epoch=self.epoch, now=now, ttl=self.ttl
            )
            if held is not None:
                return held, None
            standing = leases.read_lease(session, self.account, now=now)
            if standing is not None and self._is_dead(standing):
                leases.bury(session, standing)
            held = leases.take(
                session,
                self.account,
                holder=holder,
                described=self.described,
                now=now,
                ttl=self.ttl,
            )
            return held, standing if held is None else None

    def _release(self) -> bool:
        with self._database.writing() as session:
            return leases.release(session, self.account, holder=self.holder)

    def _is_dead(self, standing: Lease) -> bool:
        """Is it nobody's any more, though the shared clock, set back perhaps, does not say so?

        Who lives renews it; one that we have seen unrenewed for its whole time is over for its
        holder too, whose clock began before.
        """
        if standing.holder == self.holder:
            return False
        seen_for = self._wall.mono() - self._other_seen_at
        return self._alone or (standing == self.other and seen_for >= self.ttl.total_seconds())

    def _look_at(self, other: Lease | None) -> None:
        if other == self.other:
            return
        if other is not None and (self.other is None or other.holder != self.other.holder):
            log.info("lease.awaited", account=self.account, held_by=other.described)
        self.other = other
        self._other_seen_at = self._wall.mono()

    def _hold(self, lease: Lease, begun_at: float) -> None:
        if lease.epoch != self.epoch:
            self._say_lost()
        self.epoch = lease.epoch
        self._deadline = begun_at + (self.ttl - MARGIN).total_seconds()
        if not self._is_told and self.is_held:
            self._is_told = True
            log.info("lease.taken", **self._facts)

    def _say_if_over(self) -> None:
        if not self.is_held:
            self._say_lost()

    def _say_lost(self) -> None:
        if self._is_told:
            self._is_told = False
            log.warning("lease.lost", **self._facts)

    @property
    def _facts(self) -> dict[str, object]:
        return {"account": self.account, "epoch": self.epoch, "holder": self.holder}
