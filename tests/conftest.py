"""What every test shares: options, seeds, the browser. The order is random (pytest-randomly)."""

import logging
import shutil
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

from tests.support.sometimes import Sometimes

# No deadline: on a busy machine a slow example says something of the machine, not of the code.
settings.register_profile("firewarden", deadline=None, print_blob=True)
settings.register_profile("mutants", deadline=None, max_examples=20, database=None)
settings.load_profile("firewarden")

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("firewarden")
    group.addoption(
        "--seeds",
        type=int,
        default=200,
        metavar="N",
        help="how many seeds each simulation test runs (make simulate SEEDS=N)",
    )
    group.addoption(
        "--seed", type=int, metavar="SEED", help="replay the simulation tests with this one seed"
    )
    group.addoption(
        "--whole-days",
        action="store_true",
        help="let the real processes run for simulated days (seeds 1 to 5), not for some hours",
    )
    group.addoption(
        "--demand-browser",
        action="store_true",
        help="fail where there is no Chromium, instead of leaving its tests out",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add up what happens in simulated lives, where the reports of all workers arrive."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Sometimes())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``simulation_seed`` once for each seed asked for."""
    if "simulation_seed" not in metafunc.fixturenames:
        return
    replayed = metafunc.config.getoption("--seed")
    count = metafunc.config.getoption("--seeds")
    seeds = range(1, count + 1) if replayed is None else [replayed]
    metafunc.parametrize("simulation_seed", seeds, ids=lambda seed: f"seed {seed}")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Undo what a test that configured the log left behind: it belongs to the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    crashed, thread_crashed = sys.excepthook, threading.excepthook
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.getLogger("firewarden").setLevel(logging.NOTSET)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = crashed, thread_crashed


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    """The system's Chromium, to be driven by Playwright; its tests are left out without one."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        leave = pytest.fail if pytestconfig.getoption("--demand-browser") else pytest.skip
        leave("no Chromium found (Debian: apt-get install chromium)")
    return found
