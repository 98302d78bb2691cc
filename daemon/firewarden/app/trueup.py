"""Makes the books agree with the bill: one local day, read from both sides, and what follows."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from firewarden.app.metered import Meter, open_meter
from firewarden.app.queries import Ledger
from firewarden.metering.billed import Billed, Day, Key, Metered, Standing
from firewarden.metering.implied import own_price
from firewarden.metering.rates import price_at
from firewarden.metering.totals import Totals, total_of
from firewarden.metering.trueup import Judged, Row, judge
from firewarden.model.commitment import Commitment
from firewarden.model.ids import DeploymentId, Uid
from firewarden.model.price import Price
from firewarden.model.trueup import DayState
from firewarden.model.usage import BilledDay, Gap, Hardware, Known, Usage
from firewarden.model.vocabulary import CommitmentKind
from firewarden.store.accepted import Acceptance, read_acceptances
from firewarden.store.bill import Backfilled, read_backfill, read_bill
from firewarden.store.history import first_poll, read_apart, read_gaps, read_known
from firewarden.store.trueup import (
    Adjusted,
    Verdict,
    lock_books,
    read_answers,
    read_verdicts,
    record_adjustments,
    write_verdict,
)

WINDOW = timedelta(days=35)
"""How far back a bill is read again: what is older stays as it is."""

_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)
_SECOND_MS = 1_000


def window(now: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """Give the first and the last local day whose bill is read at *now*: 35, today included."""
    today = now.astimezone(zone).date()
    return today - WINDOW + _DAY, today


def edges(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the local midnights that *day* lies between, in UTC."""
    begin, end = (datetime.combine(each, time(), zone) for each in (day, day + _DAY))
    return begin.astimezone(UTC), end.astimezone(UTC)


def noon(day: date, timezone: str) -> datetime:
    """Give the middle of a local day, at which a bill's day is counted where hours matter."""
    return datetime.combine(day, time(12), ZoneInfo(timezone)).astimezone(UTC)


def noon_price(billed: BilledDay, prices: Iterable[Price]) -> int | None:
    """Price a row of the bill by what held at its noon; None: unpriced."""
    hardware = Hardware(
        accelerator_type=billed.accelerator_type, accelerator_count=1, placement=billed.placement
    )
    price = price_at(prices, hardware, noon(billed.day, billed.timezone))
    return price.micro_usd_per_gpu_hour if price else None


def due_days(ledger: Ledger) -> tuple[date, ...]:
    """Find the days to be judged: those that came of age, were revised, or metered again."""
    zone = ZoneInfo(ledger.timezone)
    first, last = window(ledger.now, zone)
    answers = read_answers(ledger.session, ledger.account, first=first, last=last)
    verdicts = read_verdicts(ledger.session, ledger.account, first=first, last=last)
    return tuple(
        day
        for day, answered in sorted(answers.items())
        if answered.timezone == zone.key
        and _is_news(verdicts.get(day), answered.standing, zone.key)
        and answered.standing.could_settle(edges(day, zone)[1])
    )


