"""The daemon and the simulator as two real processes, on compressed time that they share."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from firewarden.app.queries import Ledger, open_ledger
from firewarden.app.settings import load_settings
from firewarden.model.ids import Uid
from tests.cli.processes import (
    COMMAND,
    LONGEST_S,
    bare_environment,
    running,
    simulating,
    stop,
)
from tests.simulation.stages import EMPTY_LEDGER, KEY, MINUTE, SHIPPED
from tests.support.oracles import Truth, instant, truth_of, written

SPEED = 600
EVERY = 2 * MINUTE
PACE = {
    # At this speed the usual 30 s are 50 ms of wall time, which two processes, a test and whoever
    # else is on the machine use up between themselves: every poll would be late, and what is late
    # by 75 ms a gap. Two minutes are 200 ms. Scrapes come twice as often: a hole of 3 minutes in
    # the evidence ends a quiet stretch, and one that is late must not be enough for that.
    "FIREWARDEN_POLL_EVERY": "2m",
    "FIREWARDEN_METRICS_EVERY": "60s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A daemon that looks after a simulated account, both of them processes of their own."""

    url: str
    folder: Path
    variables: dict[str, str]
    daemon: subprocess.Popen[str]
    log: list[dict[str, Any]] = field(default_factory=list)

    def until(self, at: datetime) -> None:
        """Read the daemon's log up to *at* of its own time."""
        assert self.daemon.stderr is not None
        for line in self.daemon.stderr:
            self.log.append(json.loads(line))
            if instant(self.log[-1]["timestamp"]) >= at:
                return
        raise AssertionError(f"the daemon ended before {at}: {self.log[-1:]}")

    def stop(self) -> int:
        """Stop the daemon; give its exit code."""
        code, stdout, stderr = stop(self.daemon)
        assert not stdout
        self.log.extend(map(json.loads, stderr.splitlines()))
        return code

    def command(self, *arguments: str) -> Any:
        """Run a command of its own beside the daemon; give what it says."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--json"],
            cwd=self.folder,
            env=bare_environment(**self.variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    def ask(self, path: str) -> Any:
        """Ask the simulator itself."""
        return httpx.get(f"{self.url}{path}", timeout=LONGEST_S).raise_for_status().json()

    def tell(self, path: str, content: dict[str, Any]) -> Any:
        """Post *content* to the simulator, as somebody whose key may."""
        answer = httpx.post(
            f"{self.url}{path}",
            json=content,
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=LONGEST_S,
        )
        return answer.raise_for_status().json()

    def truth(self, since: datetime, until: datetime) -> dict[Uid, Truth]:
        return truth_of(self.ask(f"/_truth?from={written(since)}&to={written(until)}"))

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        settings = load_settings(environ=self.variables, dotenv=None).settings
        with open_ledger(settings, None) as ledger:
            yield ledger


@contextmanager
def living(
    folder: Path,
    *,
    seed: int,
    policies: Path = SHIPPED,
    mode: str = "observe",
    speed: int = SPEED,
    pace: Mapping[str, str] = PACE,
) -> Iterator[Life]:
    """Run both around the body: the standard fleet, under *policies* that go as far as *mode*.

    *pace*: variables that say how often it looks.
    """
    fleet = ("--fleet", "standard", "--seed", str(seed), "--speed", str(speed))
    with simulating(folder, *fleet) as served:
        variables = {
            **served.variables,
            **pace,
            "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / EMPTY_LEDGER}",
            "FIREWARDEN_POLICIES": str(policies),
            "FIREWARDEN_MODE": mode,
            "FIREWARDEN_LISTEN": "127.0.0.1:0",
            "FIREWARDEN_LOG_LEVEL": "debug",  # each poll is a line: the test's own clock
        }
        environment = bare_environment(**variables)
        with running("run", folder=folder, environment=environment) as daemon:
            yield Life(url=served.url, folder=folder, variables=variables, daemon=daemon)
