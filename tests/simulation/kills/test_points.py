"""Killed at every named crash point: bounds hold, no row is there twice, nothing is lost."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

import firewarden
from firewarden.ports import CrashPoint
from tests.simulation.kills.histories import History
from tests.simulation.kills.victim import Death
from tests.simulation.stages import MINUTE

SECOND = timedelta(seconds=1)
DOWN_FOR = (5 * SECOND, 40 * SECOND, 12 * MINUTE)

_CODE = "".join(
    file.read_text(encoding="utf-8") for file in Path(firewarden.__file__).parent.rglob("*.py")
)
PASSED = [point for point in CrashPoint if f"(CrashPoint.{point.name})" in _CODE]
"""Every crash point that the code passes anywhere: one that no victim passes fails its test."""


@pytest.mark.parametrize("point", PASSED)
def test_killed_at_a_crash_point_it_goes_on(
    folder: Path, ledger_url: str, point: CrashPoint
) -> None:
    """The first time it is passed, and once more when there is something to lose."""
    rng = random.Random(point)
    history = History(folder=folder, url=ledger_url, seed=1)

    history.die(Death(point=point, after=timedelta(0)), down_for=5 * SECOND)
    later = rng.uniform(5, 40) * MINUTE
    history.die(Death(point=point, after=later), down_for=rng.choice(DOWN_FOR))

    history.end_well()
