"""What a provider can do, as far as policies depend on it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Facts about a provider that decide whether a policy makes sense there.

    Attributes:
        wakeable_zero: what is scaled to zero wakes on a request.
        hard_stop: it can also be kept from waking.
        bounds: minimum and maximum of replicas can be set, and the fleet keeps between them.
        undelete: what was deleted can be brought back for a while.
        auto_delete_after: the provider deletes what has min 0 after so long without
            traffic; None: it does not.
        zero_window: the shortest default idle timer of its own where min is 0; None: none.
        least_zero_window: the shortest that can be set; None: it cannot be set.
        scrape_every: distance of two looks at use.
    """

    wakeable_zero: bool
    hard_stop: bool
    bounds: bool
    undelete: bool
    auto_delete_after: timedelta | None
    zero_window: timedelta | None
    least_zero_window: timedelta | None
    scrape_every: timedelta


FIREWORKS = Capabilities(
    wakeable_zero=True,
    hard_stop=True,
    bounds=True,
    undelete=True,
    auto_delete_after=timedelta(days=7),
    zero_window=timedelta(hours=1),
    least_zero_window=timedelta(minutes=5),
    scrape_every=timedelta(seconds=30),
)
"""Fireworks docs: deployments/autoscaling (scale to zero, 5 minutes, 7 days), exporting-metrics,
and the gateway spec (``:undelete``)."""
