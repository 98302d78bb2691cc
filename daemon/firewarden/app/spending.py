"""What has been spent of each budget, from the ledger alone."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from firewarden.app.metered import Meter, open_meter
from firewarden.app.owners import Owners
from firewarden.app.queries import Ledger
from firewarden.app.spent import read_trued_up
from firewarden.decide.budget import Standing, stretches, window_of
from firewarden.decide.scope import WHOLE, counted, facts
from firewarden.decide.worth import burn_micro_usd
from firewarden.metering.periods import Period, midnight
from firewarden.metering.spending import Spent
from firewarden.metering.splits import parts_of, split_adjustment, split_usage
from firewarden.metering.totals import Totals, total_of
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.price import MICRO, MS_PER_HOUR
from firewarden.model.trueup import Adjustment, DayState, Money
from firewarden.model.usage import Known, Usage
from firewarden.policy.budgets import DEFAULT
from firewarden.policy.money import Budget
from firewarden.store.bill import Backfilled, read_backfill
from firewarden.store.history import first_poll, read_known
from firewarden.store.trueup import Adjusted, read_verdicts

_MS = 1_000
_DAY = timedelta(days=1)

ByValue = Mapping[str, Totals]
"""Totals by the value of what each has a budget of its own for."""


@dataclass(slots=True)
class SpendingReader:
    """Reads what several budgets ask for; the same stretch is read once.

    Attributes:
        edited: since when budgets are written as they are, by name.
    """

    ledger: Ledger
    deployments: tuple[Deployment, ...]
    whose: Callable[[Deployment], Attributes]
    edited: Mapping[str, datetime] = field(default_factory=dict)
    _used: dict[tuple[datetime, datetime], list[tuple[Usage, Attributes]]] = field(
        default_factory=dict
    )
    known: dict[Uid, Known] = field(init=False)
    owners: Owners = field(init=False)
    meter: Meter = field(init=False)
    watched_since: datetime | None = field(init=False)

    def __post_init__(self) -> None:
        """Read which deployments there are, whose they were, and since when they are watched."""
        known = read_known(self.ledger.session, self.ledger.account)
        self.known = {one.uid: one for one in known}
        self.owners = Owners(self.ledger, self.known)
        self.meter = open_meter(self.ledger)
        poll = first_poll(self.ledger.session, self.ledger.account)
        self.watched_since = poll.answered_at if poll else None

    def standings(self, budget: Budget) -> Iterator[Standing]:
        """Find out where *budget* stands, for each of its values; outside its dates nowhere.

        The days before the first poll are in it, as the bill has them.
        """
        now, window = self.ledger.now, window_of(budget, self.ledger.now)
        if window is None:
            return
        if budget.at_once:
            yield from self._at_once(budget, window)
            return
        spent = self._spent(budget, window.since, now)
        billed = self._billed(budget, window, now)
        burn = self._burn(budget)
        before_edit = self._before_edit(budget, window, billed)
        disputed = self._disputed(budget, window) if budget.rungs else None
        lately = {
            stretch: self._spent(budget, now - stretch, now) for stretch in set(stretches(budget))
        }
        for value in self._values(budget, spent, billed, burn):
            limit = _limit(budget, value, window)
            if limit is None:
                continue
            total, before = spent.get(value, Totals()), billed.get(value, Totals())
            both = total + before
            yield Standing(
                budget=budget,
                value=value,
                window=window,
                now=now,
                limit=limit,
                spent=amount_of(budget, both),
                low=_low(budget, both),
                high=_high(budget, both),
                unpriced=Decimal(both.unpriced_ms) / MS_PER_HOUR,
                burn=burn.get(value, Decimal(0)),
                known_until=self.meter.confirmed_at,
                spent_at_edit=before_edit(value),
                disputed=disputed,
                lately={
                    stretch: self._lately(budget, of.get(value, Totals()), stretch)
                    for stretch, of in lately.items()
                },
            )

    def _at_once(self, budget: Budget, window: Period) -> Iterator[Standing]:
        """Count the GPUs that run now; nothing of the past is in it."""
        running = self._burn(budget)
        for value in self._values(budget, running):
            limit, count = _limit(budget, value, window), running.get(value, Decimal(0))
            if limit is not None:
                yield Standing(
                    budget=budget,
                    value=value,
                    window=window,
                    now=self.ledger.now,
                    limit=limit,
                    spent=count,
                    low=count,
                    high=count,
                    unpriced=Decimal(0),
                    burn=Decimal(0),
                    known_until=self.meter.confirmed_at,
                )

    def _lately(self, budget: Budget, total: Totals, stretch: timedelta) -> Spent:
        """Say what was spent in the last *stretch*, and for how much of it anybody knows."""
        now, since, until = self.ledger.now, self.watched_since, self.meter.confirmed_at
        watched = timedelta(0)
        if since is not None and until is not None:
            watched = max(min(now, until) - max(now - stretch, since), timedelta(0))
        return Spent(
            usd=amount_of(budget, total),
            lasted=stretch,
            watched_for=watched,
            is_priced=total.is_priced,
        )

    def _disputed(self, budget: Budget, window: Period) -> date | None:
        """Find the first day of *window* that the bill and the ledger do not agree on."""
        zone = ZoneInfo(budget.timezone)
        first, last = (at.astimezone(zone).date() for at in (window.since, window.until))
        days = read_verdicts(self.ledger.session, self.ledger.account, first=first, last=last)
        return next((day for day, each in days.items() if each.state is DayState.DISPUTED), None)

    def _before_edit(
        self, budget: Budget, window: Period, billed: ByValue
    ) -> Callable[[str], Decimal | None]:
        """Say by value what was spent when *budget* was edited; None: before *window* began."""
        at = self.edited.get(budget.name)
        if at is None or at <= window.since:
            return lambda _: None
        spent = self._spent(budget, window.since, at)
        nothing = Totals()
        return lambda value: amount_of(
            budget, spent.get(value, nothing) + billed.get(value, nothing)
        )

    def _values(self, budget: Budget, *found: Mapping[str, object]) -> list[str]:
        """Name what has a budget of its own: what is named in the limits, and what was found."""
        if not budget.each:
            return [""]
        named = {name for name in budget.amounts if name != DEFAULT}
        return sorted(named.union(*found) - {""})

    def _spent(self, budget: Budget, since: datetime, until: datetime) -> ByValue:
        usages: defaultdict[str, list[Usage]] = defaultdict(list)
        for usage, owner in self._read(since, until):
            for value, part in self.parts(budget, usage, owner):
                usages[value].append(part)
        return {value: total_of(rows) for value, rows in usages.items()}

    def _read(self, since: datetime, until: datetime) -> list[tuple[Usage, Attributes]]:
        key = (since, until)
        if key not in self._used:
            self._used[key] = list(self.owners.used(self.meter, since, until))
        return self._used[key]

    def _billed(self, budget: Budget, window: Period, now: datetime) -> ByValue:
        """Add up what the bill says: of days from before the first poll, and what it has adjusted.

        A day counts where it begins in *window*, an adjustment at the noon of its day.
        """
        zone = ZoneInfo(budget.timezone)
        first = window.since.astimezone(zone).date() - _DAY
        last = window.until.astimezone(zone).date() + _DAY
        found: defaultdict[str, Totals] = defaultdict(Totals)
        for day in read_backfill(self.ledger.session, self.ledger.account, first=first, last=last):
            billed = day.billed
            if not window.since <= midnight(billed.day, ZoneInfo(billed.timezone)) < window.until:
                continue
            for value, seconds in self.billed_parts(budget, day):
                found[value] += billed_totals(day, seconds)
        for adjusted in read_trued_up(self.ledger, window.since, now).between(window.since, now):
            for value, total in self._adjusted_parts(budget, adjusted):
                found[value] += total
        return found

    def _adjusted_parts(self, budget: Budget, adjusted: Adjusted) -> Iterator[tuple[str, Totals]]:
        """Give an adjustment to whoever owns its name now, by shares where teams split it."""
        owner = self.owners.of_name(adjusted.deployment_id)
        about = facts(adjusted.deployment_id, adjusted.base_model, adjusted.accelerator_type)
        change = adjusted.adjustment
        parts = split_adjustment(change, owner.split)
        for value, team in counted(budget, about, owner):
            yield value, _adjusted_totals(change if team == WHOLE else parts[team])

    def parts(self, budget: Budget, usage: Usage, owner: Attributes) -> Iterator[tuple[str, Usage]]:
        """Cut *usage* by the values of *budget*; what it is not about is left out."""
        known = self.known[usage.uid]
        about = facts(known.deployment_id, known.base_model, usage.accelerator_type)
        parts = split_usage(usage, owner.split) if owner.split else {}
        for value, team in counted(budget, about, owner):
            yield value, usage if team == WHOLE else parts[team]

    def billed_parts(self, budget: Budget, day: Backfilled) -> Iterator[tuple[str, int]]:
        """Cut the GPU-seconds of a billed day by the values of *budget*."""
        billed = day.billed
        owner = self.owners.of_name(billed.deployment_id)
        about = facts(billed.deployment_id, billed.base_model, billed.accelerator_type)
        parts = parts_of(billed.gpu_seconds, owner.split)
        for value, team in counted(budget, about, owner):
            yield value, billed.gpu_seconds if team == WHOLE else parts[team]

    def _burn(self, budget: Budget) -> Mapping[str, Decimal]:
        """Tell what runs now an hour: of what has a price, or in GPUs."""
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        prices, now = self.ledger.prices, self.ledger.now
        for one in self.deployments:
            about = facts(one.deployment_id, one.base_model, one.accelerator_type)
            micro_usd = burn_micro_usd(one, prices, now=now) if budget.is_money else None
            burn = Decimal(micro_usd or 0) / MICRO if budget.is_money else Decimal(one.gpu_count)
            owner = self.whose(one)
            for value, team in counted(budget, about, owner):
                found[value] += burn if team == WHOLE else burn * owner.split[team]
        return found


def billed_totals(day: Backfilled, seconds: int) -> Totals:
    """Take *seconds* of a billed day as they are: exact by the provider's word, its use unknown."""
    gpu_ms, price = seconds * _MS, day.micro_usd_per_gpu_hour
    units = gpu_ms * (price or 0)
    unpriced = gpu_ms if price is None else 0
    return Totals(
        gpu_ms=gpu_ms,
        low_ms=gpu_ms,
        high_ms=gpu_ms,
        unknown_ms=gpu_ms,
        unpriced_ms=unpriced,
        unpriced_high_ms=unpriced,
        cost_units=units,
        low_units=units,
        high_units=units,
    )


