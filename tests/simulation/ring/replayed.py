"""Lives through one life of the ring and prints all that came of it, for two to be compared.

``python -m tests.simulation.ring.replayed SEED``; the same seed prints the same bytes, whatever
PYTHONHASHSEED is.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import structlog

from firewarden.store.engine import Database
from tests.simulation.ring.living import live
from tests.simulation.stages import EMPTY_LEDGER, in_memory
from tests.support.oracles import dump


def told(seed: int, folder: Path) -> str:
    """Give every row of every table, every request, and everything on Slack, of one life."""
    url = f"sqlite:///{folder / EMPTY_LEDGER}"
    Database.open(url, upgrade=True).close()
    with live(seed, folder) as life:
        slack = "\n".join(map(repr, life.people.slack.messages))
        return f"{dump(life.beside)}\n{slack}\n{json.dumps(life.requests, indent=0)}"


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    folder = Path(tempfile.mkdtemp(prefix="fw-replay-", dir=in_memory()))
    try:
        lived = told(int(sys.argv[1]), folder)
    finally:
        shutil.rmtree(folder)
    print(lived)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
