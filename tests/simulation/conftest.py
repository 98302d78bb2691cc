"""What simulated lives share: a folder in memory, a ledger ready to use, logs that are kept."""

import io
import logging
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from firewarden.app.logging import configure_logging
from firewarden.app.redaction import Redactor
from firewarden.ports import CrashPoint
from firewarden.store.engine import Database
from tests.simulation.stages import EMPTY_LEDGER, KEY, in_memory
from tests.support.clock import FakeClock

_SEEDS_A_DAY = 500
"""So many short lives are asked for, and one more whole day is lived through."""

_WHOLE_DAYS = 5
"""Real days at speed 600: 144 seconds each, however fast the machine is."""

STOPPED_AT = {
    CrashPoint.INTENT_COMMITTED: "it has claimed an act",
    CrashPoint.BOUNDS_SENT: "it has sent the first call of two",
    CrashPoint.TARGET_EXAMINED: "it is about to call",
    CrashPoint.CALL_SENT: "it has sent both and written neither down",
}
_POINTS_OF_HOURS = 2


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``day_seed`` or ``real_seed`` once for each seed asked for.

    One ``day_seed``, and more where many seeds are asked for; one ``real_seed`` for some hours,
    or five for a day each with ``--whole-days``, which is also what it takes for five
    ``bill_seed`` instead of one, for 14 ``nights`` instead of one, and for a process to be
    ``stopped_at`` more than the two points that matter most.
    """
    replayed = metafunc.config.getoption("--seed")
    whole_day = metafunc.config.getoption("--whole-days")
    if "day_seed" in metafunc.fixturenames:
        count = max(1, metafunc.config.getoption("--seeds") // _SEEDS_A_DAY)
        seeds = range(1, count + 1) if replayed is None else [replayed]
        metafunc.parametrize("day_seed", seeds, ids=lambda seed: f"seed {seed}")
    if "bill_seed" in metafunc.fixturenames:
        seeds = range(1, _WHOLE_DAYS + 1 if whole_day else 2) if replayed is None else [replayed]
        metafunc.parametrize("bill_seed", seeds, ids=lambda seed: f"seed {seed}")
    if "real_seed" in metafunc.fixturenames:
        seeds = range(1, _WHOLE_DAYS + 1 if whole_day else 2) if replayed is None else [replayed]
        metafunc.parametrize("real_seed", seeds, ids=lambda seed: f"seed {seed}")
    if "nights" in metafunc.fixturenames:
        metafunc.parametrize("nights", [14 if whole_day else 1])
    if "stopped_at" in metafunc.fixturenames:
        points = list(STOPPED_AT)[: None if whole_day else _POINTS_OF_HOURS]
        metafunc.parametrize("stopped_at", points, ids=STOPPED_AT.__getitem__)


@pytest.fixture
def whole_day(pytestconfig: pytest.Config) -> bool:
    """Whether the processes run for a whole day, and not for some hours."""
    return bool(pytestconfig.getoption("--whole-days"))


@pytest.fixture(scope="session")
def empty_ledger() -> Iterator[Path]:
    """A ledger without a row; copied, it saves every life its migration."""
    folder = Path(tempfile.mkdtemp(prefix="fw-empty-", dir=in_memory()))
    file = folder / EMPTY_LEDGER
    Database.open(f"sqlite:///{file}", upgrade=True).close()
    yield file
    shutil.rmtree(folder)


@pytest.fixture
def folder(empty_ledger: Path) -> Iterator[Path]:
    """A folder in memory, with an empty ledger in it."""
    made = Path(tempfile.mkdtemp(prefix="fw-life-", dir=in_memory()))
    shutil.copy(empty_ledger, made / EMPTY_LEDGER)
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def logged() -> Iterator[io.StringIO]:
    """The log of the daemon as `firewarden run` writes it, kept instead of shown."""
    root = logging.getLogger()
    names = ("httpx", "httpcore", "asyncio", "firewarden")
    levels = [(each, each.level) for each in (root, *map(logging.getLogger, names))]
    handlers, hook, thread_hook = list(root.handlers), sys.excepthook, threading.excepthook
    stream, redactor = io.StringIO(), Redactor()
    redactor.register(KEY)
    configure_logging(
        clock=FakeClock(), redactor=redactor, format="json", level="info", stream=stream
    )
    yield stream
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook = hook, thread_hook
    root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)
