"""When not to ask: deadlines the provider set, a budget for repeats, the pace of the metrics."""

from collections import deque
from datetime import timedelta
from enum import Enum

METRICS_WINDOW_S = 60.1
"""A minute, and a little more: the two clocks do not tick alike."""

METRICS_CALLS_PER_WINDOW = 2
"""Of the 6 a minute that one account has for everybody (Fireworks docs: exporting-metrics)."""

SLOW_FOR_S = 600.0


class Lane(Enum):
    """Requests that the provider limits together."""

    CONTROL = "control"
    METRICS = "metrics"


class RetryBudget:
    """Pays for repeated requests: a tenth of one for each request that is made.

    One is there from the start, and never more than *most* are saved up, so that an outage
    after a quiet day is not answered by a storm.
    """

    def __init__(self, *, share: float = 0.1, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._saved = 1.0

    def earn(self) -> None:
        """Count one request that is made for the first time."""
        self._saved = min(self._most, self._saved + self._share)

    def spend(self) -> bool:
        """Take one repeat out, if there is one; says whether."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


class Deadlines:
    """Instants (of `Clock.mono`) before which the provider asked not to be asked again."""

    def __init__(self) -> None:
        self._until: dict[Lane, float] = {}

    def remember(self, lane: Lane, *, until: float, throttled: bool) -> None:
        """Ask nothing in *lane* before *until*; a control plane that throttles throttles all.

        Its limit is one for every use of the API (Fireworks docs: account-quotas), the
        limit of the metrics is theirs alone.
        """
        lanes = Lane if throttled and lane is Lane.CONTROL else (lane,)
        for each in lanes:
            self._until[each] = max(until, self._until.get(each, until))

    def left_s(self, lane: Lane, *, now: float) -> float:
        """Tell the seconds until *lane* may be asked again; 0 where it may."""
        return max(0.0, self._until.get(lane, now) - now)


class MetricsPace:
    """At most two scrapes in any minute, one for ten minutes after a 429.

    Counted from the *end* of a scrape to the *beginning* of a later one, so that the bound
    holds on the provider's side too, however long a request was under way.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._ended: deque[float] = deque(maxlen=METRICS_CALLS_PER_WINDOW)
        self._slow_until = float("-inf")

    def interval(self, *, now: float) -> timedelta:
        """Tell how far apart scrapes should begin at present."""
        return self._every * (2 if self._is_slow(now) else 1)

    def wait_s(self, *, now: float) -> float:
        """Tell the seconds to wait before the next scrape may begin: a minute at most."""
        allowed = 1 if self._is_slow(now) else METRICS_CALLS_PER_WINDOW
        if len(self._ended) < allowed:
            return 0.0
        in_window = self._ended[-allowed] + METRICS_WINDOW_S
        evenly = self._ended[-1] + METRICS_WINDOW_S / allowed  # two at once are worth one
        return max(0.0, in_window - now, evenly - now)

    def ended(self, *, now: float, throttled: bool) -> None:
        """Note that a scrape is over, whatever came of it."""
        self._ended.append(now)
        if throttled:
            self._slow_until = now + SLOW_FOR_S

    def _is_slow(self, now: float) -> bool:
        return now < self._slow_until
