"""Killed at random moments, from the making of the ledger on, it goes on and loses nothing."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.simulation.kills.histories import KILLS, History
from tests.simulation.kills.victim import BEGINNING, WATCHING
from tests.simulation.stages import MINUTE

LONGEST_S = 0.4
"""Of real time: half an hour of a victim's, or a second on a machine that has other work."""

BEGIN = datetime(2026, 11, 2, 6, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DOWN_FOR = (SECOND, 40 * SECOND, 2 * MINUTE, 12 * MINUTE)


def test_killed_at_random_moments_it_goes_on(folder: Path, no_ledger: str, kill_seed: int) -> None:
    rng = random.Random(kill_seed)
    history = History(folder=folder, url=no_ledger, seed=kill_seed, begin=BEGIN)

    for of in (BEGINNING, *[WATCHING] * (KILLS - 1)):
        history.die_after(rng.uniform(0, LONGEST_S), of=of, down_for=rng.choice(DOWN_FOR))

    history.end_well()
