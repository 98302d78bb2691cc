"""P1: what one cycle costs when nothing has changed, beside the least that it can cost."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figures import Figure, ratio, spread
from benchmarks.pairs import STEP_S, simulator, worker

TARGET = 2.0
COUNT, LIVE = 10_000, 2_000
ROUNDS = 15
ROUNDS_QUICK = 5
WARM_UP = 2


def figures(*, quick: bool) -> list[Figure]:
    """Take the floor and the product through the same instants of the same account, in turn."""
    rounds = ROUNDS_QUICK if quick else ROUNDS
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    with (
        TemporaryDirectory() as folder,
        simulator(COUNT, LIVE) as account,
        worker("floor", account.url) as floor,
        worker("keeper", account.url, Path(folder) / "ledger.db") as keeper,
    ):
        for number in range(WARM_UP + rounds):
            ahead_s = (number + 1) * STEP_S
            account.put_ahead(ahead_s)
            if number % 2:
                mine, least = keeper.cycle(ahead_s), floor.cycle(ahead_s)
            else:
                least, mine = floor.cycle(ahead_s), keeper.cycle(ahead_s)
            if number >= WARM_UP:
                pairs.append((mine, least))
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
