"""P1: what one cycle costs when nothing has changed, beside the least that it can cost."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, ratio, spread
from benchmarks.pairs import beside_floor

TARGET = 2.0
COUNT, LIVE = 10_000, 2_000
ROUNDS = 15
ROUNDS_QUICK = 5
WARM_UP = 2


def figures(*, quick: bool) -> list[Figure]:
    """Take the floor and the product through the same instants of the same account, in turn."""
    rounds = ROUNDS_QUICK if quick else ROUNDS
    with (
        TemporaryDirectory() as folder,
        beside_floor(COUNT, LIVE, Path(folder) / "ledger.db") as both,
    ):
        pairs = [both.cycle(number) for number in range(WARM_UP + rounds)][WARM_UP:]
    lines = {least["lines"] for _, least in pairs}
    if {least["deployments"] for _, least in pairs} != {COUNT} or len(lines) != 1:
        raise RuntimeError(f"not the same account every time: {pairs}")
    ours, theirs = [mine["cpu_s"] for mine, _ in pairs], [least["cpu_s"] for _, least in pairs]
    return [
        Figure(
            name="P1",
            what=f"CPU of a cycle and a scrape, {COUNT:,} deployments unchanged, {LIVE:,} live,"
            " 10 policies / fetching and decoding the same",
            value=ratio(ours, theirs),
            target=TARGET,
            details=f"{spread(ours)} against {spread(theirs)}, {rounds} pairs;"
            f" {lines.pop():,} wanted lines",
        )
    ]
