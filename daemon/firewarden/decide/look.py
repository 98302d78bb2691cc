"""What one look at an account brings back, and what a finding about it says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from firewarden.decide.worth import burn_micro_usd, usd
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import AccountFacts, Fleet, Quota
from firewarden.model.ids import DeploymentId
from firewarden.model.price import Price
from firewarden.model.usage import BilledDay

HOURS_PER_MONTH = 730
"""A month in dollars a month: 365 days in 12 parts."""

NO_MONEY = Decimal(0)


SURE_NOW = "at the price in force, as it runs now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """One deployment's part in a finding; None: nobody can price it."""

    deployment_id: DeploymentId
    usd_per_month: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that looks wrong.

    Attributes:
        usd_per_month: what it costs, or what is at stake; None: nobody can price it.
        sure: how that figure was made, in a few words.
        command: shows more.
        stakes: every deployment that it is about; empty where it is about none.
    """

    kind: str
    subject: str
    evidence: str
    usd_per_month: Decimal | None
    sure: str
    command: str
    stakes: tuple[Stake, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All that one look brought; *first* to *last* are the bill's local days, both included.

    ``surroundings`` None: not readable. What could not be read otherwise is empty.
    """

    now: datetime
    facts: AccountFacts
    fleet: Fleet
    surroundings: Mapping[str, Surroundings] | None
    bill: Sequence[BilledDay]
    first: date
    last: date
    quotas: Sequence[Quota]
    prices: Sequence[Price]

    @property
    def present(self) -> list[Deployment]:
        """The deployments that are not deleted."""
        return [one for one in self.fleet.deployments.values() if not one.is_gone]

    def month(self, deployments: Iterable[Deployment]) -> Decimal | None:
        """USD a month as they run now; None where any of them is unpriced."""
        burns = [burn_micro_usd(one, self.prices, now=self.now) for one in deployments]
        if None in burns:
            return None
        return (usd(sum(burn or 0 for burn in burns)) or NO_MONEY) * HOURS_PER_MONTH

    def stakes(self, deployments: Iterable[Deployment]) -> tuple[Stake, ...]:
        """Part `month` by deployment."""
        return tuple(
            Stake(deployment_id=one.deployment_id, usd_per_month=self.month([one]))
            for one in deployments
        )

    def about(self, kind: str, one: Deployment, evidence: str) -> Finding:
        """Make a finding of one deployment."""
        return Finding(
            kind=kind,
            subject=one.deployment_id,
            evidence=evidence,
            usd_per_month=self.month([one]),
            sure=SURE_NOW,
            command=f"firewarden explain {one.deployment_id}",
            stakes=self.stakes([one]),
        )
