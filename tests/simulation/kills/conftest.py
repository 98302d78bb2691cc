"""Ledgers of each kind for processes that are killed, and seeds of random kills."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.kills.histories import KILLS, History, Rehearsal
from tests.simulation.kills.told import Told
from tests.simulation.kills.victim import Passages
from tests.simulation.stages import EMPTY_LEDGER, MINUTE, in_memory
from tests.support.databases import KINDS, Url, fill_postgresql, new_url

__all__ = ["new_url"]

_SEEDS_A_KILL = 10
"""So many short lives are asked for, and once more somebody is killed at a random moment."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``kill_seed`` for so many seeds that a tenth of --seeds are kills."""
    if "kill_seed" not in metafunc.fixturenames:
        return
    replayed = metafunc.config.getoption("--seed")
    count = max(1, metafunc.config.getoption("--seeds") // _SEEDS_A_KILL // KILLS)
    seeds = range(1, count + 1) if replayed is None else [replayed]
    metafunc.parametrize("kill_seed", seeds, ids=lambda seed: f"seed {seed}")


@pytest.fixture(scope="session")
def rehearsal(empty_ledger: Path) -> Rehearsal:
    """Everything that is to be seen in three quarters of an hour."""
    begin = datetime(2026, 11, 2, 6, 40, tzinfo=UTC)
    with TemporaryDirectory(prefix="fw-rehearsal-", dir=in_memory()) as made:
        folder = Path(made)
        shutil.copy(empty_ledger, folder)
        url = f"sqlite:///{folder / EMPTY_LEDGER}"
        History(folder=folder, url=url, seed=1, begin=begin).live_until(begin + 45 * MINUTE)
        _, _, warned_at = Told(folder).read("idle.warn")[0]
        return Rehearsal(begin=begin, passed=Passages(folder).read(), warned_at=warned_at)


@pytest.fixture(params=KINDS)
def no_ledger(request: pytest.FixtureRequest, folder: Path, new_url: Callable[[str], Url]) -> Url:
    """URL under which there is nothing yet, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'new.db'}"
    return new_url("postgresql")


@pytest.fixture(params=KINDS)
def ledger_url(request: pytest.FixtureRequest, folder: Path, new_url: Callable[[str], Url]) -> Url:
    """URL of an empty ledger that is up to date, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{folder / EMPTY_LEDGER}"
    url = new_url("postgresql")
    fill_postgresql(url)
    return url
