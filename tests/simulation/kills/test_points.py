"""Killed at every named crash point: bounds hold, no row is there twice, nothing is lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firewarden.ports import CrashPoint
from tests.simulation.kills.account import RECREATED_AFTER
from tests.simulation.kills.histories import History, Rehearsal
from tests.simulation.kills.victim import Death
from tests.simulation.stages import MINUTE

SECOND = timedelta(seconds=1)
HOUR = datetime(2026, 11, 2, 7, tzinfo=UTC)
"""The end of the hour in which it is killed, so that it is soon rolled up."""


@pytest.mark.parametrize("point", CrashPoint)
def test_killed_at_a_crash_point_it_goes_on(
    folder: Path, ledger_url: str, point: CrashPoint, rehearsal: Rehearsal
) -> None:
    """The first time it is ever passed, and when the account has just changed."""
    assert point in rehearsal.passed, "no victim passes it: what would have to happen for that?"
    after = max(rehearsal.passed[point] - rehearsal.begin, RECREATED_AFTER)
    begin = HOUR - after - 6 * MINUTE
    history = History(folder=folder, url=ledger_url, seed=1, begin=begin)

    history.die(Death(point=point, at=begin), down_for=5 * SECOND)
    history.die(Death(point=point, at=begin + RECREATED_AFTER), down_for=40 * SECOND)

    history.end_well()


@pytest.mark.parametrize("point", [each for each in CrashPoint if each.startswith("cycle.")])
def test_killed_in_the_cycle_of_the_first_warning_it_goes_on(
    folder: Path, ledger_url: str, point: CrashPoint, rehearsal: Rehearsal
) -> None:
    """And once more as soon as it has come back, long after."""
    history = History(folder=folder, url=ledger_url, seed=1, begin=rehearsal.begin)

    history.die(Death(point=point, at=rehearsal.warned_at), down_for=12 * MINUTE)
    history.die(Death(point=point, at=rehearsal.warned_at), down_for=5 * SECOND)

    history.end_well()