def _adjusted_totals(change: Adjustment) -> Totals:
    """Take an adjustment as a sum of usage: it may be less than nothing."""
    money = change.money or Money()
    is_priced = change.money is not None
    return Totals(
        gpu_ms=change.gpu_ms,
        low_ms=change.low_ms,
        high_ms=change.high_ms,
        unpriced_ms=0 if is_priced else change.gpu_ms,
        unpriced_high_ms=0 if is_priced else change.high_ms,
        cost_units=money.micro_usd * MS_PER_HOUR,
        low_units=money.low_micro_usd * MS_PER_HOUR,
        high_units=money.high_micro_usd * MS_PER_HOUR,
    )


def amount_of(budget: Budget, total: Totals) -> Decimal:
    """Give what *budget* counts of *total*: USD, or GPU-hours."""
    return total.usd if budget.is_money else total.gpu_hours


def _low(budget: Budget, total: Totals) -> Decimal:
    return total.usd_low if budget.is_money else Decimal(total.low_ms) / MS_PER_HOUR


def _high(budget: Budget, total: Totals) -> Decimal:
    return total.usd_high if budget.is_money else Decimal(total.high_ms) / MS_PER_HOUR


def _limit(budget: Budget, value: str, window: Period) -> Decimal | None:
    own = budget.amounts.get(value) if value else None
    usual = own if own is not None else budget.amounts.get(DEFAULT)
    return budget.planned.get(window.label, usual)
