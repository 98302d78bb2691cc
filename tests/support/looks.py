"""What can be known of a truth by whoever looks at it now and then."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.support.oracles import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The instants at which listings were answered, in order: all that anybody could see."""

    at: Sequence[int]

    def around(self, at: int) -> tuple[int, int]:
        """Give the last look at or before *at*, and the one after it."""
        after = bisect_right(self.at, at)
        return self.at[after - 1], self.at[after]

    def visible_ms(self, truth: Truth, *, before: int, since: int, until: int) -> int:
        """Give the GPU-milliseconds of *truth* without what came and went between two looks.

        Between two looks only what lies between the counts they saw can be accounted for
        (docs/metering.md, "What the bounds do not cover").
        """
        steps = [(since, before), *truth.changes, (until, truth.gpu_count)]

        def count(at: int) -> int:
            return next((gpus for begun, gpus in reversed(steps) if begun <= at), before)

        total = 0
        for (begun, gpus), (ended, _) in pairwise(steps):
            looks = [each for each in self.at if begun < each < ended]
            for x, y in pairwise([begun, *looks, ended]):
                seen = [count(each) for each in self.around(x)]
                total += min(max(gpus, min(seen)), max(seen)) * (y - x)
        return total
