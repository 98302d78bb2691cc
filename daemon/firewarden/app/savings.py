"""What firewarden has saved: every stop of it with what was used less since, from the ledger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from firewarden.app.metered import open_meter
from firewarden.app.owners import Owners
from firewarden.app.periods import find_zone, read_stretch
from firewarden.app.picture import Picture, take_any_picture
from firewarden.app.queries import Ledger
from firewarden.app.usage import why_incomplete
from firewarden.decide.attribution import service_of
from firewarden.decide.plan import plan
from firewarden.decide.standing import WOKEN
from firewarden.metering.instants import to_ms
from firewarden.metering.ours import CLAIM_FOR, After, Stop, stop_of
from firewarden.metering.savings import Saved, saved_by
from firewarden.metering.totals import total_of
from firewarden.model.action import Intent, Outcome
from firewarden.model.commitment import Commitment
from firewarden.model.ids import Uid
from firewarden.model.price import cost_usd
from firewarden.model.trueup import DayState
from firewarden.model.usage import ActivityRun, Segment
from firewarden.model.vocabulary import CommitmentKind, Verb
from firewarden.report.savings import Saving, SavingsReport, SavingState
from firewarden.store.history import read_known, read_runs, read_segments
from firewarden.store.intents import read_actions
from firewarden.store.trueup import Adjusted, Verdict, read_adjustments, read_verdicts

_MOST: Final = 100_000
"""Actions that are looked at; far more than limits allow in the longest stretch."""

_BEFORE: Final = timedelta(days=2)
"""How far before a stop the evidence reaches by which the provider's own timer is judged."""

_DAY: Final = timedelta(days=1)
_MS: Final = timedelta(milliseconds=1)
_ZERO: Final = Decimal(0)
_BILLED: Final = frozenset({DayState.SETTLED, DayState.ADJUSTED})


def read_savings(
    ledger: Ledger, *, since: str | None, until: str | None, timezone: str | None
) -> SavingsReport:
    """Read what was saved from *since* (None: this month's start) to *until* (None: now).

    Raises:
        UserError: an instant or the zone cannot be understood.
    """
    zone = find_zone(timezone or ledger.timezone)
    begin, end = read_stretch(since, until, now=ledger.now, zone=zone)
    picture, problem = take_any_picture(ledger)
    stops = _Stops(ledger, begin, end)
    return SavingsReport(
        account=ledger.account,
        since=begin,
        until=end,
        timezone=zone.key,
        problem=why_incomplete(ledger, end),
        is_up_to=_is_up_to(picture.policies.commitments, begin, end),
        projected_usd_per_hour=None if problem else _projected(picture),
        savings=stops.savings(picture.policies.commitments or ()),
    )


def _is_up_to(commitments: Sequence[Commitment] | None, since: datetime, until: datetime) -> bool:
    """Is any amount at most so much: undeclared, or under a minimum spend that is paid anyway?"""
    if commitments is None:
        return True
    spend = [each for each in commitments if each.kind is CommitmentKind.SPEND]
    return any(each.until > since and not (each.since and each.since >= until) for each in spend)


def _projected(picture: Picture) -> Decimal:
    due = plan(picture.situation, picture.verdicts, picture.docket, picture.policies).actions
    return sum((each.saves_usd_per_hour or Decimal(0) for each in due), Decimal(0))


