"""The post office: takes letters out of the outbox and has them delivered, one by one.

A letter is at least once on its way and, where the receiver can be asked, never twice there.
What cannot be delivered goes to the fallback, and people hear that a destination does not work.
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from firewarden.errors import NotDelivered, WorldError
from firewarden.model.delivery import Destination, Receipt, Way
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.ports import Clock, Crash, CrashPoint, Notifier, RunDb
from firewarden.store import letters
from firewarden.store.channels import degrade, mend
from firewarden.store.claiming import claim_next, next_due
from firewarden.store.engine import Database
from firewarden.store.letters import Letter
from firewarden.store.notices import read_troubled, record
from firewarden.store.outbox import (
    bury,
    mark_sent,
    postpone,
    put_again,
    put_off,
    set_aside,
    withdraw,
)
from firewarden.store.session import Session

log = structlog.get_logger()

LOG: Final = Destination(way=Way.LOG)
FIRST_PAUSE: Final = timedelta(seconds=4)
LONGEST_PAUSE: Final = timedelta(minutes=15)
ASIDE_FOR: Final = timedelta(minutes=30)
"""How soon a destination that takes nothing is tried again, by what waits for its receipt."""

LONGEST_REST: Final = timedelta(days=1)
"""What a receiver asks for beyond that is taken for a mistake."""

Fallback = Callable[[Notice, Destination], Collection[Destination]]
"""Where a notice goes that the destination will never take."""


class Poster(Protocol):
    """Delivers letters to one kind of destination."""

    async def post(self, letter: Letter) -> Receipt | None:
        """Deliver *letter*; None: it only takes back what the destination never got.

        Raises:
            NotDelivered: it was not taken; says whether trying again can help.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """Delivers by a notifier of this process: the log, the terminal."""

    notifier: Notifier
    clock: Clock

    async def post(self, letter: Letter) -> Receipt:
        """Tell it at once.

        Raises:
            NotDelivered: there is nobody to tell, and will not be.
        """
        try:
            await self.notifier.notify(letter.notice)
        except WorldError as error:
            raise NotDelivered(error.problem, mend=error.mend, for_good=True) from error
        return Receipt(at=self.clock.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobody:
    """Stands where there is no way to a kind of destination, and says the *mend*."""

    mend: str

    async def post(self, letter: Letter) -> Receipt:
        """Refuse it for good."""
        raise NotDelivered(
            "there is no way to it", where=str(letter.destination), mend=self.mend, for_good=True
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a post office works with.

    Attributes:
        clock: what receipts are dated by; it may be compressed.
        wall: what tries and rests are measured by; it is not.
    """

    database: Database
    run_db: RunDb
    clock: Clock
    wall: Clock
    rng: random.Random
    crash: Crash


class PostOffice:
    """Sends what one account has to tell. Several may work on one database."""

    def __init__(
        self,
        means: Means,
        *,
        account: AccountId,
        posters: Mapping[Way, Poster],
        fallback: Fallback,
    ) -> None:
        """Send for *account*, as long as this object is asked to; asks nobody yet."""
        self._means = means
        self._account = account
        self._posters = {way: Nobody(mend="") for way in Way} | dict(posters)
        self._fallback = fallback

    async def run_once(self) -> int:
        """Send all that is due, one after another; gives how many were taken.

        What failed is in the outbox with its next try, and is no error of this call.
        """
        taken = 0
        while (letter := await self._means.run_db(self._claim)) is not None:
            taken += await self._send(letter)
        return taken

    async def pause(self) -> timedelta | None:
        """Tell how long nothing will be due, in time of the wall; None: nothing waits at all."""
        now = self._means.wall.now()

        def read() -> datetime | None:
            with self._means.database.reading() as session:
                return next_due(session, self._account, now=now)

        due = await self._means.run_db(read)
        return None if due is None else max(due - now, timedelta(0))

    def _claim(self) -> Letter | None:
        with self._means.database.writing() as session:
            return claim_next(session, self._account, now=self._means.wall.now())

    async def _send(self, letter: Letter) -> bool:
        try:
            receipt = await self._posters[letter.destination.way].post(letter)
        except NotDelivered as error:
            await self._commit(partial(self._fail, letter=letter, error=error))
            return False
        self._means.crash(CrashPoint.NOTICE_SENT)
        await self._commit(partial(self._settle, letter=letter, receipt=receipt))
        return receipt is not None

    async def _commit(self, write: Callable[[Session], None]) -> None:
        def work() -> None:
            with self._means.database.writing() as session:
                write(session)

        await self._means.run_db(work)

    def _settle(self, session: Session, *, letter: Letter, receipt: Receipt | None) -> None:
        if receipt is None:
            withdraw(session, letter)
            return
        mark_sent(session, letter, receipt, now=self._means.wall.now())
        if mend(session, letter.destination):
            self._tell_of_mending(session, letter)

    def _fail(self, session: Session, *, letter: Letter, error: NotDelivered) -> None:
        now = self._means.wall.now()
        is_throttled = error.retry_after is not None
        pause = self._pause_after(letter, error)
        if error.for_good or now + pause >= letter.expires_at:
            self._give_up(session, letter, error)
            return
        if is_throttled:
            put_off(session, letter, error.problem, until=now + pause, now=now)
        else:
            in_doubt, at = error.unknown, now + pause
            postpone(session, letter, error.problem, next_at=at, now=now, in_doubt=in_doubt)
        _bound(letter).warning(
            "notice.undelivered",
            error=str(error),
            tries=letter.tries,
            retry_seconds=round(pause.total_seconds(), 1),
        )

    def _pause_after(self, letter: Letter, error: NotDelivered) -> timedelta:
        """Give what the receiver asked for, else a random part of twice the last time's limit."""
        if error.retry_after is not None:
            return min(max(error.retry_after, timedelta(0)), LONGEST_REST)
        longest = min(FIRST_PAUSE * (1 << min(letter.tries - 1, 20)), LONGEST_PAUSE)
        return longest * self._means.rng.random()

    def _give_up(self, session: Session, letter: Letter, error: NotDelivered) -> None:
        """Send it elsewhere, and say why; what something waits for is tried again all the same.

        A warning before a delete goes elsewhere only where its destination refuses it: while
        that merely does not answer, nothing is deleted.
        """
        now, is_waited_for = self._means.wall.now(), letters.is_waited_for(letter.notice)
        if is_waited_for:
            in_doubt, at = error.unknown, now + max(ASIDE_FOR, self._pause_after(letter, error))
            set_aside(session, letter, error.problem, next_at=at, now=now, in_doubt=in_doubt)
        else:
            bury(session, letter, error.problem, now=now)
        elsewhere = self._elsewhere(letter)
        if error.for_good or not letters.warns_of_delete(letter.notice):
            put_again(session, letter, elsewhere)
        at = self._means.clock.now()
        degrade(session, letter.destination, error.problem, at=at)
        told = f"{error.problem}; {error.mend}" if error.mend else error.problem
        text = f"{letter.destination} cannot be reached: {told}"
        notice = _of_destination(letter, letter.notice.account, at, text)
        record(session, notice, [LOG, *elsewhere])
        said = _bound(letter).warning if is_waited_for else _bound(letter).error
        said("notice.abandoned", error=str(error), instead=sorted(map(str, elsewhere)))

    def _tell_of_mending(self, session: Session, letter: Letter) -> None:
        text, at = f"{letter.destination} can be reached again", self._means.clock.now()
        for account in read_troubled(session, _degraded_key(letter.destination)):
            notice = _of_destination(letter, account, at, text, resolved=True)
            record(session, notice, [LOG, *self._elsewhere(letter)])

    def _elsewhere(self, letter: Letter) -> list[Destination]:
        """Give the fallback of *letter*: never the destination that failed."""
        found = self._fallback(letter.notice, letter.destination)
        return [each for each in dict.fromkeys(found) if each != letter.destination]


def _of_destination(
    letter: Letter, account: AccountId, at: datetime, text: str, *, resolved: bool = False
) -> Notice:
    return Notice(
        account=account,
        kind="delivery.degraded",
        key=_degraded_key(letter.destination),
        severity=Severity.WARN,
        at=at,
        text=text,
        facts={"destination": str(letter.destination)},
        resolved=resolved,
    )


def _degraded_key(destination: Destination) -> str:
    return f"delivery.degraded:{destination}"


def _bound(letter: Letter) -> structlog.typing.FilteringBoundLogger:
    bound: structlog.typing.FilteringBoundLogger = log.bind(
        account=letter.notice.account,
        kind=letter.notice.kind,
        key=letter.notice.key,
        destination=str(letter.destination),
    )
    return bound
