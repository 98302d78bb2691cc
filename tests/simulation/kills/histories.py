"""A history: lives of the daemon that are killed one after the other, and one that is not."""

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from ctypes import c_int64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from sqlalchemy import text

from firewarden.app.metered import open_meter
from firewarden.app.queries import Ledger
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.metering.instants import floor_hour, from_ms
from firewarden.model.ids import Uid
from firewarden.ports import CrashPoint
from firewarden.store.engine import Database
from firewarden.store.letters import State
from tests.simulation.kills.account import Calls, WorldClock
from tests.simulation.kills.kept import Kept, demand_survived, read_kept
from tests.simulation.kills.told import Told
from tests.simulation.kills.victim import BEGINNING, WORDS, Death, Life, live, stage_of
from tests.simulation.stages import HOUR, MINUTE
from tests.support.daemon import ask, ledger_of
from tests.support.oracles import (
    Truth,
    demand_consistent_sums,
    demand_no_row_twice,
    demand_truth_inside,
    truth_of,
    watched_span,
    written,
)

FOREVER = timedelta(days=365)
HORIZON = timedelta(hours=2)
"""By then a process has passed every crash point, or it never will."""

ROLLED_UP_AFTER = 20 * MINUTE
"""So long after its end an hour is rolled up: late scrapes are waited for, and the next round."""

LONGEST_S = 120
"""Of real time, for one life on a machine that has other work."""

KILLS = 4
"""Kills at random moments in the history of one seed."""

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.simulation.kills.preloaded"])


def next_rolled_up(at: datetime) -> datetime:
    """Tell when a process that begins at *at* has surely rolled up an hour."""
    return floor_hour(at + HOUR - ROLLED_UP_AFTER / 4) + ROLLED_UP_AFTER


def have_lease_run_out(url: str) -> None:
    """Spare the next process the wait for a lease that nobody renews.

    On SQLite there is none, and the file is left as the killed process left it.
    """
    if url.startswith("postgresql"):
        with closing(Database.open(url, upgrade=False)) as database, database.writing() as session:
            session.execute(text("UPDATE lease SET expires_at = 0"))


def demand_sound(ledger: Ledger, truth: dict[Uid, Truth], *, rolled_until: datetime) -> None:
    """Demand that the ledger is true and its own sum, and has made the hours before."""
    demand_truth_inside(ledger, truth)
    demand_consistent_sums(ledger)
    demand_no_row_twice(ledger)
    assert sum(each.gpu_ms for each in truth.values()) > 0
    assert open_meter(ledger).rolled_until >= rolled_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a daemon goes through that nobody kills; time is virtual, so it always does.

    Attributes:
        passed: the crash points it came to, each with the instant of its first passage.
    """

    begin: datetime
    passed: Mapping[CrashPoint, datetime]
    warned_at: datetime


@dataclass(slots=True, kw_only=True)
class History:
    """One ledger in virtual time, and all that happened to it.

    Attributes:
        now: how far the time has come.
        kills: what was committed after each of them.
    """

    folder: Path
    url: str
    seed: int
    begin: datetime
    now: datetime = field(init=False)
    kills: list[Kept] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.begin

    def live_until(self, until: datetime) -> None:
        """Let a daemon live until it stops of its own accord."""
        with self._living(until=until) as daemon:
            daemon.join(LONGEST_S)
        assert daemon.exitcode == 0, self._log()

    def die(self, death: Death, *, down_for: timedelta) -> None:
        """Let a daemon live until its *death*; whoever comes next begins *down_for* later."""
        with self._living(until=self.now + HORIZON, death=death) as victim:
            victim.join(LONGEST_S)
            passed = victim.exitcode == -signal.SIGKILL
            assert passed, f"{death.point} is not passed within {HORIZON}: {self._log()}"
        self._bury(victim, down_for=down_for)
        have_lease_run_out(self.url)

    def die_after(self, seconds: float, *, of: bytes, down_for: timedelta) -> None:
        """Kill a daemon so many *seconds* of real time after it said the word *of*."""
        with self._living(until=self.now + FOREVER, of=of) as victim:
            victim.join(seconds)
            victim.kill()
            victim.join(LONGEST_S)
        self._bury(victim, down_for=down_for)

    def end_well(self) -> None:
        """Let a last daemon live until it has rolled up an hour, and check everything."""
        self.live_until(next_rolled_up(self.now))
        last = self._keep()
        demand_survived(self.kills, last, Told(self.folder).read(), Calls(self.folder).read())
        assert last.letters(State.PENDING, State.DEAD) == set(), "people hear of everything"
        assert '"level": "error"' not in self._log(), self._log()
        run_virtual(self._check_figures, start=self.now)

    async def _check_figures(self, virtual: VirtualClock) -> None:
        clock = WorldClock(asyncio.get_running_loop(), start=virtual.now())
        stage = await stage_of(self._life(until=self.now), clock)
        with ledger_of(stage) as ledger:
            since, until = watched_span(ledger)
            told = await ask(stage, f"/_truth?from={written(since)}&to={written(until)}")
            demand_sound(ledger, truth_of(told), rolled_until=floor_hour(self.now))
            assert until >= self.now - 2 * MINUTE, "it polls to the end"

    @contextmanager
    def _living(
        self, *, until: datetime, of: bytes = BEGINNING, death: Death | None = None
    ) -> Iterator[ForkServerProcess]:
        """Run a daemon around the body, from when it said *of*; then the time has gone on."""
        shown = _PROCESSES.RawValue(c_int64)
        words, says = _PROCESSES.Pipe(duplex=False)
        victim = _PROCESSES.Process(
            target=live, args=(self._life(until=until, death=death), shown, says)
        )
        victim.start()
        says.close()
        try:
            for word in WORDS[: WORDS.index(of) + 1]:
                assert words.poll(LONGEST_S), self._log()
                assert words.recv_bytes() == word
            yield victim
        finally:
            words.close()
            victim.kill()
            victim.join()
        self.now = max(self.now, from_ms(shown.value))

    def _life(self, *, until: datetime, death: Death | None = None) -> Life:
        return Life(
            folder=self.folder,
            url=self.url,
            seed=self.seed,
            begin=self.begin,
            start=self.now,
            until=until,
            death=death,
        )

    def _bury(self, victim: ForkServerProcess, *, down_for: timedelta) -> None:
        assert victim.exitcode == -signal.SIGKILL, self._log()
        self.kills.append(self._keep())
        self.now += down_for

    def _keep(self) -> Kept:
        called = len(Calls(self.folder).read())
        return Kept(tables=read_kept(self.url), told=len(Told(self.folder).read()), called=called)

    def _log(self) -> str:
        return (self.folder / "log.jsonl").read_text(encoding="utf-8")
