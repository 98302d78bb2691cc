"""P14: how fast the whole daemon lives through simulated days.

The daemon is the real one on virtual time, with its real client and a real SQLite, in a process
of its own. The account is in the same process, its cost included. The floor asks the same
account as often with the same client, and makes nothing of the answers. Seconds of CPU are of
the machine; how many times the floor it costs is of the daemon.
"""

import json
import subprocess
import sys
from typing import Any

from benchmarks.figures import Figure
from benchmarks.processes import ROOT, plain_environment

TARGET = 6.0
DAYS = 3
DAYS_QUICK = 1


def figures(*, quick: bool) -> list[Figure]:
    """Live through some days, and ask through as many."""
    days = DAYS_QUICK if quick else DAYS
    ours, floor = (_lived(kind, hours=24 * days) for kind in ("daemon", "floor"))
    if idle := [each["id"] for each in ours["faults"] if not each["fired"]]:
        raise RuntimeError(f"faults that never struck: {', '.join(idle)}")
    if not ours["changes"]:
        raise RuntimeError("nothing was ever changed")
    mine, least = ours["cpu_s"] / days, floor["cpu_s"] / days
    return [
        Figure(
            name="P14",
            what="CPU of a simulated day of the whole daemon and its account, 20 deployments,"
            f" {len(ours['faults'])} faults, a listing and a scrape every 2 min; asking alone",
            value=mine / least,
            target=TARGET,
            details=f"{mine:.1f} s a day, {1 / mine:.2f} days a second and core; asking alone"
            f" {least:.1f} s; {days} days",
        )
    ]


def _lived(kind: str, *, hours: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.lives", kind, str(hours)],
        cwd=ROOT,
        env=plain_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
