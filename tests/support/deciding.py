"""Builders for situations: a valid default, of which a test names only what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from firewarden.decide.situation import Situation
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Fleet
from firewarden.model.ids import AccountId, DeploymentId, Uid, make_uid
from firewarden.model.price import Price, PriceSource
from firewarden.model.vocabulary import State
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = AccountId("acme")
EVERY = timedelta(seconds=30)
H100 = "NVIDIA_H100_80GB"
H100_PRICE = Price(
    accelerator_type=H100, micro_usd_per_gpu_hour=8_000_000, source=PriceSource.RATE_CARD
)

IDLE = """
version: 1
policies:
  idle:
    match: {name: "exp-*"}
    when: {idle_for: 45m, older_than: 2h, replicas_at_least: 1}
    stages: [warn, {wait: 15m}, scale_to_zero]
"""


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def a_deployment(name: str = "exp-1", **changes: Any) -> Deployment:
    """A running 2×H100 deployment, three days old, that no protection applies to."""
    created = changes.pop("created_at", NOW - timedelta(days=3))
    full = f"accounts/{ACCOUNT}/deployments/{name}"
    plain = Deployment(
        uid=make_uid(full, created),
        account=ACCOUNT,
        deployment_id=DeploymentId(name),
        name=full,
        display_name="",
        base_model="accounts/fireworks/models/llama-v3p1-8b-instruct",
        created_at=created,
        state=State.READY,
        accelerator_type=H100,
        accelerator_count=2,
        min_replica_count=1,
        max_replica_count=2,
        desired_replica_count=1,
        ready_replica_count=1,
        starting_replica_count=0,
    )
    return replace(plain, **changes)


def at_zero(name: str = "exp-0", **changes: Any) -> Deployment:
    """A deployment scaled to zero."""
    zero = {"min_replica_count": 0, "desired_replica_count": 0, "ready_replica_count": 0}
    return a_deployment(name, **(zero | changes))


def quiet(
    since: timedelta, *, newest: timedelta = timedelta(0), now: datetime = NOW
) -> QuietEvidence:
    """Quiet from *since* ago until *newest* ago, without any use seen before."""
    return QuietEvidence(
        use=Use.QUIET, quiet_since=now - since, quiet_until=now - newest, newest_at=now - newest
    )


def active(*, newest: timedelta = timedelta(0), now: datetime = NOW) -> QuietEvidence:
    """In use, as the scrape of *newest* ago said."""
    return QuietEvidence(use=Use.ACTIVE, newest_at=now - newest, active_at=now - newest)


UNKNOWN = QuietEvidence(use=Use.UNKNOWN, because="there has been no scrape yet")


@dataclass(slots=True)
class Looks:
    """Evidence by deployment id; what is not named is unknown."""

    by_name: Mapping[str, QuietEvidence] = field(default_factory=dict)
    covered: float = 1.0
    default: QuietEvidence = UNKNOWN

    def look(self, uid: Uid, *, now: datetime) -> QuietEvidence:
        return self.by_name.get(_id_of(uid), self.default)

    def coverage(self, uid: Uid, *, since: datetime, until: datetime, every: timedelta) -> float:
        return self.covered


@dataclass(slots=True)
class Since:
    """Ages that are the same for all deployments, unless one is named."""

    seen: datetime | None = NOW - timedelta(days=2)
    ready: datetime | None = NOW - timedelta(days=2)
    zero: datetime | None = None
    starting: datetime | None = None
    state: datetime | None = NOW - timedelta(days=2)
    changed: datetime | None = NOW - timedelta(days=2)
    ready_by_name: Mapping[str, datetime | None] = field(default_factory=dict)

    def first_seen(self, uid: Uid) -> datetime | None:
        return self.seen

    def ready_since(self, uid: Uid) -> datetime | None:
        return self.ready_by_name.get(_id_of(uid), self.ready)

    def at_zero_since(self, uid: Uid) -> datetime | None:
        return self.zero

    def starting_since(self, uid: Uid) -> datetime | None:
        return self.starting

    def state_since(self, uid: Uid) -> datetime | None:
        return self.state

    def changed_at(self, uid: Uid) -> datetime | None:
        return self.changed


def _id_of(uid: Uid) -> str:
    return uid.rpartition("@")[0].rpartition("/")[2]


def a_fleet(deployments: Sequence[Deployment], **changes: Any) -> Fleet:
    """A complete listing, answered just now."""
    plain = Fleet(
        account=ACCOUNT,
        asked_at=NOW - timedelta(seconds=1),
        answered_at=NOW,
        complete=True,
        deployments={deployment.uid: deployment for deployment in deployments},
    )
    return replace(plain, **changes)


def a_situation(
    *deployments: Deployment,
    looks: Looks | Mapping[str, QuietEvidence] | None = None,
    **changes: Any,
) -> Situation:
    """All is known and nothing speaks against acting; all deployments are quiet for two hours."""
    evidence = (
        looks if isinstance(looks, Looks) else Looks(looks or {}, default=quiet(minutes(120)))
    )
    plain = Situation(
        now=NOW,
        fleet=a_fleet(deployments or (a_deployment(),)),
        evidence=evidence,
        ages=Since(),
        surroundings={},
        surroundings_at=NOW,
        prices=(H100_PRICE,),
        poll_every=EVERY,
        metrics_every=EVERY,
        complete_cycles=10,
    )
    return replace(plain, **changes)


def later(situation: Situation, by: timedelta, **changes: Any) -> Situation:
    """The same world, observed again after *by*."""
    now = situation.now + by
    fleet = replace(situation.fleet, asked_at=now - timedelta(seconds=1), answered_at=now)
    moved: dict[str, Any] = {"now": now, "fleet": fleet, "surroundings_at": now}
    return replace(situation, **(moved | changes))


def policies(text: str = IDLE) -> PolicySet:
    """Load one policy file."""
    return load({"policies/test.yaml": text})
