"""One life of the whole daemon in enforce, with its deaths, from a seed to what came of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from firewarden.app.answers import show_plan
from firewarden.app.compose import load_policies, open_database
from firewarden.app.picture import take_picture
from firewarden.app.queries import Ledger, read_ledger
from firewarden.app.settings import Settings
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.errors import ProviderError
from firewarden.metering.instants import round_down
from firewarden.notify.slack.answers import Door
from firewarden.policy.rules import PolicySet
from firewarden.ports import Crash, CrashPoint
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.seeds import child
from firewarden.providers.simulated.world import World
from firewarden.report.plan import PlanItem
from firewarden.store.engine import Database
from tests.simulation.ring.casting import Cast, draw_cast
from tests.simulation.ring.people import Doing, People, draw_doings
from tests.simulation.ring.striking import (
    CHAOS,
    TAIL,
    Death,
    Fault,
    draw_deaths,
    draw_faults,
    fault_file,
)
from tests.simulation.ring.watching import Killed, Watch
from tests.simulation.stages import MINUTE, START
from tests.support.daemon import Stage, a_stage, ask, running, settings_for
from tests.support.slack import Face, FakeSlack

T = TypeVar("T")

SETTLED = START + CHAOS
"""From here on nothing goes wrong: nothing is struck, nobody meddles, no process is dead."""

END = SETTLED + TAIL
CALM_EVERY = FAST_EVERY = 10
"""One seed of so many is without faults and deaths, and one looks each 30 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All that a seed draws."""

    seed: int
    cast: Cast
    faults: tuple[Fault, ...]
    deaths: tuple[Death, ...]
    doings: tuple[Doing, ...]
    every: timedelta

    @property
    def is_calm(self) -> bool:
        return not self.faults and not self.deaths


def draw(seed: int) -> Script:
    """Draw a life; each part of it from numbers of its own."""
    cast = draw_cast(child(seed, "cast"))
    is_calm = seed % CALM_EVERY == CALM_EVERY // 2
    return Script(
        seed=seed,
        cast=cast,
        faults=() if is_calm else draw_faults(child(seed, "faults"), _struck(cast)),
        deaths=() if is_calm else draw_deaths(child(seed, "deaths")),
        doings=tuple(draw_doings(child(seed, "doings"), cast.names)),
        every=MINUTE / 2 if seed % FAST_EVERY == 0 else 2 * MINUTE,
    )


def _struck(cast: Cast) -> list[str]:
    """Name what faults may be about: which of two is the default of a model follows from age."""
    return [name for name in cast.names if not name.startswith("base-")]


@dataclass(slots=True, kw_only=True)
class Life:
    """What is left of a life.

    Attributes:
        beside: its ledger, as others than the daemon see it.
        began: when each process of the daemon was started.
        passed: crash points at which one was killed, and other ways in which one ended.
        plans: what `firewarden plan` said after each cycle; only where nothing goes wrong.
    """

    script: Script
    stage: Stage
    watch: Watch
    people: People
    beside: Database
    policies: PolicySet
    began: list[datetime] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    plans: list[tuple[datetime, tuple[PlanItem, ...]]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)

    async def live(self) -> None:
        """Live from the beginning to the end, and keep what the simulator tells."""
        people = asyncio.ensure_future(self.people.live())
        deaths = list(self.script.deaths)
        while self._now() < END:
            death = self._next_death(deaths)
            await self._one(death)
            if death is not None and self._now() < END:
                await self.stage.clock.sleep(min(death.down_for, SETTLED - self._now()))
        await people
        self.requests = (await ask(self.stage, "/_log"))["requests"]
        self.faults = (await ask(self.stage, "/_truth"))["faults"]

    def ledger(self) -> AbstractContextManager[Ledger]:
        """Read its ledger as a command does, beside the daemon."""
        return read_ledger(self.beside, self.stage.settings, None, now=self._now())

    def _now(self) -> datetime:
        return self.stage.clock.now()

    def _next_death(self, deaths: list[Death]) -> Death | None:
        while deaths:
            death = deaths.pop(0)
            if death.point is not None or START + death.after > self._now():
                return death
        return None

    def _plan(self, point: CrashPoint) -> None:
        """Make a plan beside the daemon once a cycle of it is committed."""
        if point is not CrashPoint.CYCLE_COMMITTED or not self.script.is_calm:
            return
        with self.ledger() as ledger:
            actions = show_plan(take_picture(ledger, policies=self.policies)).actions
        self.plans.append((round_down(self._now()), actions))

    async def _one(self, death: Death | None) -> None:
        """Run one process until its *death*, or to the end of all."""
        self.began.append(self._now())
        self.watch.is_dead = False
        mortal = Mortal(
            watch=self.watch,
            death=death,
            now=self._now,
            passed=self.passed,
            survived=self._plan,
        )
        try:
            async with running(
                self.stage,
                seed=child(self.script.seed, "process", len(self.began)).getrandbits(32),
                crash=mortal.crash,
                run_db=lambda: mortal,
                slack=MortalDoor(watch=self.watch, inner=Face(slack=self.people.slack)),
            ) as daemon:
                await mortal.outlive(daemon)
        except ProviderError:
            await self.stage.clock.sleep(MINUTE)
        except (BaseExceptionGroup, asyncio.CancelledError) as error:
            if not self.watch.is_dead or not _is_death(error):
                raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Mortal:
    """What one process runs on: a database and crash points that may be its last.

    It dies at once and entirely: whatever of it still runs gets nothing written and nothing sent.
    """

    watch: Watch
    death: Death | None
    now: Callable[[], datetime]
    passed: Counter[str]
    survived: Crash

    async def __call__(self, work: Callable[[], T]) -> T:
        """Run work on the database, as `RunDb` does."""
        if self.watch.is_dead:
            raise Killed
        return work()

    def crash(self, point: CrashPoint) -> None:
        """Die here, if it is the time for it."""
        if not self.watch.is_dead and self._is_last(point):
            self.watch.is_dead = True
            self.passed[point] += 1
        if self.watch.is_dead:
            raise Killed
        self.survived(point)

    async def outlive(self, daemon: "asyncio.Task[None]") -> None:
        """Wait for its end: by itself, at an instant, or of all."""
        death = self.death
        at = START + death.after if death and death.point is None else END
        await asyncio.wait({daemon}, timeout=(at - self.now()).total_seconds())
        if daemon.done() or death is None or death.point is not None:
            return
        self.passed["asked to stop" if death.well else "any instant"] += 1
        if not death.well:
            self.watch.is_dead = True
            daemon.cancel()

    def _is_last(self, point: CrashPoint) -> bool:
        death = self.death
        if death is None or death.point is not point:
            return False
        return START + death.after <= self.now() < SETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class MortalDoor:
    """A way to Slack by which nobody comes who is dead."""

    watch: Watch
    inner: Door

    async def call(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call *method*, as a `Door` does."""
        if self.watch.is_dead:
            raise Killed
        return await self.inner.call(method, arguments)


