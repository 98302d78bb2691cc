"""Looks ahead once an hour: days out of the ordinary, what was bought, the provider's own limit."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from firewarden.app.compose import Account
from firewarden.app.keeper import Keeper
from firewarden.app.lookback import TEAMS, WHOLE, Lookback
from firewarden.app.memory import Memory, Tools
from firewarden.app.queries import Ledger
from firewarden.app.rulebook import Rulebook
from firewarden.app.spending import SpendingReader
from firewarden.decide import bought, foresight
from firewarden.decide.bought import Reserved
from firewarden.decide.foresight import MonthlyLimit, Mover
from firewarden.errors import ProviderError
from firewarden.metering.anomaly import Compared, compare_with_usual
from firewarden.metering.cliff import cliff_of
from firewarden.metering.forecast import forecast_of
from firewarden.metering.instants import floor_hour
from firewarden.metering.pattern import NoForecast, pattern_of
from firewarden.metering.periods import period_at
from firewarden.metering.totals import total_of
from firewarden.model.commitment import Commitment
from firewarden.model.fleet import Quota
from firewarden.model.notice import Notice
from firewarden.model.price import MS_PER_HOUR
from firewarden.model.vocabulary import CommitmentKind
from firewarden.store.notices import read_firing
from firewarden.store.session import Session

log = structlog.get_logger()

MONTHLY_SPEND = "monthly-spend-usd"
"""The quota at which all requests pause (Fireworks docs: account-quotas)."""

_WEEK = timedelta(days=7)
_SHOWN = 3


class Lookout:
    """Everything that is told about the money of one account ahead of time."""

    def __init__(self, account: Account, tools: Tools, keeper: Keeper) -> None:
        """Look ahead for *account*, by the rules of *keeper*."""
        self._account = account
        self._tools = tools
        self._keeper = keeper
        self._lookback = Lookback()
        self._rules: Rulebook | None = None

    async def watch(self) -> None:
        """Read the hours that are new, a day at a time, and store what people should hear of."""
        memory, rules = self._keeper.memory, self._keeper.rules
        if memory is None:
            return
        tenure = self._keeper.lease.tenure()
        if self._rules is not rules:
            self._lookback, self._rules = Lookback(), rules  # whose it was may be another now
        self._lookback.again()
        while await self._tools.run_db(partial(self._read_on, memory)):
            pass
        limit = await self._limit()
        notices = await self._tools.run_db(lambda: self._news(memory, rules, limit))
        if notices:
            await self._keeper.pen.commit(
                tenure, lambda session: self._keeper.pen.record(session, notices, rules)
            )

    def _read_on(self, memory: Memory) -> bool:
        """Read one stretch more; False: there was none."""
        with self._tools.database.reading() as session:
            reader = self._reader(session, memory)
            if (stretch := self._lookback.stretch(reader)) is None:
                return False
            self._lookback.read(reader, *stretch)
        return True

    async def _limit(self) -> Quota | None:
        """Ask for the account's monthly limit; None: it has none, or nobody says."""
        try:
            quotas = await self._account.provider.fetch_quotas()
        except ProviderError as error:
            log.warning("limit.unread", account=self._account.account, error=str(error))
            return None
        return next((each for each in quotas if each.quota_id == MONTHLY_SPEND), None)

    def _news(self, memory: Memory, rules: Rulebook, limit: Quota | None) -> tuple[Notice, ...]:
        with self._tools.database.reading() as session:
            reader = self._reader(session, memory)
            firing = {
                alert.notice.key: alert.notice
                for alert in read_firing(session, self._account.account)
            }
            commitments = rules.policies.commitments or ()
            return (
                *self._anomalies(reader),
                *self._of_commitments(commitments, firing),
                *self._pauses(limit, firing),
            )

    def _reader(self, session: Session, memory: Memory) -> SpendingReader:
        ledger = Ledger(
            settings=self._tools.settings,
            session=session,
            account=self._account.account,
            timezone=self._account.timezone,
            now=self._tools.clock.now(),
        )
        return SpendingReader(ledger, (), memory.ownership.attributions.of)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._account.timezone)

    @property
    def _known_until(self) -> datetime:
        return self._lookback.read_until or floor_hour(self._tools.clock.now())

    def _anomalies(self, reader: SpendingReader) -> Iterator[Notice]:
        """Tell of teams that are out of the ordinary; of the account where no team explains it."""
        odd = {
            scope: compared
            for scope in self._lookback.scopes
            if (compared := self._odd(scope)) is not None
        }
        for scope in sorted(odd.keys() - {WHOLE}) or list(odd):
            yield foresight.anomaly(
                self._account.account,
                scope,
                odd[scope],
                _movers(reader, scope, odd[scope]),
                zone=self._zone,
                at=self._tools.clock.now(),
            )

    def _odd(self, scope: str) -> Compared | None:
        rows = self._lookback.spent(scope)
        compared = compare_with_usual(rows, now=self._known_until, zone=self._zone)
        return next(filter(foresight.is_worth_telling, compared), None)

    def _of_commitments(
        self, commitments: Sequence[Commitment], firing: Mapping[str, Notice]
    ) -> Iterator[Notice]:
        name, at = self._account.account, self._tools.clock.now()
        yield from bought.endings(name, commitments, zone=self._zone, at=at)
        of_kind = {key: each for key, each in firing.items() if each.kind == bought.UNUSED}
        reserved = list(self._reserved(commitments))
        yield from bought.unused(name, reserved, of_kind, at=at)
        for each in commitments:
            if each.kind is CommitmentKind.SPEND and each.holds(at):
                yield from self._undershoot(each, firing)

    def _reserved(self, commitments: Sequence[Commitment]) -> Iterator[Reserved]:
        """Hold what was reserved throughout the last week against what was used of it."""
        until = self._known_until
        since = until - _WEEK
        whole = [
            each
            for each in commitments
            if each.kind is CommitmentKind.CAPACITY and each.holds(since) and each.holds(until)
        ]
        for kind in sorted({each.accelerator_type for each in whole}):
            used_ms, hours = self._lookback.held_ms(kind, since, until)
            if hours * 2 < _WEEK // timedelta(hours=1):
                continue  # nobody knows enough of it
            own = [each for each in whole if each.accelerator_type == kind]
            prices = [each.micro_usd_per_gpu_hour for each in own]
            known = [price for price in prices if price is not None]
            yield Reserved(
                accelerator_type=kind,
                since=since,
                until=until,
                reserved_ms=sum(each.gpus for each in own) * hours * MS_PER_HOUR,
                used_ms=used_ms,
                micro_usd_per_gpu_hour=min(known) if len(known) == len(prices) else None,
            )

    def _undershoot(self, commitment: Commitment, firing: Mapping[str, Notice]) -> Iterator[Notice]:
        """Forecast a minimum spend that began while its hours were watched."""
        rows = self._lookback.spent(WHOLE)
        since = commitment.since
        if since is None or not rows or min(each.at for each in rows) > since:
            return
        pattern = pattern_of(rows, now=self._known_until, zone=self._zone)
        if isinstance(pattern, NoForecast):
            return
        spent = sum((each.usd or Decimal(0) for each in rows if each.at >= since), Decimal(0))
        forecast = forecast_of(pattern, spent=spent, until=commitment.until)
        at = self._tools.clock.now()
        yield from bought.undershoot(self._account.account, commitment, forecast, firing, at=at)

    def _pauses(self, limit: Quota | None, firing: Mapping[str, Notice]) -> Iterator[Notice]:
        """Say when the monthly limit is reached; months are taken in UTC, the page names none."""
        at = self._tools.clock.now()
        month = period_at("month", at, ZoneInfo("UTC"))
        yield from foresight.passed(firing, month=month.label, at=at)
        if limit is None or not limit.limit:
            return
        pattern = pattern_of(self._lookback.spent(WHOLE), now=self._known_until, zone=self._zone)
        if isinstance(pattern, NoForecast):
            return
        own = MonthlyLimit(
            limit=Decimal(limit.limit), spent=Decimal(str(limit.usage)), month=month.label
        )
        cliff = cliff_of(pattern, spent=own.spent, limit=own.limit, until=month.until)
        yield from foresight.pause(self._account.account, cliff, own, firing, at=at)


def _movers(reader: SpendingReader, scope: str, odd: Compared) -> list[Mover]:
    """Name the deployments that cost most in the hours that are out of the ordinary."""
    found: dict[str, Decimal] = {}
    for usage, owner in reader.owners.used(reader.meter, odd.since, odd.until):
        if scope and not any(team == scope for team, _ in reader.parts(TEAMS, usage, owner)):
            continue
        name = reader.known[usage.uid].deployment_id
        found[name] = found.get(name, Decimal(0)) + total_of([usage]).usd
    dearest = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [Mover(name=name, usd=usd) for name, usd in dearest[:_SHOWN]]
