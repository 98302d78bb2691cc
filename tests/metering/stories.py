"""Random lives of deployments under a random watch, with the truth kept beside."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Self

from firewarden.metering.evidence import EvidenceBook
from firewarden.metering.fold import GAP_AFTER_INTERVALS, Ledger
from firewarden.model.activity import Scrape
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined, Fleet
from firewarden.model.ids import Uid, make_uid
from tests.metering.builders import (
    ACCOUNT,
    ACTIVE,
    EVERY,
    QUIET,
    START,
    UNREADABLE,
    Shelf,
    a_deployment,
    a_name,
)

EVERY_MS = EVERY // timedelta(milliseconds=1)
GPUS = 8


def at_ms(ms: int) -> datetime:
    return START + timedelta(milliseconds=ms)


@dataclass
class Life:
    """One incarnation: what was truly ready, and what the last look of anybody's showed."""

    deployment: Deployment
    begun: int
    steps: list[tuple[int, int]] = field(default_factory=list)
    deleted: int | None = None
    soft: bool = False
    looked: int = 0
    shown: Deployment | None = None

    @property
    def uid(self) -> Uid:
        return self.deployment.uid

    @property
    def ready(self) -> int:
        return self.steps[-1][1] if self.steps else 0

    def held_ms(self, begin: int, end: int) -> int:
        """GPU-milliseconds truly held in ``[begin, end)``."""
        held = 0
        for (at, ready), (until, _) in pairwise([*self.steps, (end, 0)]):
            held += ready * GPUS * max(0, min(until, end) - max(at, begin))
        return held

    def describe(self) -> Deployment | None:
        """What the provider says now; the same object as last time if nothing changed."""
        if self.deleted is not None and not self.soft:
            return None
        now = a_deployment(
            self.deployment.deployment_id,
            created_at=self.deployment.created_at,
            ready_replica_count=self.ready,
            min_replica_count=self.deployment.min_replica_count,
            max_replica_count=self.deployment.max_replica_count,
            state="READY" if self.deleted is None else "DELETED",
            deleted_at=None if self.deleted is None else at_ms(self.deleted),
        )
        if now != self.shown:
            self.shown = now
        return self.shown


