"""`firewarden run` with leases of another length, which may be stopped at a crash point.

``python -m tests.simulation.replicas.replica TTL_SECONDS [POINT]``: the first time that it
passes POINT it stops itself, as SIGSTOP of somebody else would have, there of all places.
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta

import structlog

from firewarden.app.compose import production_seams
from firewarden.app.daemon import run
from firewarden.app.lease import Terms
from firewarden.cli.context import load, log_as_daemon
from firewarden.ports import Crash, CrashPoint

log = structlog.get_logger()


def stopping_at(wanted: str) -> Crash:
    """Make what stops this process the first time that the point *wanted* is passed."""
    left = [CrashPoint(wanted)] if wanted else []

    def crash(point: CrashPoint) -> None:
        if point in left:
            left.remove(point)
            log.info("replica.stopping", point=point.value)
            os.kill(os.getpid(), signal.SIGSTOP)

    return crash


def main(ttl_s: str, wanted: str = "") -> None:
    loaded = load(None)
    seams = production_seams(loaded.settings)
    seams = replace(
        seams,
        follow=log_as_daemon(loaded, seams.clock).follow,
        lease=Terms(ttl=timedelta(seconds=float(ttl_s))),
        crash=stopping_at(wanted),
    )
    asyncio.run(run(loaded.settings, seams))


if __name__ == "__main__":
    main(*sys.argv[1:])
