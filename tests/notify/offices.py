"""A post office on a database in memory, with posters that do what a test says."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from firewarden.errors import NotDelivered
from firewarden.model.delivery import Delivery, Destination, Receipt, Way
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.post import LONGEST_PAUSE, Means, Poster, PostOffice
from firewarden.ports import Crash, CrashPoint
from firewarden.store.deliveries import deliveries
from firewarden.store.engine import Database
from firewarden.store.letters import Letter
from firewarden.store.notices import read_alerts, record
from firewarden.store.runner import Inline
from tests.support.clock import NOW, FakeClock

ACME = AccountId("acme")
COSTS = Destination(way=Way.SLACK, address="gpu-costs")
OPS = Destination(way=Way.SLACK, address="gpu-ops")
LOG = Destination(way=Way.LOG)
STORY = "incident:idle:exp-7"

WARNING = Notice(
    account=ACME,
    kind="idle.warn",
    key=STORY,
    severity=Severity.INFO,
    at=NOW,
    text="exp-7: idle 45m, 8 GPUs, 64.00 USD/h; to be scaled to zero at 12:15 UTC [idle]",
    facts={
        "deployment_id": "exp-7",
        "policy": "idle",
        "mode": "enforce",
        "verb": "scale_to_zero",
        "reason": "idle 45m",
        "accelerator_type": "NVIDIA_H100_80GB",
        "gpu_count": "8",
        "saves_usd_per_hour": "64.00",
        "acts_at": "2026-11-04T12:15:00+00:00",
    },
)
ACTED = replace(
    WARNING, kind="idle.acted", at=NOW + timedelta(minutes=15), text="exp-7: now", resolved=True
)
CANCELLED = replace(
    WARNING, kind="idle.cancelled", at=NOW + timedelta(minutes=5), text="in use", resolved=True
)


class Mailbox:
    """A poster that takes every letter, unless it was told to fail."""

    def __init__(self, clock: FakeClock) -> None:
        self.taken: list[Letter] = []
        self.errors: dict[Destination, NotDelivered] = {}
        self._clock = clock

    async def post(self, letter: Letter) -> Receipt:
        if (error := self.errors.get(letter.destination)) is not None:
            raise error
        self.taken.append(letter)
        return Receipt(at=self._clock.now(), channel="C1", message=str(len(self.taken)))

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(str(letter.destination), letter.notice.kind) for letter in self.taken]


def _nothing(_point: CrashPoint) -> None:
    """Crash nowhere."""


@dataclass(kw_only=True)
class Setting:
    """A database with a clock of the daemon's, a wall, and offices that work on it."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    wall: FakeClock = field(default_factory=FakeClock)

    def office(
        self,
        posters: Mapping[Way, Poster],
        *,
        fallback: Collection[Destination] = (),
        crash: Crash = _nothing,
        seed: int = 1,
    ) -> PostOffice:
        """Open a new office; what is known of before is in the database alone."""
        means = Means(
            database=self.database,
            run_db=Inline(),
            clock=self.clock,
            wall=self.wall,
            rng=random.Random(seed),
            crash=crash,
        )
        return PostOffice(
            means, account=ACME, posters=posters, fallback=lambda _notice, _failed: fallback
        )

    def write(self, *notices: Notice, to: Collection[Destination] = (COSTS,)) -> None:
        with self.database.writing() as session:
            for notice in notices:
                assert record(session, notice, to)

    def delivery(self, story: str = STORY) -> Delivery:
        with self.database.reading() as session:
            return deliveries(session, ACME, [story])[story]

    def alerts(self, kind: str) -> list[Notice]:
        with self.database.reading() as session:
            found = read_alerts(session, ACME, since=NOW, kinds=[kind])
        return [alert.notice for alert in found]

    async def until_idle(self, office: PostOffice) -> timedelta:
        """Let the office work until all is sent, given up or set aside.

        Gives the time of the wall that it took.
        """
        began = self.wall.now()
        await office.run_once()
        while (pause := await office.pause()) is not None and pause <= LONGEST_PAUSE:
            await self.wall.advance(pause)
            await office.run_once()
        return self.wall.now() - began
