"""How early a hard cap has to act so that what is left on the way to zero stays below its limit."""

from datetime import timedelta
from decimal import Decimal

from firewarden.metering.instants import HOUR
from firewarden.metering.spending import hours_in


def time_to_reach(count: int, *, per_cycle: int, per_hour: int, cycle: timedelta) -> timedelta:
    """How long the limits hold up the last of *count* actions, counted from the first.

    At most *per_cycle* go in a cycle and *per_hour* in any hour, an action exactly an hour old
    no longer counting. Whatever went in the hour before is added to *count* by the caller.
    """
    before = max(0, count - 1)
    hours, rest = divmod(before, per_hour)
    cycles_an_hour = -(-HOUR // cycle)
    by_hour = hours * cycles_an_hour + rest // per_cycle
    return max(by_hour, before // per_cycle) * cycle


def time_to_stop(
    *,
    poll: timedelta,
    latency: timedelta,
    drain: timedelta,
    limits: timedelta,
    approval: timedelta = timedelta(0),
) -> timedelta:
    """``T_stop``: how long a scope may go on burning after a look that did not call for a stop.

    The sum of two polls (one in which the condition becomes true, one that fails), the
    measured latency of an action, the time a replica drains, `time_to_reach` of the last
    target, and the time after which an approval expires. Each is the longest to expect;
    *poll*: from the asking of one listing to the answer of the next.
    """
    return 2 * poll + latency + drain + limits + approval


def acts_now(
    *, spent_high: Decimal, usd_per_hour: Decimal, limit: Decimal, t_stop: timedelta
) -> bool:
    """Must a hard cap act now: ``spent_high + burn × T_stop >= limit``?

    *spent_high*: the most that can have been spent. *usd_per_hour*: the most that the scope can
    burn until it stands still, hence of all replicas that it may have by then, not of those it
    has now: a limit that is hard for the burn of now is passed by a scope that grows meanwhile.
    """
    return spent_high + usd_per_hour * hours_in(t_stop) >= limit
