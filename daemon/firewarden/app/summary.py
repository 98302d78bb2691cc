"""What a demo came to: metered against the simulator's own truth, and what would be saved."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.app.metered import open_meter
from firewarden.app.queries import Ledger
from firewarden.metering.totals import Totals, total_of
from firewarden.model.activity import Use
from firewarden.model.price import MICRO
from firewarden.model.verdict import Incident, IncidentState
from firewarden.policy.rules import EFFECTS
from firewarden.providers.simulated.instants import to_ms
from firewarden.providers.simulated.truth import gpu_ms
from firewarden.providers.simulated.world import World
from firewarden.report.text import duration, gpu_hours, plural, share, usd
from firewarden.store.history import read_runs, read_segments
from firewarden.store.incidents import read_closed

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole of ``[since, until)``: metered, true, and what stops would have saved.

    ``saved`` is at list price, None where a stopped deployment is unpriced.
    """

    since: datetime
    until: datetime
    total: Totals
    truth_ms: int
    stop_count: int
    saved: Decimal

    @property
    def is_inside(self) -> bool:
        """Does the truth lie inside the hard bounds?"""
        return self.total.low_ms <= self.truth_ms <= self.total.high_ms


def sum_up(ledger: Ledger, world: World) -> Summary | None:
    """Sum up all that was metered so far; None where nothing was."""
    meter = open_meter(ledger)
    until = meter.confirmed_at
    if until is None:
        return None
    segments = read_segments(ledger.session, ledger.account, since=world.start, until=until)
    since = min((segment.started.lo for segment in segments), default=until)
    stops = [
        incident
        for incident in read_closed(ledger.session, ledger.account, since=since)
        if incident.state is IncidentState.DONE and incident.verb in EFFECTS
    ]
    return Summary(
        since=since,
        until=until,
        total=total_of(meter.used(since, until)),
        truth_ms=_truth(world, ledger.account, since, until),
        stop_count=len({incident.uid for incident in stops}),
        saved=sum((_saved(stop, ledger, until) for stop in stops), Decimal(0)),
    )


def _truth(world: World, account: str, since: datetime, until: datetime) -> int:
    first, last = to_ms(since), to_ms(until)
    everything = world.account(account).everything()
    return sum(gpu_ms(incarnation, first, last) for incarnation in everything)


def _saved(stop: Incident, ledger: Ledger, until: datetime) -> Decimal:
    """Tell what a stop would have saved: from its end to the next use seen, or to *until*."""
    if stop.closed_at is None or stop.saves_micro_usd_per_hour is None:
        return Decimal(0)
    runs = read_runs(
        ledger.session, ledger.account, since=stop.closed_at, until=until, uids=[stop.uid]
    )
    used = [run.since for run in runs if run.use is Use.ACTIVE and run.since > stop.closed_at]
    span = min([*used, until]) - stop.closed_at
    per_hour = Decimal(stop.saves_micro_usd_per_hour) / MICRO
    return per_hour * Decimal(max(span, timedelta(0)) / _HOUR)


def summary_lines(summary: Summary | None) -> tuple[str, ...]:
    """Write the summary for people; every number has its unit, and says how sure it is."""
    if summary is None:
        return ("nothing was metered yet",)
    total = summary.total
    inside = "inside" if summary.is_inside else "OUTSIDE: this is a bug, please report it"
    bounds = f"low {gpu_hours(total.low_ms)} .. high {gpu_hours(total.high_ms)}"
    unpriced = "" if total.is_priced else f", and {gpu_hours(total.unpriced_ms)} GPU-h unpriced"
    stops = plural(summary.stop_count, "deployment")
    return (
        f"summary of {duration(summary.until - summary.since)} of simulated time",
        f"  metered  {gpu_hours(total.gpu_ms)} GPU-h ({bounds})",
        f"  truth    {gpu_hours(summary.truth_ms)} GPU-h by the simulator: {inside}",
        f"  cost     {usd(total.usd)} ({usd(total.usd_low)} .. {usd(total.usd_high)}){unpriced}",
        f"  idle     {share(total.idle_ms, total.gpu_ms)} of the GPU time, {usd(total.idle_usd)}",
        f"  saved    {usd(summary.saved)} would have been at list price, by stopping {stops}",
        "  this version observes: nothing was stopped",
    )