def _is_death(error: BaseException) -> bool:
    """Is it nothing but what follows from being killed?"""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_death, error.exceptions))
    return isinstance(error, Killed | asyncio.CancelledError)


@contextmanager
def live(seed: int, folder: Path) -> Iterator[Life]:
    """Live through the life of *seed* in *folder*, which holds an empty ledger; then it is open."""
    script = draw(seed)
    policies = folder / "policies"
    policies.mkdir()
    (policies / "ring.yaml").write_text(script.cast.policies, encoding="utf-8")
    settings = _settings_of(script, folder)
    with closing(open_database(settings, upgrade=False)) as beside:

        async def lived(clock: VirtualClock) -> Life:
            life = _life_of(script, clock, settings, beside)
            await life.live()
            return life

        yield run_virtual(lived, start=START)


def _settings_of(script: Script, folder: Path) -> Settings:
    pace = f"{script.every // timedelta(seconds=1)}s"
    return settings_for(
        folder,
        folder / "policies",
        FIREWARDEN_MODE="enforce",
        FIREWARDEN_POLL_EVERY=pace,
        FIREWARDEN_METRICS_EVERY=pace,
    )


def _life_of(script: Script, clock: VirtualClock, settings: Settings, beside: Database) -> Life:
    """Set the stage; *beside* is the ledger, as others than the daemon see it."""
    world = World(script.cast.account, seed=script.seed, start=clock.now())
    stage = a_stage(
        world,
        clock,
        settings,
        faults=parse_faults(fault_file(script.faults, seed=script.seed)),
    )
    watch = Watch(stage.transport, world=world, now=clock.now, database=beside)
    people = People(
        seed=script.seed,
        world=world,
        watch=watch,
        clock=clock,
        database=beside,
        slack=FakeSlack(clock=clock),
        todo=list(script.doings),
    )
    return Life(
        script=script,
        stage=replace(stage, transport=watch),
        watch=watch,
        people=people,
        beside=beside,
        policies=load_policies(settings.policies),
    )
