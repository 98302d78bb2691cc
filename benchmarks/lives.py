"""One measured process: lives through simulated hours, and tells what that cost.

``python -m benchmarks.lives daemon HOURS`` or ``… floor HOURS`` prints one line of JSON.
"""

import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.floor import floor
from benchmarks.worker import KEY, POLICIES, cpu_s
from firewarden.app.logging import configure_logging
from firewarden.app.redaction import Redactor
from firewarden.clock.real import WallClock
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.fleets import large
from firewarden.providers.simulated.world import World
from tests.simulation.stages import in_memory
from tests.support.daemon import Stage, a_stage, ask, running, settings_for

COUNT = 20
SEED = 1
START = datetime(2026, 11, 2, 6, tzinfo=UTC)
EVERY = timedelta(minutes=2)
WARM_UP = timedelta(minutes=10)
"""Before anything is measured: what is loaded and compiled once is no part of a day."""

FAULTS = """\
seed = 1

[[fault]]
kind = "reset"
id = "reset"
probability = 0.01

[[fault]]
kind = "truncated"
id = "truncated"
probability = 0.01

[[fault]]
kind = "slow"
id = "slow"
probability = 0.01

[[fault]]
kind = "throttle"
id = "throttle"
on = "list"
retry_after = "seconds"
probability = 0.01

[[fault]]
kind = "server-error"
id = "list-down"
on = "list"
from = "2h"
to = "2h20m"

[[fault]]
kind = "missing-item"
id = "missing-item"
on = "list"
from = "5h"
to = "5h20m"

[[fault]]
kind = "metrics-partial"
id = "metrics-partial"
from = "8h"
to = "8h20m"

[[fault]]
kind = "metrics-frozen"
id = "metrics-frozen"
from = "11h"
to = "11h20m"

[[fault]]
kind = "metrics-nan"
id = "metrics-nan"
from = "14h"
to = "14h20m"

[[fault]]
kind = "stale-list"
id = "stale-list"
from = "17h"
to = "17h20m"
"""


def stage_of(clock: VirtualClock, folder: Path) -> Stage:
    """Put twenty deployments of every kind under ten policies that enforce."""
    policies = folder / "ten.yaml"
    policies.write_text(POLICIES.read_text().replace("mode: observe", "mode: enforce"))
    settings = settings_for(
        folder,
        policies,
        FIREWARDEN_MODE="enforce",
        FIREWARDEN_POLL_EVERY="2m",
        FIREWARDEN_METRICS_EVERY="2m",
    )
    world = World(large(SEED, count=COUNT), seed=SEED, start=clock.now())
    return a_stage(world, clock, settings, faults=parse_faults(FAULTS))


async def daemon(stage: Stage, hours: float) -> float:
    """Give the seconds of CPU that the whole daemon takes, the account included."""
    async with running(stage):
        await stage.clock.sleep(WARM_UP)
        before = cpu_s()
        await stage.clock.sleep(timedelta(hours=hours))
        return cpu_s() - before


async def ask_only(stage: Stage, hours: float) -> float:
    """Give those that asking alone takes: as often, of the same account, without its faults."""
    cycle = floor(stage.settings.base_url, KEY, transport=stage.transport)
    await cycle()
    before = cpu_s()
    for _ in range(int(timedelta(hours=hours) / EVERY)):
        await stage.clock.sleep(EVERY)
        await cycle()
    return cpu_s() - before


def live(kind: str, hours: float, folder: Path) -> dict[str, Any]:
    """Live through *hours* as a daemon, or as somebody who only asks."""

    async def life(clock: VirtualClock) -> dict[str, Any]:
        stage = stage_of(clock, folder)
        if kind == "floor":
            stage = a_stage(stage.world, clock, stage.settings)
            return {"cpu_s": await ask_only(stage, hours)}
        spent = await daemon(stage, hours)
        return {
            "cpu_s": spent,
            "faults": (await ask(stage, "/_truth"))["faults"],
            "requests": (await ask(stage, "/_log"))["requests"],
        }

    return run_virtual(life, start=START)


def main(kind: str, hours: str) -> None:
    """Print what it cost."""
    with TemporaryDirectory(dir=in_memory()) as made:
        configure_logging(
            clock=WallClock(), redactor=Redactor(), format="json", stream=io.StringIO()
        )
        found = live(kind, float(hours), Path(made))
    found["changes"] = sum(each["method"] != "GET" for each in found.pop("requests", ()))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
