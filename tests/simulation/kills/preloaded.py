"""Imported once, before victims are forked: whatever Python does once in a process is done.

Libraries that are imported when first needed, models that are built when first used: a victim
that began without them would spend most of its short life on that.
"""

from ctypes import c_int64
from datetime import UTC, datetime, timedelta
from multiprocessing import Pipe
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg  # noqa: F401 - see above

from tests.simulation.kills.victim import Life, live
from tests.simulation.stages import in_memory


def _live_a_little() -> None:
    begin = datetime(2026, 11, 2, 6, tzinfo=UTC)
    hears, says = Pipe(duplex=False)
    with TemporaryDirectory(dir=in_memory()) as folder, hears, says:
        life = Life(
            folder=Path(folder),
            url=f"sqlite:///{folder}/ledger.db",
            seed=1,
            begin=begin,
            start=begin,
            until=begin + timedelta(minutes=2),
        )
        live(life, c_int64(), says)


_live_a_little()