def _is_news(verdict: Verdict | None, standing: Standing, timezone: str) -> bool:
    if verdict is None or verdict.stale:
        return True
    return (verdict.revision, verdict.timezone) != (standing.revision, timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """One account's ledger, opened to be compared with the bill; what all days share is read once.

    Attributes:
        own: what runs on own hardware, which nobody bills.
        commitments: what was bought ahead, and may be left out of the bill.
    """

    ledger: Ledger
    meter: Meter
    prices: tuple[Price, ...]
    watched_since: datetime | None
    known: Mapping[Uid, Known]
    own: frozenset[Uid]
    preemptible: frozenset[Uid]
    commitments: tuple[Commitment, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """Whose days they are."""
        return ZoneInfo(self.ledger.timezone)

    def day(self, day: date) -> Day:
        """Read *day* from both sides."""
        since, until = edges(day, self.zone)
        session, account = self.ledger.session, self.ledger.account
        answers = read_answers(session, account, first=day, last=day)
        acceptances = read_acceptances(session, account, first=day, last=day)
        gaps = read_gaps(session, account, since=since, until=until)
        is_unwatched = self.watched_since is None or self.watched_since >= until
        return Day(
            since=since,
            until=until,
            answer=answers[day].standing if day in answers else None,
            billed=_billed(self.bill(day), self.prices),
            metered=self._backfilled(day) if is_unwatched else self._metered(since, until, gaps),
            watched_since=self.watched_since,
            confirmed_at=self.meter.confirmed_at,
            known=frozenset(
                each.deployment_id
                for each in self.known.values()
                if each.first_seen_at < until
                and (each.deleted_at is None or each.deleted_at > since)
            ),
            has_gap=bool(gaps),
            accepted=acceptances[day].revision if day in acceptances else None,
            reserved=_reserved(self.commitments, since, until),
        )

    def bill(self, day: date) -> tuple[BilledDay, ...]:
        """Read the newest word of the bill for *day*, in the account's zone."""
        found = read_bill(self.ledger.session, self.ledger.account, first=day, last=day)
        return tuple(each.billed for each in found if each.billed.timezone == self.zone.key)

    def own_prices(self, day: date) -> Mapping[str, int | None]:
        """Average our own prices over *day* (UTC), by accelerator, in micro-USD per GPU-hour."""
        since, until = edges(day, ZoneInfo("UTC"))
        grouped: defaultdict[str, list[Usage]] = defaultdict(list)
        for usage in self._used(since, until):
            grouped[usage.accelerator_type].append(usage)
        return {each: own_price(total_of(usages)) for each, usages in grouped.items()}

    def _used(self, since: datetime, until: datetime) -> Iterator[Usage]:
        return (each for each in self.meter.used(since, until) if each.uid not in self.own)

    def _metered(
        self, since: datetime, until: datetime, gaps: Iterable[Gap]
    ) -> Mapping[Key, Metered]:
        unwatched: defaultdict[str, int] = defaultdict(int)
        for gap in gaps:
            length = (min(gap.until, until) - max(gap.since, since)) // _MS
            unwatched[self.known[gap.uid].deployment_id] += length
        grouped: defaultdict[Key, list[Usage]] = defaultdict(list)
        for usage in self._used(since, until):
            name = self.known[usage.uid].deployment_id
            grouped[name, usage.accelerator_type].append(usage)
        return {
            key: Metered(
                totals=total_of(usages),
                gap_ms=unwatched[key[0]],
                preemptible=any(usage.uid in self.preemptible for usage in usages),
            )
            for key, usages in grouped.items()
        }

    def _backfilled(self, day: date) -> Mapping[Key, Metered]:
        """Take a day from before the first poll for what was stored of it then."""
        found = read_backfill(self.ledger.session, self.ledger.account, first=day, last=day)
        sums: dict[Key, Totals] = {}
        for each in found:
            if each.billed.timezone == self.zone.key:
                key = (each.billed.deployment_id, each.billed.accelerator_type)
                sums[key] = sums.get(key, Totals()) + _totals(each)
        return {key: Metered(totals=totals) for key, totals in sums.items()}


def open_books(ledger: Ledger, commitments: Iterable[Commitment] = ()) -> Books:
    """Read what all days of *ledger* share; *commitments*: what was bought ahead."""
    session, account = ledger.session, ledger.account
    poll = first_poll(session, account)
    own, preemptible = read_apart(session, account)
    return Books(
        ledger=ledger,
        meter=open_meter(ledger),
        prices=ledger.prices,
        watched_since=poll.answered_at if poll else None,
        known={known.uid: known for known in read_known(session, account)},
        own=own,
        preemptible=preemptible,
        commitments=tuple(commitments),
    )


def _reserved(
    commitments: Iterable[Commitment], since: datetime, until: datetime
) -> Mapping[str, int]:
    """Count the GPUs, by accelerator, that are reserved for all of ``[since, until)``."""
    found: Counter[str] = Counter()
    for each in commitments:
        if each.kind is CommitmentKind.CAPACITY and each.holds(since) and until <= each.until:
            found[each.accelerator_type] += each.gpus
    return found


def _totals(backfilled: Backfilled) -> Totals:
    gpu_ms = backfilled.billed.gpu_seconds * _SECOND_MS
    price = backfilled.micro_usd_per_gpu_hour
    unpriced_ms = gpu_ms if price is None else 0
    units = gpu_ms * (price or 0)
    return Totals(
        gpu_ms=gpu_ms,
        low_ms=gpu_ms,
        high_ms=gpu_ms,
        unpriced_ms=unpriced_ms,
        unpriced_high_ms=unpriced_ms,
        cost_units=units,
        low_units=units,
        high_units=units,
    )


def _billed(rows: Iterable[BilledDay], prices: Iterable[Price]) -> Mapping[Key, Billed]:
    prices = tuple(prices)
    found: dict[Key, Billed] = {}
    for row in rows:
        price = noon_price(row, prices)
        units = None if price is None else row.gpu_seconds * _SECOND_MS * price
        key = (row.deployment_id.rpartition("/")[2], row.accelerator_type)
        one = Billed(seconds=row.gpu_seconds, list_units=units)
        found[key] = found[key] + one if key in found else one
    return found


def true_up(books: Books, day: date) -> tuple[Judged, int]:
    """Judge *day* and write down what follows; gives by which answer. An open day is left alone.

    The session has to be one that writes; nobody else judges before its transaction ends.
    """
    ledger = books.ledger
    lock_books(ledger.session, ledger.account)
    both = books.day(day)
    judged = judge(both)
    revision = both.answer.revision if both.answer else 0
    if judged.state is DayState.OPEN:
        return judged, revision
    acceptance = read_acceptances(ledger.session, ledger.account, first=day, last=day).get(day)
    models = {each.deployment_id: each.base_model for each in books.bill(day)}
    models |= {each.deployment_id: each.base_model for each in books.known.values()}
    rows = [
        _adjusted(row, day, revision, books.zone.key, models, acceptance) for row in judged.rows
    ]
    record_adjustments(ledger.session, ledger.account, day, rows, at=ledger.now)
    write_verdict(
        ledger.session,
        ledger.account,
        Verdict(
            day=day,
            timezone=books.zone.key,
            revision=revision,
            state=judged.state,
            judged_at=ledger.now,
        ),
    )
    return judged, revision


def _adjusted(
    row: Row,
    day: date,
    revision: int,
    timezone: str,
    models: Mapping[DeploymentId, str],
    acceptance: Acceptance | None,
) -> Adjusted:
    return Adjusted(
        day=day,
        timezone=timezone,
        deployment_id=DeploymentId(row.name),
        accelerator_type=row.accelerator_type,
        base_model=models.get(DeploymentId(row.name), ""),
        revision=revision,
        state=row.state,
        cause=row.cause,
        adjustment=row.adjustment,
        accepted_by=acceptance.actor if row.accepted and acceptance else "",
    )