class _Stops:
    """Every stop whose saving may reach into a stretch, with the rows it is measured by."""

    def __init__(self, ledger: Ledger, since: datetime, until: datetime) -> None:
        self._ledger = ledger
        self._meter = open_meter(ledger)
        self._since, self._until = since, min(until, self._meter.confirmed_at or since)
        self._known = {one.uid: one for one in read_known(ledger.session, ledger.account)}
        self._stops = tuple(self._find())

    def _find(self) -> Iterator[Stop]:
        session, account = self._ledger.session, self._ledger.account
        found = read_actions(session, account, since=self._since - CLAIM_FOR, limit=_MOST)
        acts = [
            each
            for each in reversed(found)
            if each.outcome is Outcome.APPLIED and each.planned_at < self._until
        ]
        if not acts:
            return
        uids, first = {each.uid for each in acts}, acts[0].planned_at - _BEFORE
        segments: defaultdict[Uid, list[Segment]] = defaultdict(list)
        runs: defaultdict[Uid, list[ActivityRun]] = defaultdict(list)
        for segment in read_segments(session, account, since=first, until=self._until, uids=uids):
            segments[segment.uid].append(segment)
        for run in read_runs(session, account, since=first, until=self._until, uids=uids):
            runs[run.uid].append(run)
        deleted = {each.uid for each in acts if each.verb is Verb.DELETE}
        wakes = [each for each in acts if each.verb is Verb.RESTORE and each.reason == WOKEN]
        made = self._made_of_each_service()
        for act in acts:
            stop = stop_of(
                act,
                segments[act.uid],
                runs[act.uid],
                After(
                    successors=tuple(
                        at for uid, at in made[self._service(act.uid)] if uid != act.uid
                    ),
                    deleted_by_us=act.uid in deleted,
                    was_woken=any(_puts_back(each, act) for each in wakes),
                ),
                now=self._until,
            )
            if stop is not None and (stop.until is None or stop.until > self._since):
                yield stop

    def _made_of_each_service(self) -> Mapping[str, list[tuple[Uid, datetime]]]:
        made: defaultdict[str, list[tuple[Uid, datetime]]] = defaultdict(list)
        for one in self._known.values():
            made[self._service(one.uid)].append((one.uid, one.created_at))
        return made

    def _service(self, uid: Uid) -> str:
        owner = self._owners.at(uid, self._until)
        return owner.service or service_of(self._known[uid].deployment_id)

    @cached_property
    def _owners(self) -> Owners:
        return Owners(self._ledger, self._known)

    def savings(self, commitments: Sequence[Commitment]) -> tuple[Saving, ...]:
        """Measure each, the oldest first."""
        if not self._stops:
            return ()
        # What is reserved is shared by all; without that each stop is a matter of its own.
        uids = None if commitments else {stop.uid for stop in self._stops}
        saved = saved_by(
            self._stops,
            read_segments(
                self._ledger.session,
                self._ledger.account,
                since=self._since,
                until=self._until,
                uids=uids,
            ),
            prices=self._ledger.prices,
            commitments=commitments,
            since=self._since,
            until=self._until,
        )
        return tuple(self._saving(stop, saved[stop.action_id]) for stop in self._stops)

    def _saving(self, stop: Stop, saved: Saved) -> Saving:
        """Put bounds around what was *saved*: those of what was metered while it was ours."""
        begin, end = max(stop.at, self._since), min(stop.until or self._until, self._until)
        span_ms = max(0, to_ms(end) - to_ms(begin)) * stop.gpus
        total = total_of(self._meter.used(begin, end, uids=[stop.uid]) if begin < end else ())
        more_ms = self._billed_more(stop.uid, begin, end)
        low_ms = max(0, min(saved.gpu_ms, span_ms - total.high_ms) - more_ms)
        high_ms = max(saved.gpu_ms, span_ms - total.low_ms)
        below = cost_usd(max(0, saved.gpu_ms - low_ms), saved.top_micro_usd)
        above = cost_usd(high_ms - saved.gpu_ms, saved.top_micro_usd)
        usd = max(cost_usd(saved.micro_usd_ms, 1) - cost_usd(more_ms, saved.top_micro_usd), _ZERO)
        return Saving(
            action_id=stop.action_id,
            deployment_id=self._known[stop.uid].deployment_id,
            uid=stop.uid,
            policy=stop.policy,
            verb=stop.verb.value,
            at=stop.at,
            until=stop.until,
            ending=stop.ending,
            is_regretted=stop.is_regretted,
            accelerator_type=stop.hardware.accelerator_type,
            gpus=stop.gpus,
            gpu_ms=max(0, saved.gpu_ms - more_ms),
            low_ms=low_ms,
            high_ms=high_ms,
            paid_ms=saved.paid_ms,
            unpriced_ms=saved.unpriced_ms,
            usd=usd,
            usd_low=max(usd - below, _ZERO),
            usd_high=usd + above,
            state=self._state(stop, end),
        )

    def _state(self, stop: Stop, end: datetime) -> SavingState:
        """Settled once it is over, and the bill of every day of it is in and agreed on."""
        if stop.until is None or stop.until > end:
            return SavingState.MEASURED
        days = _days(max(stop.at, self._since), end, ZoneInfo(self._ledger.timezone))
        judged = (self._verdicts.get(day) for day in days)
        is_billed = all(each and each.state in _BILLED and not each.stale for each in judged)
        return SavingState.SETTLED if is_billed else SavingState.MEASURED

    def _billed_more(self, uid: Uid, since: datetime, until: datetime) -> int:
        """Count the GPU-ms that the bill added to what was metered on the days of a saving."""
        name = self._known[uid].deployment_id
        days = set(_days(since, until, ZoneInfo(self._ledger.timezone)))
        more = (
            each.adjustment.gpu_ms
            for each in self._adjustments
            if each.deployment_id == name and each.day in days
        )
        return sum(each for each in more if each > 0)

    @cached_property
    def _verdicts(self) -> Mapping[date, Verdict]:
        return read_verdicts(self._ledger.session, self._ledger.account, **self._range())

    @cached_property
    def _adjustments(self) -> tuple[Adjusted, ...]:
        return tuple(read_adjustments(self._ledger.session, self._ledger.account, **self._range()))

    def _range(self) -> dict[str, date]:
        return {"first": self._since.date() - _DAY, "last": self._until.date() + _DAY}


def _puts_back(order: Intent, act: Intent) -> bool:
    """Did *order* undo *act*?"""
    if order.uid != act.uid or act.released_at is None or order.finished_at is None:
        return False
    return act.planned_at < order.planned_at and order.finished_at <= act.released_at


def _days(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[date]:
    """Give every local day that ``[since, until)`` touches."""
    day, last = since.astimezone(zone).date(), (until - _MS).astimezone(zone).date()
    while day <= last:
        yield day
        day += _DAY
