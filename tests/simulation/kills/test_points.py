"""Killed at every named crash point: bounds hold, no row is there twice, nothing is lost."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

import firewarden
from firewarden.ports import CrashPoint
from tests.simulation.kills.histories import History
from tests.simulation.kills.victim import BEGIN, RECREATED, Death
from tests.simulation.stages import MINUTE

SECOND = timedelta(seconds=1)

_CODE = "".join(
    file.read_text(encoding="utf-8") for file in Path(firewarden.__file__).parent.rglob("*.py")
)
PASSED = [point for point in CrashPoint if f"(CrashPoint.{point.name})" in _CODE]
"""Every crash point that the code passes anywhere: one that no victim passes fails its test."""


@pytest.mark.parametrize("point", PASSED)
def test_killed_at_a_crash_point_it_goes_on(
    folder: Path, ledger_url: str, point: CrashPoint
) -> None:
    """The first time it is ever passed, and when the account has just changed."""
    history = History(folder=folder, url=ledger_url, seed=1)

    history.die(Death(point=point, at=BEGIN), down_for=5 * SECOND)
    history.die(Death(point=point, at=RECREATED), down_for=40 * SECOND)

    history.end_well()


@pytest.mark.parametrize("point", PASSED)
def test_killed_at_a_crash_point_of_the_first_warning_it_goes_on(
    folder: Path, ledger_url: str, point: CrashPoint, warned_at: datetime
) -> None:
    """And once more as soon as it has come back, long after."""
    history = History(folder=folder, url=ledger_url, seed=1)

    history.die(Death(point=point, at=warned_at), down_for=12 * MINUTE)
    history.die(Death(point=point, at=warned_at), down_for=5 * SECOND)

    history.end_well()
