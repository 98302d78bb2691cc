"""A simulated account and what asks it, each a process of its own, taken through cycles in turn."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import running

STEP_S = 60.0
"""How far the clock is put ahead between two cycles: the provider allows 6 scrapes a minute."""

HOUR_S = 3_600.0
BEFORE_HOUR = 3.5
"""So many steps before the end of an hour the first cycle is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A simulated account that is being served."""

    url: str
    http: httpx.Client

    def put_ahead(self, seconds: float) -> None:
        """Let its clock be so far ahead of the wall's."""
        self.http.post("/_clock", params={"ahead": seconds}).raise_for_status()


@contextmanager
def simulator(count: int, live: int) -> Iterator[Simulator]:
    """Serve *count* deployments, *live* of them with replicas, around the body."""
    command = [sys.executable, "-m", "benchmarks.simulator", str(count), str(live)]
    with running(command) as process:
        url = f"http://127.0.0.1:{_line(process)}"
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            yield Simulator(url=url, http=http)


class Worker:
    """A measured process; see `benchmarks.worker`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Drive *process* by its pipes."""
        self._process = process

    def cycle(self, ahead_s: float) -> dict[str, Any]:
        """Let it do one cycle, its clock so far ahead."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{ahead_s}\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(_line(self._process))
        return found


@contextmanager
def worker(*arguments: str | Path) -> Iterator[Worker]:
    """Keep a measured process ready around the body."""
    with running([sys.executable, "-m", "benchmarks.worker", *arguments]) as process:
        yield Worker(process)


class Pair:
    """Two measured processes before one account."""

    def __init__(self, account: Simulator, ours: Worker, other: Worker) -> None:
        """Drive *ours* and the *other* that it is compared with.

        They begin 3.5 steps before the end of an hour: any run comes to one such end.
        """
        self._account = account
        self._workers = (ours, other)
        self._begin_s = HOUR_S - (time.time() + (BEFORE_HOUR + 1) * STEP_S) % HOUR_S

    def cycle(self, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Take both through cycle *number*, `STEP_S` and the time that passed after the last.

        Each goes first every other time.
        """
        ahead_s = self._begin_s + (number + 1) * STEP_S
        self._account.put_ahead(ahead_s)
        ours, other = self._workers
        if number % 2:
            mine, its = ours.cycle(ahead_s), other.cycle(ahead_s)
        else:
            its, mine = other.cycle(ahead_s), ours.cycle(ahead_s)
        return mine, its


@contextmanager
def beside_floor(count: int, live: int, ledger: Path) -> Iterator[Pair]:
    """Keep the product, with its *ledger*, and the floor ready before an account of their own."""
    with ExitStack() as stack:
        account = stack.enter_context(simulator(count, live))
        floor = stack.enter_context(worker("floor", account.url))
        keeper = stack.enter_context(worker("keeper", account.url, ledger))
        yield Pair(account, keeper, floor)


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{process.args!r} ended, exit code {process.wait()}")
    return line