class Story:
    """A watch over a few names: polls that are late, partial, missed, repeated; restarts.

    Between two looks at a deployment that are no gap apart at most one thing happens to it,
    which is all that polling can ever promise to see; in a gap anything may, inside the
    deployment's own floor and ceiling.
    """

    def __init__(self, seed: int, *, names: int = 2) -> None:
        self.rng = Random(seed)
        self.now = 0
        self.shelf = Shelf()
        self.seen: Counter[str] = Counter()
        self.restart()
        self.lives: list[Life] = []
        self.current: dict[str, Life] = {}
        self.begun: int | None = None
        self.polls: list[Fleet] = []
        self.polled = 0
        for index in range(names):
            self.create(f"d{index}", -self.rng.randrange(1, 10**8), self.rng.randrange(3))

    def create(self, name: str, at: int, ready: int, *, ready_at: int | None = None) -> None:
        floor = self.rng.randrange(2)
        deployment = a_deployment(
            name, created_at=at_ms(at), min_replica_count=floor, max_replica_count=4
        )
        assert deployment.uid == make_uid(a_name(name), at_ms(at))
        life = Life(deployment=deployment, begun=at, looked=at)
        if ready:
            life.steps.append((at if ready_at is None else ready_at, ready))
        self.lives.append(life)
        self.current[name] = life

    def is_met(self, life: Life) -> bool:
        """Does the ledger have it open? What it has never met, or buried, begins anew."""
        return self.ledger.open_segment(life.uid) is not None

    def is_seen(self, life: Life) -> bool:
        """Has it been shown since it began? What comes and goes between two looks nobody sees."""
        return self.is_met(life) and life.looked > life.begun

    def is_gap(self, life: Life, until: int) -> bool:
        """Will nobody have looked for so long that anything may happen?"""
        since = life.looked if self.is_met(life) else self.polled
        return until - since > GAP_AFTER_INTERVALS * EVERY_MS + 10_000

    def live_through(self, until: int) -> None:
        """Let things happen between the last look at each deployment and *until*."""
        for name in self.current:
            for at in sorted(self.rng.randrange(self.now, until) for _ in range(3)):
                life = self.current[name]
                gap = self.is_gap(life, until)
                last = max(life.steps[-1][0] if life.steps else life.begun, life.looked)
                if at < last or (not gap and self.changed(life)) or self.rng.random() < 0.7:
                    continue
                self.happen(name, life, at, until)

    def changed(self, life: Life) -> bool:
        """Has something happened since the last look already?"""
        return bool(life.steps) and life.steps[-1][0] >= life.looked

    def happen(self, name: str, life: Life, at: int, until: int) -> None:
        kind = self.rng.random()
        if life.deleted is not None:
            if life.soft and kind < 0.3 and life.deleted < life.looked:
                self.seen["undelete"] += 1
                life.deleted, life.begun = None, at
                life.steps.append((at, self.rng.randrange(1, 5)))
            elif not life.soft or kind < 0.6:
                ready_at = self.rng.randrange(at, until)
                self.seen["re-creation"] += 1
                self.create(name, at, self.rng.randrange(3), ready_at=ready_at)
        elif kind < 0.25 and self.is_seen(life):
            self.seen["delete"] += 1
            life.steps.append((at, 0))
            life.deleted = at
            life.soft = self.is_met(life) and self.rng.random() < 0.5
        else:
            life.steps.append((at, self.rng.randint(life.deployment.min_replica_count, 4)))

    def step(self) -> None:
        """One interval: things happen, a poll is made or missed, perhaps a restart."""
        missed = self.rng.choice((0, 0, 0, 0, 0, 1, 1, 2, 5, 130))
        asked = self.now + int(EVERY_MS * (missed + self.rng.uniform(0.75, 1.25)))
        told = asked + self.rng.randrange(1, 4000)
        answered = told + self.rng.randrange(1, 1000)
        self.live_through(told)
        self.seen["gap"] += missed > 1
        complete = self.begun is None or self.rng.random() < 0.75
        fleet = Fleet(
            account=ACCOUNT,
            asked_at=at_ms(asked),
            answered_at=at_ms(answered),
            complete=complete,
            deployments=self.listing(told, asked, complete=complete),
        )
        self.shelf.put_poll(fleet)
        self.shelf.put(self.ledger.fold_fleet(fleet))
        self.polls.append(fleet)
        self.now = told
        if self.begun is None:
            self.begun = answered
        self.seen["incomplete"] += not complete
        if complete:
            self.polled = asked
        if self.rng.random() < 0.8:
            self.examine(answered)
        self.scrape(fleet, answered)
        if self.rng.random() < 0.2:
            self.seen["restart"] += 1
            self.restart()

    def listing(self, told: int, asked: int, *, complete: bool) -> dict[Uid, Deployment]:
        shown: dict[Uid, Deployment] = {}
        for life in self.lives:
            hidden = self.rng.random() < (
                0.05 if complete and self.is_met(life) else 0 if complete else 0.4
            )
            described = life.describe()
            replaced = life is not self.current[life.deployment.deployment_id]
            if described is None or hidden or replaced or life.begun > told:
                continue
            shown[life.uid] = described
            life.looked = asked
        return shown

    def examine(self, after: int) -> None:
        """Ask for each that is missing, as the daemon does."""
        for uid in self.ledger.missing:
            life = next(life for life in self.lives if life.uid == uid)
            now = self.current[life.deployment.deployment_id]
            found = now.describe()
            asked, answered = after + 100, after + 900
            if self.rng.random() < 0.2:
                self.seen["lost answer"] += 1
                continue
            read = Examined(asked_at=at_ms(asked), answered_at=at_ms(answered), deployment=found)
            self.shelf.put(self.ledger.fold_examined(uid, read))
            if found is not None and now is life:
                now.looked = asked
        self.now = max(self.now, after + 901)

    def scrape(self, fleet: Fleet, answered: int) -> None:
        """Scrape twice after each poll: whole or not, with every kind of sample."""
        for at in (answered + 1000, answered + 15_000):
            names = {deployment.name for deployment in fleet.deployments.values()}
            scrape = Scrape(
                account=ACCOUNT,
                asked_at=at_ms(at),
                answered_at=at_ms(at),
                whole=self.rng.random() < 0.9,
                samples={
                    name: self.rng.choice((QUIET, QUIET, QUIET, QUIET, ACTIVE, UNREADABLE))
                    for name in sorted(names)
                },
            )
            change = self.evidence.fold(scrape, fleet)
            self.shelf.put_runs(change, self.evidence.last_record)

    def restart(self) -> None:
        remembered = self.shelf.remembered()
        self.ledger = Ledger(remembered, poll_every=EVERY)
        self.evidence = EvidenceBook(remembered.runs, remembered.scrapes)

    def play(self, steps: int, *, each: Callable[["Story"], None] | None = None) -> Self:
        for _ in range(steps):
            self.step()
            if each is not None:
                each(self)
        return self
