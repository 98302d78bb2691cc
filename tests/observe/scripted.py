"""A provider that answers from a script: what it lists, and what it says of one deployment."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from firewarden.errors import ProviderError
from firewarden.model.activity import Scrape
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import AccountFacts, Examined, Fleet, Quota
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.model.price import Price
from firewarden.model.trueup import BilledMoney
from firewarden.model.usage import BilledDay
from firewarden.ports import Clock

LATENCY = timedelta(milliseconds=400)


class ScriptedProvider:
    """Answers each call after `LATENCY`, with what the test has put there.

    Attributes:
        listed: what the next listings show; an error is raised instead.
        there: what single reads find, by deployment id; None: 404; absent: it cannot answer.
        asked: every call, as ``list``, ``get ID`` or ``metrics``.
    """

    account = AccountId("acme")
    last_skew_ms = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.listed: Sequence[Deployment] | ProviderError = ()
        self.complete = True
        self.there: dict[str, Deployment | None] = {}
        self.scraped: Scrape | ProviderError | None = None
        self.quotas: Sequence[Quota] | ProviderError = ()
        self.asked: list[str] = []

    def show(self, *deployments: Deployment) -> None:
        """List *deployments*, and find the same on single reads."""
        self.listed = deployments
        self.there = {one.deployment_id: one for one in deployments}

    async def facts(self) -> AccountFacts:
        return AccountFacts(account=self.account)

    async def fetch_fleet(self) -> Fleet:
        self.asked.append("list")
        asked_at = self._clock.now()
        await self._clock.sleep(LATENCY)
        if isinstance(self.listed, ProviderError):
            raise self.listed
        return Fleet(
            account=self.account,
            asked_at=asked_at,
            answered_at=self._clock.now(),
            complete=self.complete,
            deployments={one.uid: one for one in self.listed},
            problem="" if self.complete else "page 2 failed",
        )

    async def fetch_deployment(
        self, deployment_id: DeploymentId, *, alone: bool = False
    ) -> Examined:
        self.asked.append(f"get {deployment_id}")
        asked_at = self._clock.now()
        await self._clock.sleep(LATENCY)
        if deployment_id not in self.there:
            raise ProviderError("timed out")
        return Examined(
            asked_at=asked_at,
            answered_at=self._clock.now(),
            deployment=self.there[deployment_id],
            surroundings=None if alone else Surroundings(),
        )

    async def fetch_surroundings(self) -> Mapping[str, Surroundings]:
        return {}

    async def fetch_activity(self) -> Scrape:
        self.asked.append("metrics")
        await self._clock.sleep(LATENCY)
        if isinstance(self.scraped, ProviderError):
            raise self.scraped
        assert self.scraped is not None, "the test has put no scrape there"
        return self.scraped

    async def fetch_prices(self) -> Sequence[Price]:
        return ()

    async def fetch_bill(self, *, first: date, last: date, timezone: str) -> Sequence[BilledDay]:
        return ()

    async def fetch_billed_money(self, day: date) -> Sequence[BilledMoney]:
        return ()

    async def fetch_quotas(self) -> Sequence[Quota]:
        if isinstance(self.quotas, ProviderError):
            raise self.quotas
        return self.quotas
