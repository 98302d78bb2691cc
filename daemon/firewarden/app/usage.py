"""Usage and cost by whatever a person groups them by, from the ledger alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from zoneinfo import ZoneInfo

from firewarden.app.metered import Meter, open_meter
from firewarden.app.owners import NOBODYS, Owners, labels
from firewarden.app.periods import find_zone, periods, read_stretch
from firewarden.app.picture import read_protected
from firewarden.app.queries import Ledger
from firewarden.app.spent import read_trued_up
from firewarden.app.usage_figures import (
    adjusted_figures,
    billed_figures,
    metered_figures,
    price_label,
)
from firewarden.errors import UserError
from firewarden.metering.periods import Period
from firewarden.metering.splits import parts_of, split_usage
from firewarden.model.attributes import Attributes
from firewarden.model.ids import Uid
from firewarden.model.trueup import RowState
from firewarden.model.usage import Usage
from firewarden.model.vocabulary import ATTRIBUTES, UNITS
from firewarden.report.usage import ADJUSTMENTS, Figures, UsageReport, UsageState
from firewarden.store.bill import Backfilled, read_backfill
from firewarden.store.history import newest_poll, read_known
from firewarden.store.trueup import Adjusted

GROUPS = ("deployment", "uid", "model", "accelerator", "price", *ATTRIBUTES, *UNITS)
"""What usage can be grouped by."""

_DAY = timedelta(days=1)

Keys = tuple[str, ...]


def read_report(
    ledger: Ledger,
    *,
    since: str | None,
    until: str | None,
    group_by: Sequence[str],
    timezone: str | None,
) -> UsageReport:
    """Read what was used from *since* (None: this month's start) to *until* (None: now).

    Idle cost of what is protected now is not called actionable.

    Raises:
        UserError: a group, an instant or the zone cannot be understood.
    """
    groups = _check_groups(group_by)
    zone = find_zone(timezone or ledger.timezone)
    begin, end = read_stretch(since, until, now=ledger.now, zone=zone)
    rows = _Rows(ledger, groups, zone=zone, protected=read_protected(ledger))
    rows.fill(begin, end)
    problem = why_incomplete(ledger, end)
    return UsageReport(
        since=begin,
        until=end,
        group_by=groups,
        timezone=zone.key,
        complete=not problem,
        problem=problem,
        rows=rows.sorted(),
        notes=rows.notes(),
    )


def _check_groups(asked: Sequence[str]) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(each.strip() for each in asked if each.strip()))
    known = ", ".join(GROUPS)
    for group in groups:
        if group not in GROUPS:
            raise UserError(
                f"cannot group by {group!r}", where="--group-by", mend=f"choose from: {known}"
            )
    if sum(group in UNITS for group in groups) > 1:
        raise UserError(
            "two units of time", where="--group-by", mend=f"give one of {', '.join(UNITS)}"
        )
    return groups


def why_incomplete(ledger: Ledger, until: datetime) -> str:
    """Say why figures up to *until* are not complete; "" where they are."""
    poll = newest_poll(ledger.session, ledger.account)
    if poll is None:
        return "no complete listing yet"
    if min(until, ledger.now) - poll.answered_at > ledger.fresh_for:
        seen = f"{poll.answered_at:%Y-%m-%d %H:%M} UTC"
        return f"the newest complete listing is of {seen}; nothing is counted beyond"
    newest = newest_poll(ledger.session, ledger.account, complete=False)
    if newest is not None and not newest.complete and until > newest.asked_at:
        return newest.problem or "the newest listing is not complete"
    return ""


class _Rows:
    """The figures of each group while they add up."""

    def __init__(
        self,
        ledger: Ledger,
        groups: tuple[str, ...],
        *,
        zone: ZoneInfo,
        protected: frozenset[Uid],
    ) -> None:
        self._ledger = ledger
        self._groups = groups
        self._zone = zone
        self._protected = protected
        self._known = {known.uid: known for known in read_known(ledger.session, ledger.account)}
        self._owners = Owners(ledger, self._known) if {*ATTRIBUTES} & {*groups} else None
        self._metered: defaultdict[Keys, list[Usage]] = defaultdict(list)
        self._open: set[Keys] = set()
        self._billed: defaultdict[Keys, list[Backfilled]] = defaultdict(list)
        self._adjusted: defaultdict[Keys, list[Adjusted]] = defaultdict(list)

    def fill(self, since: datetime, until: datetime) -> None:
        meter = open_meter(self._ledger)
        trued_up = read_trued_up(self._ledger, since, until)
        for period in tuple(self._periods(since, until)):  # too many are told before the first
            cut = trued_up.until(period.since, period.until)
            self._meter(self._used(meter, period.since, cut), period)
            self._open.update(self._meter(self._used(meter, cut, period.until), period))
            for day in self._backfilled(period):
                for keys, billed in self._cut_billed(day, period):
                    self._billed[keys].append(billed)
            for adjusted in trued_up.between(period.since, period.until):
                self._adjusted[self._adjusted_keys(adjusted, period)].append(adjusted)

    def _meter(self, used: Iterable[tuple[Usage, Attributes]], period: Period) -> set[Keys]:
        """Take in what was *used* in *period*; names the rows that it belongs to."""
        touched = set()
        for usage, owner in used:
            for keys, part in self._cut(usage, owner, period):
                self._metered[keys].append(part)
                touched.add(keys)
        return touched

    def sorted(self) -> tuple[tuple[Mapping[str, str], Figures], ...]:
        keys = sorted({*self._metered, *self._billed, *self._adjusted})
        return tuple(
            (dict(zip(self._groups, key, strict=True)), self._figures(key)) for key in keys
        )

    def notes(self) -> tuple[str, ...]:
        notes = []
        if self._billed:
            notes.append(
                "backfilled: from the provider's bill, before the first poll; no idle time known"
            )
        if any(row.state is RowState.DISPUTED for rows in self._adjusted.values() for row in rows):
            notes.append("disputed: the bill says otherwise; see `firewarden trueup`")
        return tuple(notes)

    def _periods(self, since: datetime, until: datetime) -> Iterator[Period]:
        unit = next((group for group in self._groups if group in UNITS), None)
        if unit is None:
            yield Period(label="", since=since, until=until)
        else:
            yield from periods(unit, since=since, until=until, zone=self._zone)

    def _backfilled(self, period: Period) -> Iterator[Backfilled]:
        """Read the billed local days that begin in *period*."""
        first = period.since.astimezone(self._zone).date() - _DAY
        last = period.until.astimezone(self._zone).date() + _DAY
        for day in read_backfill(
            self._ledger.session, self._ledger.account, first=first, last=last
        ):
            zone = ZoneInfo(day.billed.timezone)
            began = datetime.combine(day.billed.day, datetime.min.time(), zone)
            if period.since <= began < period.until:
                yield day

    def _used(
        self, meter: Meter, since: datetime, until: datetime
    ) -> Iterator[tuple[Usage, Attributes]]:
        """Give what was used in a stretch, with whose it was where that is asked for."""
        if self._owners is not None:
            yield from self._owners.used(meter, since, until)
            return
        for usage in meter.used(since, until):
            yield usage, NOBODYS

    def _cut(self, usage: Usage, owner: Attributes, period: Period) -> Iterator[tuple[Keys, Usage]]:
        known = self._known[usage.uid]
        values = {
            "deployment": known.deployment_id,
            "uid": known.uid,
            "model": known.base_model,
            "accelerator": usage.accelerator_type,
            "price": price_label(usage.micro_usd_per_gpu_hour),
            **labels(owner),
        }
        if not self._is_split(owner):
            yield self._keys(values, period), usage
            return
        for team, part in split_usage(usage, owner.split).items():
            yield self._keys({**values, "team": team}, period), part

    def _cut_billed(self, day: Backfilled, period: Period) -> Iterator[tuple[Keys, Backfilled]]:
        """Give a row of the bill, which names no incarnation, to whoever owns its name now."""
        billed = day.billed
        owner = self._owners.of_name(billed.deployment_id) if self._owners else NOBODYS
        values = {
            "deployment": billed.deployment_id,
            "uid": billed.deployment_id,
            "model": billed.base_model,
            "accelerator": billed.accelerator_type,
            "price": price_label(day.micro_usd_per_gpu_hour),
            **labels(owner),
        }
        if not self._is_split(owner):
            yield self._keys(values, period), day
            return
        for team, seconds in parts_of(billed.gpu_seconds, owner.split).items():
            part = replace(day, billed=replace(billed, gpu_seconds=seconds))
            yield self._keys({**values, "team": team}, period), part

    def _is_split(self, owner: Attributes) -> bool:
        return "team" in self._groups and bool(owner.split)

    def _keys(self, values: Mapping[str, str], period: Period) -> Keys:
        return tuple(values.get(group, period.label) for group in self._groups)

    def _adjusted_keys(self, adjusted: Adjusted, period: Period) -> Keys:
        """Give the keys of an adjustment; what a bill does not tell apart has a row of its own."""
        owner = self._owners.of_name(adjusted.deployment_id) if self._owners else NOBODYS
        values = {
            "deployment": adjusted.deployment_id,
            "uid": ADJUSTMENTS,
            "model": adjusted.base_model or ADJUSTMENTS,
            "accelerator": adjusted.accelerator_type,
            "price": ADJUSTMENTS,
            "hour": ADJUSTMENTS,
            **labels(owner),
        }
        if self._is_split(owner):
            values["team"] = ADJUSTMENTS
        return self._keys(values, period)

    def _figures(self, keys: Keys) -> Figures:
        parts = [billed_figures(day) for day in self._billed.get(keys, ())]
        parts += [adjusted_figures(each) for each in self._adjusted.get(keys, ())]
        if usages := self._metered.get(keys):
            state = UsageState.ESTIMATED if keys in self._open else UsageState.SETTLED
            parts.append(metered_figures(usages, self._protected, state))
        return reduce(add, parts)
