"""What a demo came to: metered against the simulator's own truth, and what stops have saved."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.app.metered import open_meter
from firewarden.app.queries import Ledger
from firewarden.metering.totals import Totals, total_of
from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.people import Override
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import STOPS
from firewarden.providers.simulated.instants import to_ms
from firewarden.providers.simulated.truth import gpu_ms
from firewarden.providers.simulated.world import World
from firewarden.report.text import duration, gpu_hours, plural, share, usd
from firewarden.store import overrides
from firewarden.store.history import read_segments
from firewarden.store.incidents import read_closed
from firewarden.store.intents import read_actions

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """GPU time that stopped deployments have not held since, and its price.

    ``usd`` is of the priced part; ``unpriced_ms`` the rest of ``gpu_ms``.
    """

    gpu_ms: int = 0
    usd: Decimal = Decimal(0)
    unpriced_ms: int = 0

    def __add__(self, other: "Saving") -> "Saving":
        """Add two savings."""
        return Saving(
            gpu_ms=self.gpu_ms + other.gpu_ms,
            usd=self.usd + other.usd,
            unpriced_ms=self.unpriced_ms + other.unpriced_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The whole of ``[since, until)``: metered, true, done, and saved by what was done.

    Attributes:
        restored_count: bounds put back after a wake.
        kept_count: people's words for a deployment. reverted_count: their changes after ours.
        recovered_count: warnings after which nothing was done, without anybody's word.
    """

    since: datetime
    until: datetime
    total: Totals
    truth_ms: int
    stop_count: int
    restored_count: int
    kept_count: int
    reverted_count: int
    recovered_count: int
    saving: Saving

    @property
    def is_inside(self) -> bool:
        """Does the truth lie inside the hard bounds?"""
        return self.total.low_ms <= self.truth_ms <= self.total.high_ms


def sum_up(ledger: Ledger, world: World) -> Summary | None:
    """Sum up all that was metered so far; None where nothing was."""
    session, account = ledger.session, ledger.account
    meter = open_meter(ledger)
    until = meter.confirmed_at
    if until is None:
        return None
    segments = read_segments(session, account, since=world.start, until=until)
    since = min((segment.started.lo for segment in segments), default=until)
    closed = read_closed(session, account, since=since)
    stops = [each for each in closed if each.state is IncidentState.DONE and each.verb in STOPS]
    intents = read_actions(session, account, since=since)
    words = overrides.read_since(session, account, since=since)
    return Summary(
        since=since,
        until=until,
        total=total_of(meter.used(since, until)),
        truth_ms=_truth(world, account, since, until),
        stop_count=len(stops),
        restored_count=sum(map(_is_put_back, intents)),
        kept_count=sum(each.kind.is_about_one for each in words),
        reverted_count=sum(each.released is Released.HUMAN for each in intents),
        recovered_count=sum(_is_recovered(each, words) for each in closed),
        saving=sum((_saved(stop, ledger, until) for stop in stops), Saving()),
    )


def _is_put_back(intent: Intent) -> bool:
    return intent.verb is Verb.RESTORE and intent.outcome is Outcome.APPLIED


def _is_recovered(incident: Incident, words: Iterable[Override]) -> bool:
    if incident.state is not IncidentState.CANCELLED or incident.warned_at is None:
        return False
    at = incident.closed_at or incident.entered_at
    return not any(each.uid == incident.uid and each.is_standing(at) for each in words)


def _truth(world: World, account: str, since: datetime, until: datetime) -> int:
    first, last = to_ms(since), to_ms(until)
    everything = world.account(account).everything()
    return sum(gpu_ms(incarnation, first, last) for incarnation in everything)


def _saved(stop: Incident, ledger: Ledger, until: datetime) -> Saving:
    """Tell what *stop* has saved: from when it was seen at zero until it may have served again.

    It is taken to have gone on holding what it held last, and no more than when it was warned
    of.
    """
    closed_at = stop.closed_at
    if closed_at is None:
        return Saving()
    segments = read_segments(
        ledger.session, ledger.account, since=stop.opened_at, until=until, uids=[stop.uid]
    )
    served = [each for each in segments if each.ready]
    again = [each.started.lo for each in served if each.started.lo >= closed_at]
    last = [each for each in served if each.started.lo < closed_at][-1:]
    held = min([stop.gpu_count, *(each.ready * each.hardware.accelerator_count for each in last)])
    gpu_ms_saved = held * (max(min([*again, until]) - closed_at, timedelta(0)) // _MS)
    if stop.saves_micro_usd_per_hour is None or not stop.gpu_count:
        return Saving(gpu_ms=gpu_ms_saved, unpriced_ms=gpu_ms_saved)
    price = Decimal(stop.saves_micro_usd_per_hour) / stop.gpu_count
    return Saving(gpu_ms=gpu_ms_saved, usd=price * gpu_ms_saved / (MICRO * MS_PER_HOUR))


def summary_lines(summary: Summary | None) -> tuple[str, ...]:
    """Write the summary for people; every number has its unit, and says how sure it is."""
    if summary is None:
        return ("nothing was metered yet",)
    total = summary.total
    inside = "inside" if summary.is_inside else "OUTSIDE: this is a bug, please report it"
    bounds = f"low {gpu_hours(total.low_ms)} .. high {gpu_hours(total.high_ms)}"
    unpriced = "" if total.is_priced else f", and {gpu_hours(total.unpriced_ms)} GPU-h unpriced"
    return (
        f"summary of {duration(summary.until - summary.since)} of simulated time",
        f"  metered  {gpu_hours(total.gpu_ms)} GPU-h ({bounds})",
        f"  truth    {gpu_hours(summary.truth_ms)} GPU-h by the simulator: {inside}",
        f"  cost     {usd(total.usd)} ({usd(total.usd_low)} .. {usd(total.usd_high)}){unpriced}",
        f"  idle     {share(total.idle_ms, total.gpu_ms)} of the GPU time, {usd(total.idle_usd)}",
        f"  acted    {_acted(summary)}",
        f"  spared   {_spared(summary)}",
        f"  saved    {_saving(summary.saving)}",
    )


def _acted(summary: Summary) -> str:
    stops = plural(summary.stop_count, "stop")
    return f"{stops}; old bounds put back after {plural(summary.restored_count, 'wake')}"


def _spared(summary: Summary) -> str:
    return (
        f"{summary.kept_count} kept by people, {summary.reverted_count} set back by people, "
        f"{summary.recovered_count} let go after the warning"
    )


def _saving(saving: Saving) -> str:
    unpriced = f", and {gpu_hours(saving.unpriced_ms)} GPU-h unpriced" if saving.unpriced_ms else ""
    return (
        f"{gpu_hours(saving.gpu_ms)} GPU-h not held since those stops: {usd(saving.usd)} at list "
        f"price{unpriced}, in this simulation"
    )
