"""Commands as whole processes, and the addresses they print."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "firewarden")
OURS = ("FIREWARDEN_", "FIREWORKS_", "SLACK_")
LONGEST_S = 60


def bare_environment(**more: str) -> dict[str, str]:
    """The environment of this process without any setting of firewarden's, and *more*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | more


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A running `firewarden simulate`, and the variables that point a daemon at it."""

    url: str
    variables: dict[str, str]


@contextmanager
def running(
    *arguments: str, folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends; then it is killed if it still lives."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    """Ask *process* to stop; give its exit code and what it printed since."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LONGEST_S)
    return process.returncode, stdout, stderr


@contextmanager
def simulating(folder: Path, *arguments: str, **variables: str) -> Iterator[Simulator]:
    """Serve a simulated account on a free port."""
    command = ("simulate", "--port", "0", *arguments)
    with running(*command, folder=folder, environment=bare_environment(**variables)) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        exported = re.findall(r"([A-Z_]+)=(\S+)", lines[2])
        assert exported, lines
        variables = dict(exported)
        yield Simulator(url=variables["FIREWORKS_BASE_URL"], variables=variables)
