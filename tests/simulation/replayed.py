"""Lives through a simulated stretch and prints all that came of it, for two runs to be compared.

``python -m tests.simulation.replayed SEED HOURS POLLS SCRAPES``; the same words print the same
bytes, whatever PYTHONHASHSEED is.
"""

import json
import shutil
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import structlog

from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.store.engine import Database
from tests.simulation.stages import START, in_memory, standard_stage
from tests.support.daemon import ask, running
from tests.support.oracles import dump


def live(folder: Path, *, seed: int, hours: float, polls: str, scrapes: str) -> str:
    """Give every row of every table, every notice and every request of one life."""

    async def life(clock: VirtualClock) -> str:
        stage = standard_stage(
            clock,
            folder,
            seed=seed,
            FIREWARDEN_POLL_EVERY=polls,
            FIREWARDEN_METRICS_EVERY=scrapes,
        )
        async with running(stage, seed=seed):
            await clock.sleep(timedelta(hours=hours))
        requests = await ask(stage, "/_log")
        with closing(Database.open(stage.settings.database_url.reveal(), upgrade=False)) as ledger:
            rows = dump(ledger)
        notices = "\n".join(map(repr, stage.heard.notices))
        return f"{rows}\n{notices}\n{json.dumps(requests, indent=0)}"

    return run_virtual(life, start=START)


def main() -> None:
    seed, hours, polls, scrapes = sys.argv[1:]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    folder = Path(tempfile.mkdtemp(prefix="fw-replay-", dir=in_memory()))
    try:
        lived = live(folder, seed=int(seed), hours=float(hours), polls=polls, scrapes=scrapes)
    finally:
        shutil.rmtree(folder)
    print(lived)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
