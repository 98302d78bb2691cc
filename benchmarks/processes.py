"""Whole processes: run to their end and billed for it, or kept running beside a measurement."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = Path(sys.executable).parent
"""Where the commands of our environment are."""

PEERS = ROOT / ".venv-bench" / "bin"
"""Where the commands of the peers are; `make bench` installs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one process took: seconds of CPU, in it and its children, and its largest size."""

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """How much of a process is in memory, and how much ever was, in MiB."""

    now: float
    peak: float


def resident(pid: int | str) -> Resident:
    """Ask the system how large the process *pid* is; ``self`` is this one."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines)
    now, peak = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Resident(now=now, peak=peak)


def plain_environment(**changes: str) -> dict[str, str]:
    """Give this process's variables without what would change how Python starts, or our own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "FIREWARDEN_", "FIREWORKS_", "COV_"))
    }
    return {**kept, **changes}


def spend(command: Sequence[str | Path], *, cwd: Path = ROOT) -> Spent:
    """Run *command* to its end.

    Raises:
        RuntimeError: it failed; a failure is no figure.
    """
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} exited {process.returncode}")
    return Spent(cpu_s=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024)


@contextmanager
def running(
    command: Sequence[str | Path], *, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """Keep *command* running around the body, its standard input and output pipes; then end it."""
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=plain_environment(**(environ or {})),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
