"""Ledgers of each kind for processes that are killed, and seeds of random kills."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.kills.test_moments import KILLS
from tests.simulation.stages import EMPTY_LEDGER
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
