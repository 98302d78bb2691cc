"""P2: what an unchanged cycle costs as the account grows, and as its history does."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figures import Figure, ratio, spread
from benchmarks.history import copied, lived_through
from benchmarks.pairs import Pair, beside_floor, simulator, worker

SLOPE, HISTORY, ROWS = 1.05, 1.2, 5
COUNTS = (100, 316, 1_000, 3_162, 10_000)
LIVE_SHARE = 5
RECORDED, DAYS = 200, 400
ROUNDS = 9
ROUNDS_QUICK = 3
WARM_UP = 2

Costs = list[tuple[dict[str, Any], dict[str, Any]]]


def figures(*, quick: bool) -> list[Figure]:
    """Measure accounts of several sizes, and one of them after one day and after many."""
    rounds = ROUNDS_QUICK if quick else ROUNDS
    with TemporaryDirectory() as folder:
        costs = _of_sizes(Path(folder), WARM_UP + rounds)
        return [_slope(costs), _rows(costs), _history(Path(folder), rounds)]


def _of_sizes(folder: Path, cycles: int) -> Mapping[int, Costs]:
    """Take accounts of all sizes through the same instants, so that a busy moment meets all."""
    with ExitStack() as stack:
        pairs = {
            count: stack.enter_context(
                beside_floor(count, count // LIVE_SHARE, folder / f"{count}.db")
            )
            for count in COUNTS
        }
        costs: dict[int, Costs] = {count: [] for count in COUNTS}
        for number in range(cycles):
            for count, pair in pairs.items():
                costs[count].append(pair.cycle(number))
    return costs


def _slope(costs: Mapping[int, Costs]) -> Figure:
    ours, floor = (
        [median(pair[which]["cpu_s"] for pair in costs[count][WARM_UP:]) for count in COUNTS]
        for which in (0, 1)
    )
    shown = ", ".join(f"{each * 1_000:.0f}" for each in ours)
    return Figure(
        name="P2",
        what="slope of the CPU of a cycle and a scrape over the deployments, log-log,"
        f" {COUNTS[0]:,} to {COUNTS[-1]:,} unchanged, a fifth of them live",
        value=_fitted(COUNTS, ours),
        target=SLOPE,
        unit="",
        details=f"{shown} ms at {', '.join(f'{count:,}' for count in COUNTS)};"
        f" from {COUNTS[-2]:,} on {_fitted(COUNTS[-2:], ours[-2:]):.3f};"
        f" the floor's {_fitted(COUNTS, floor):.3f} and {_fitted(COUNTS[-2:], floor[-2:]):.3f}",
    )


def _fitted(counts: Sequence[int], costs: Sequence[float]) -> float:
    return linear_regression([log(each) for each in counts], [log(each) for each in costs]).slope


def _rows(costs: Mapping[int, Costs]) -> Figure:
    """Find the most rows of a cycle; one that ends an hour has that to store, and is told apart."""
    within: list[int] = []
    ending: dict[int, int] = {}
    for count, pairs in costs.items():
        for before, (mine, _) in pairwise(pairs):
            if mine["hour"] == before[0]["hour"]:
                within.append(mine["rows"])
            else:
                ending[count] = mine["rows"]
    if set(ending) != set(COUNTS):
        raise RuntimeError(f"not an hour's end for each: {ending}")
    return Figure(
        name="P2",
        what="rows inserted, changed and deleted in an unchanged cycle with its scrape,"
        f" at most, {COUNTS[0]:,} to {COUNTS[-1]:,} deployments",
        value=max(within),
        target=ROWS,
        unit="rows",
        details=f"{len(within)} cycles, by SQLite's own count; at the end of an hour"
        f" {ending[COUNTS[0]]:,} to {ending[COUNTS[-1]]:,}, a mark for each hour to be rolled up",
    )


def _history(folder: Path, rounds: int) -> Figure:
    young, old = folder / "young.db", folder / "old.db"
    with simulator(RECORDED, RECORDED) as account:
        lived_through(account.url, young)
        row_count = copied(young, days=DAYS, into=old)
        size = old.stat().st_size / 1_000_000
        with (
            worker("keeper", account.url, old) as ours,
            worker("keeper", account.url, young) as its,
        ):
            pair = Pair(account, ours, its)
            pairs = [pair.cycle(number) for number in range(WARM_UP + 3 * rounds)][WARM_UP:]
    late, early = ([pair[which]["cpu_s"] for pair in pairs] for which in (0, 1))
    return Figure(
        name="P2",
        what=f"CPU of a cycle and a scrape after {DAYS} days of history / after one,"
        f" {RECORDED} deployments that changed 16 times a day",
        value=ratio(late, early),
        target=HISTORY,
        details=f"{spread(late)} against {spread(early)}, {len(pairs)} pairs;"
        f" {row_count:,} rows, {size:,.0f} MB",
    )
