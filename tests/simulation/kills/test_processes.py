"""The real processes: `run` is killed at a random moment, `simulate` lives on."""

import json
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from firewarden.app.metered import open_meter
from firewarden.app.queries import open_ledger
from firewarden.app.settings import Settings, load_settings
from firewarden.clock.real import WallClock, clock_for
from firewarden.metering.instants import floor_hour
from firewarden.model.ids import Uid
from tests.cli.processes import bare_environment, running, simulating, stop
from tests.simulation.kills.histories import demand_sound, have_lease_run_out
from tests.simulation.kills.kept import Kept, demand_survived, read_kept
from tests.simulation.kills.told import Said
from tests.simulation.real import PACE, SPEED
from tests.simulation.stages import HOUR, MINUTE, QUICK
from tests.support.oracles import Truth, instant, truth_of, watched_span, written

LONGEST_S = 1.5
"""Of real time, from when a daemon says that it has started: a quarter of an hour of its own."""


PATIENCE = 2 * HOUR
"""What a busy machine may need longer than an hour and the wait for late scrapes."""


def origin_of(at: datetime) -> datetime:
    """Tell which origin has compressed time be *at* now."""
    now = WallClock().now()
    return now - (at - now) / (SPEED - 1)


def said(lines: str) -> list[dict[str, Any]]:
    """Read the log; the last line of a process that was killed may be cut short."""
    events = []
    for line in lines.splitlines():
        with suppress(json.JSONDecodeError):
            events.append(json.loads(line))
    return events


def told(log: list[dict[str, Any]]) -> list[Said]:
    """Give the notices of a log."""
    return [
        (event["key"], event["event"] == "notice.resolved", instant(event["at"]))
        for event in log
        if event["event"] in {"notice.raised", "notice.resolved"}
    ]


class Household:
    """A daemon that comes and goes, and all it ever logged."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.log: list[dict[str, Any]] = []
        self.settings: Settings = load_settings(environ=variables, dotenv=None).settings
        self.clock = clock_for(speed=SPEED, origin=self.settings.time_origin)
        self._folder = folder
        self._environment = bare_environment(**variables)

    def die_after(self, seconds: float) -> None:
        """Kill a daemon that has been at work for so many *seconds*."""
        with self._started() as daemon:
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(seconds)
            daemon.kill()
            _, stderr = daemon.communicate()
        self.log += said(stderr)
        assert daemon.returncode == -signal.SIGKILL, stderr
        have_lease_run_out(self.settings.database_url.reveal())

    def end_well(self) -> datetime:
        """Let a last daemon work until it has rolled up an hour, tell which, and stop it."""
        with self._started() as daemon:
            hour = floor_hour(self.clock.now() + HOUR - 5 * MINUTE)
            at = hour
            while at <= hour + PATIENCE and not self._has_rolled_up(hour):
                at += 5 * MINUTE
                self._hear(daemon, until=at)
            assert self._has_rolled_up(hour)
            code, _, stderr = stop(daemon)
        self.log += said(stderr)
        assert code == 0, stderr
        return hour

    def truth(self, since: datetime, until: datetime) -> dict[Uid, Truth]:
        """Ask the simulator what there really was."""
        url = f"{self.settings.base_url}/_truth?from={written(since)}&to={written(until)}"
        return truth_of(httpx.get(url).raise_for_status().json())

    def _has_rolled_up(self, hour: datetime) -> bool:
        with open_ledger(self.settings, None) as ledger:
            meter = open_meter(ledger)
            known_until = meter.confirmed_at
            return known_until is not None and hour <= min(known_until, meter.rolled_until)

    def _hear(self, daemon: "subprocess.Popen[str]", *, until: datetime) -> None:
        assert daemon.stderr is not None
        for line in daemon.stderr:
            self.log += said(line)
            if instant(self.log[-1]["timestamp"]) >= until:
                return

    @contextmanager
    def _started(self) -> Iterator["subprocess.Popen[str]"]:
        with running("run", folder=self._folder, environment=self._environment) as daemon:
            assert daemon.stderr is not None
            for line in daemon.stderr:
                self.log += said(line)
                if self.log[-1]["event"] == "daemon.started":
                    break
            yield daemon


@contextmanager
def living(folder: Path, url: str) -> Iterator[Household]:
    """Serve a simulated account, whose clock says ten to, around the body."""
    policies = folder / "quick.yaml"
    policies.write_text(QUICK, encoding="utf-8")
    begin = floor_hour(WallClock().now()) + 2 * HOUR - 10 * MINUTE
    origin = {
        "FIREWARDEN_TIME_ORIGIN": origin_of(begin).isoformat(),
        "FIREWORKS_BASE_URL": "http://127.0.0.1:1",  # only here may time be compressed
    }
    fleet = ("--fleet", "small", "--seed", "1", "--speed", str(SPEED))
    with simulating(folder, *fleet, **origin) as simulator:
        variables = {
            **simulator.variables,
            **PACE,
            "FIREWARDEN_DATABASE_URL": url,
            "FIREWARDEN_POLICIES": str(policies),
            "FIREWARDEN_LISTEN": "127.0.0.1:0",
            "FIREWARDEN_LOG_LEVEL": "debug",  # each poll is a line: the test's own clock
        }
        yield Household(folder, variables)


def test_the_real_daemon_outlives_a_kill(folder: Path, no_ledger: str) -> None:
    kind = no_ledger.partition(":")[0]
    with living(folder, no_ledger) as household:
        household.die_after(random.Random(kind).uniform(0, LONGEST_S))
        killed = Kept(tables=read_kept(no_ledger), told=len(told(household.log)))
        hour = household.end_well()
        heard = told(household.log)
        last = Kept(tables=read_kept(no_ledger), told=len(heard))
        demand_survived([killed], last, heard, [])
        with open_ledger(household.settings, None) as ledger:
            truth = household.truth(*watched_span(ledger))
            demand_sound(ledger, truth, rolled_until=hour)
    wrong = [event for event in household.log if event["level"] in {"error", "critical"}]
    assert len(wrong) == len(told(wrong)), wrong
