"""The whole daemon in enforce, lived through by seeds: everything goes wrong, nothing happens.

A seed draws a fleet, policies, limits, what people do, what the provider and Slack do wrong, and
of what the daemon dies; then comes a stretch without any of that, in which all that is due has
to be done. What must hold is asked of the simulated world itself, exactly.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.simulation.ring.book import Book
from tests.simulation.ring.happened import happened, wanted
from tests.simulation.ring.living import live
from tests.simulation.ring.of_bounds import wrong_put_back, wrong_undone
from tests.simulation.ring.of_calls import wrong_calls
from tests.simulation.ring.of_lives import (
    wrong_end,
    wrong_intents,
    wrong_limits,
    wrong_pace,
    wrong_plans,
    wrong_repeats,
)
from tests.simulation.ring.of_messages import wrong_messages
from tests.simulation.ring.of_sums import wrong_sums

SHOWN = 20


def wrong(book: Book) -> Iterator[str]:
    """Say everything of a life that should not have been."""
    yield from wrong_calls(book)
    yield from wrong_intents(book)
    yield from wrong_repeats(book)
    yield from wrong_limits(book)
    yield from wrong_put_back(book)
    yield from wrong_undone(book)
    yield from wrong_pace(book)
    yield from wrong_end(book)
    yield from wrong_messages(book)
    yield from wrong_plans(book)
    yield from wrong_sums(book)


def test_a_life_in_which_everything_goes_wrong(
    simulation_seed: int, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    with live(simulation_seed, folder) as life:
        book = Book.of(life)
        told = {"wanted": sorted(wanted()), "happened": dict(happened(book))}
        record_property("sometimes", told)
        found = list(wrong(book))
    replay = f'make simulate ARGS="--seed {simulation_seed} -k everything_goes_wrong"'
    assert not found, "\n".join((replay, *found[:SHOWN]))


def test_a_life_is_replayed_byte_for_byte() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.simulation.ring.replayed", "3"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert b":scale" in told[0]
