"""A simulated account and what asks it, each a process of its own, taken through cycles in turn."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import running

STEP_S = 60.0
"""How far the clock is put ahead between two cycles: the provider allows 6 scrapes a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A simulated account that is being served."""

    url: str

    def put_ahead(self, seconds: float) -> None:
        """Let its clock be so far ahead of the wall's."""
        httpx.post(f"{self.url}/_clock", params={"ahead": seconds}, trust_env=False, timeout=60)


@contextmanager
def simulator(count: int, live: int) -> Iterator[Simulator]:
    """Serve *count* deployments, *live* of them with replicas, around the body."""
    command = [sys.executable, "-m", "benchmarks.simulator", str(count), str(live)]
    with running(command) as process:
        yield Simulator(url=f"http://127.0.0.1:{_line(process)}")


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


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{process.args!r} ended, exit code {process.wait()}")
    return line
