"""`python -m benchmarks [--quick] [P1 …]`: measure, print, and fail where a target is missed.

What was measured in full is written into ``benchmarks/RESULTS.md``; a quick run only prints.
"""

import sys
from collections.abc import Callable, Sequence

from benchmarks import (
    caps,
    cycle,
    day,
    forecasting,
    growth,
    memory,
    metering,
    reporting,
    starting,
    storage,
    takeover,
    telling,
)
from benchmarks.figures import Figure
from benchmarks.results import write

BENCHMARKS: dict[str, Callable[..., list[Figure]]] = {
    "P1": cycle.figures,
    "P2": growth.figures,
    "P5": reporting.figures,
    "P6": memory.figures,
    "P7": starting.figures,
    "P8": metering.figures,
    "P9": storage.figures,
    "P10": telling.figures,
    "P11": caps.figures,
    "P12": forecasting.figures,
    "P13": takeover.figures,
    "P14": day.figures,
}


def main(arguments: Sequence[str]) -> int:
    """Run what is named, or everything; 0: every target met, 1: one missed, 2: no such name."""
    quick = "--quick" in arguments
    names = [each.upper() for each in arguments if each != "--quick"]
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"no benchmark {', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
        return 2
    found: list[Figure] = []
    for name in names or BENCHMARKS:
        for figure in BENCHMARKS[name](quick=quick):
            print(figure, flush=True)
            found.append(figure)
    if not quick:
        write(found)
    return 0 if all(figure.is_reached for figure in found) else 1


sys.exit(main(sys.argv[1:]))
