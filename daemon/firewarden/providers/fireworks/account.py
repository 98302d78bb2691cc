"""One Fireworks account, behind the `Provider` port."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from firewarden.errors import (
    NotFound,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    SettingsError,
)
from firewarden.model.activity import Scrape
from firewarden.model.deployment import Surroundings
from firewarden.model.fleet import AccountFacts, Examined, Fleet, Quota
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.price import Price
from firewarden.model.trueup import BilledMoney
from firewarden.model.usage import BilledDay
from firewarden.ports import Clock
from firewarden.providers.fireworks.activity import Scan
from firewarden.providers.fireworks.answers import not_json
from firewarden.providers.fireworks.bill import (
    DAYS_A_QUESTION,
    Window,
    billed_days,
    billed_money,
    windows,
)
from firewarden.providers.fireworks.client import Ask, Client, Oversized, Torn
from firewarden.providers.fireworks.fleet import FleetReader, read_deployment
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.pacing import Lane, MetricsPace
from firewarden.providers.fireworks.paging import page_reader, read_body, walk
from firewarden.providers.fireworks.prices import prices
from firewarden.providers.fireworks.surroundings import SurroundingsReader
from firewarden.providers.fireworks.wire import (
    Account,
    AccountUsage,
    BillingSummary,
    PricingPlan,
    QuotaWire,
    Unreadable,
    User,
    decode,
    decoder_of,
    last_part,
    text,
)

T = TypeVar("T")

_ACCOUNT = decoder_of(Account)
_USAGE = decoder_of(AccountUsage)
_SUMMARY = decoder_of(BillingSummary)


class FireworksAccount:
    """Reads one account; every request is a GET."""

    def __init__(self, client: Client, *, account: AccountId, clock: Clock, limits: Limits) -> None:
        self._client = client
        self._account = account
        self._clock = clock
        self._limits = limits
        self._base = f"/v1/accounts/{account}"
        self._fleet = FleetReader(client, account=account, clock=clock, limits=limits)
        self._surroundings = SurroundingsReader(client, account=account, clock=clock, limits=limits)
        self._pace = MetricsPace(limits.metrics_every)
        self._scraping = asyncio.Lock()
        self._bill_size = 0

    @property
    def account(self) -> AccountId:
        """The account all calls are about."""
        return self._account

    @property
    def metrics_interval(self) -> timedelta:
        """How far apart scrapes should begin now: what was asked for, doubled after a 429."""
        return self._pace.interval(now=self._clock.mono())

    @property
    def last_skew_ms(self) -> int | None:
        """The provider's clock minus ours at the last answer; None where none told its date."""
        return self._client.last_skew_ms

    async def facts(self) -> AccountFacts:
        """Read the account, and the role that the key's user has as far as that shows."""
        found = await read_body(
            self._client, self._ask(self._base), lambda body: decode(_ACCOUNT, body)
        )
        if last_part(found.name) != self._account:
            raise ProviderRejected("an answer about another account", where=f"GET {self._base}")
        return account_facts(found, role=await self._role())

    async def fetch_fleet(self) -> Fleet:
        """Read every page of the listing; an incomplete one is returned, not raised."""
        return await self._fleet.fetch()

    async def fetch_deployment(
        self, deployment_id: DeploymentId, *, alone: bool = False
    ) -> Examined:
        """Read one deployment and, unless it is read *alone*, what leans on it.

        A 404 counts only where the account itself can be read: a wrong account, or something
        in between that knows no such path, must not look like a deployment that is gone.
        """
        if "/" in deployment_id or deployment_id in {"", ".", ".."}:
            raise ProviderRejected(f"{deployment_id!r} is no deployment id")
        ask = self._ask(f"{self._base}/deployments/{quote(deployment_id, safe='')}")
        asked_at = self._clock.now()
        try:
            body = await self._client.get(ask)
        except NotFound:
            answered_at = self._clock.now()
            await self._client.get(self._ask(self._base))
            return Examined(asked_at=asked_at, answered_at=answered_at, deployment=None)
        answered_at = self._clock.now()
        try:
            found = read_deployment(body, self._account)
        except Unreadable as error:
            raise not_json(body, str(error), where=ask.where) from error
        if found.deployment_id != deployment_id:
            raise ProviderRejected("an answer about another deployment", where=ask.where)
        surroundings = None
        if not alone:
            with suppress(ProviderError):
                surroundings = await self._surroundings.of(found)
        return Examined(
            asked_at=asked_at,
            answered_at=answered_at,
            deployment=self._fleet.same(found),
            surroundings=surroundings,
        )

    async def fetch_surroundings(self) -> Mapping[str, Surroundings]:
        """Read what leans on each deployment of the last listing; makes one if there is none.

        Deployments that are not in the answer have unknown surroundings.
        """
        if not self._fleet.deployments:
            await self._fleet.fetch()
        return await self._surroundings.of_all(self._fleet.deployments.values())

    async def fetch_activity(self) -> Scrape:
        """Read the metrics once, waiting for its turn: at most two scrapes in any minute.

        A text that breaks off or makes no sense is a scrape that is not whole.
        """
        ask = Ask(
            path=f"{self._base}/metrics",
            most_bytes=self._limits.scrape_bytes,
            within_s=self._limits.scrape_s,
            lane=Lane.METRICS,
        )
        async with self._scraping:
            self._client.check_deadline(ask.lane, where=ask.where)
            await self._clock.sleep(timedelta(seconds=self._pace.wait_s(now=self._clock.mono())))
            return await self._scrape(ask)

    async def fetch_prices(self) -> Sequence[Price]:
        """Read the account's contract prices; empty where it has none."""
        return prices(await self._list("pricingPlans", PricingPlan))

    async def fetch_bill(self, *, first: date, last: date, timezone: str) -> Sequence[BilledDay]:
        """Read billed accelerator-seconds of the local days *first* to *last*, both included.

        Where an answer is too large, fewer days are asked for at once, from then on.
        """
        zone = _zone(timezone)
        days: list[BilledDay] = []
        while first <= last:
            most = DAYS_A_QUESTION[self._bill_size]
            window = next(windows(first, last, zone, days=most))
            try:
                days += await self._fetch_window(window, zone)
            except Oversized:
                if self._bill_size == len(DAYS_A_QUESTION) - 1:
                    raise
                self._bill_size += 1
            else:
                first = window.last + timedelta(days=1)
        return days

    async def fetch_billed_money(self, day: date) -> Sequence[BilledMoney]:
        """Read the dollars of *day* (UTC) by accelerator, with the GPU time they are for."""
        params = {
            "startTime": f"{day:%F}T00:00:00Z",
            "endTime": f"{day + timedelta(days=1):%F}T00:00:00Z",
            "granularity": "DAILY",
        }
        ask = self._ask(f"{self._base}/billing/summary", params)
        return await read_body(
            self._client,
            ask,
            lambda body: billed_money(decode(_SUMMARY, body).line_items or ()),
        )

    async def _fetch_window(self, window: Window, zone: ZoneInfo) -> list[BilledDay]:
        params = {
            "startTime": f"{window.since:%FT%TZ}",
            "endTime": f"{window.until:%FT%TZ}",
            "usageType": "DEDICATED_DEPLOYMENT",
            "timezone": zone.key,
        }
        ask = self._ask(f"{self._base}/billingUsage", params)
        usage = await read_body(self._client, ask, lambda body: decode(_USAGE, body))
        rows = usage.dedicated_costs or ()
        try:
            return billed_days(rows, window, account=self._account, zone=zone)
        except Unreadable as error:
            raise ProviderRejected(str(error), where=ask.where) from error

    async def fetch_quotas(self) -> Sequence[Quota]:
        """Read the account's quotas."""
        return [
            Quota(quota_id=last_part(row.name), limit=row.value or 0, usage=row.usage or 0.0)
            for row in await self._list("quotas", QuotaWire)
        ]

    async def _scrape(self, ask: Ask) -> Scrape:
        asked_at = self._clock.now()
        scan = Scan()
        is_throttled = False
        try:
            await self._client.stream(ask, scan.feed)
            reading = scan.finish()
        except (Torn, Oversized) as error:
            reading = scan.failed(error.problem)
        except ProviderUnavailable as error:
            is_throttled = error.throttled
            raise
        finally:
            self._pace.ended(now=self._clock.mono(), throttled=is_throttled)
        return Scrape(
            account=self._account,
            asked_at=asked_at,
            answered_at=self._clock.now(),
            whole=reading.whole,
            samples=reading.samples,
            fingerprint=reading.fingerprint,
            problem=reading.problem,
        )

    async def _role(self) -> str:
        """Tell the role of the key: of all users, where they have but one between them.

        Nothing says which of several users a key belongs to.
        """
        try:
            users = await self._list("users", User)
        except ProviderError:
            return ""
        roles = {user.role or "" for user in users}
        return roles.pop() if len(roles) == 1 else ""

    async def _list(self, collection: str, kind: type[T]) -> list[T]:
        path = f"{self._base}/{collection}"
        reader = page_reader(collection, kind)
        listing = await walk(self._client, path, reader, limits=self._limits)
        return listing.whole(f"GET {path}")

    def _ask(self, path: str, params: Mapping[str, str] | None = None) -> Ask:
        return Ask(
            path=path,
            params=params or {},
            most_bytes=self._limits.body_bytes,
            within_s=self._limits.call_s,
        )


def account_facts(found: Account, *, role: str = "") -> AccountFacts:
    """Translate an account; a pause that is not mentioned is none (proto3's default)."""
    return AccountFacts(
        account=AccountId(last_part(found.name)),
        display_name=(found.display_name or "")[:200],
        suspend_state=text(found.suspend_state) or "UNSUSPENDED",
        role=role,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        mend = "use a name such as UTC or Europe/Berlin"
        raise SettingsError(f"{name!r} is no time zone", mend=mend) from error
