"""What is done to a deployment: the intent before the call, the outcome after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, PolicyName, Uid
from firewarden.model.vocabulary import Mode, ProviderDelete, PutBack, Verb

POLICY = "policy"
"""The actor of everything that no person asked for."""


class Outcome(StrEnum):
    """What became of an intent; only APPLIED means that the provider took the change."""

    PLANNED = "planned"
    APPLIED = "applied"
    FAILED = "failed"
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def is_attempt(self) -> bool:
        """A call was sent, or may have been: it counts against every limit.

        So does what was found open and unchanged later: a read may be older than the change.
        """
        return self is not Outcome.REFUSED


class Released(StrEnum):
    """Why a change of ours stands no longer."""

    RESTORED = "restored"
    HUMAN = "human"
    GONE = "gone"
    NEEDS_OWNER = "needs_owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the autoscaler of a deployment goes by, as it was read.

    ``scale_to_zero_window`` is None where the provider does not say it.
    """

    min_replica_count: int
    max_replica_count: int
    desired_replica_count: int
    scale_to_zero_window: timedelta | None = None

    @classmethod
    def of(cls, deployment: Deployment) -> "Bounds":
        """Take them from a description."""
        return cls(
            min_replica_count=deployment.min_replica_count,
            max_replica_count=deployment.max_replica_count,
            desired_replica_count=deployment.desired_replica_count,
            scale_to_zero_window=deployment.scale_to_zero_window,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a verb asks of the provider, in the order of the calls; None and False: not touched.

    Attributes:
        min_replica_count, max_replica_count, scale_to_zero_window: one masked PATCH.
        replica_count: one ``:scale``, after the PATCH was read back.
        delete: one soft delete. undelete: one ``:undelete``. Each stands alone.
    """

    min_replica_count: int | None = None
    max_replica_count: int | None = None
    scale_to_zero_window: timedelta | None = None
    replica_count: int | None = None
    delete: bool = False
    undelete: bool = False

    @property
    def sets_bounds(self) -> bool:
        """It has a PATCH in it."""
        return (
            self.min_replica_count is not None
            or self.max_replica_count is not None
            or self.scale_to_zero_window is not None
        )

    def is_in_force(self, deployment: Deployment) -> bool:
        """Are the bounds of *deployment* those that this effect sets?"""
        least, most = self.min_replica_count, self.max_replica_count
        window = self.scale_to_zero_window
        return (
            (least is None or deployment.min_replica_count == least)
            and (most is None or deployment.max_replica_count == most)
            and (window is None or deployment.scale_to_zero_window == window)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One effect on one deployment, written before its call and finished after it.

    At most one is open for a deployment, and at most one open or applied for a stage of an
    incident: nothing is done twice.

    Attributes:
        action_id: the number people name it by; 0 before it is stored.
        opened_at: of the incident it belongs to; None where a person asked for it.
        stage: of that incident.
        request_id: of the person's request; None where a policy asked for it.
        actor: `POLICY` or ``cli:user@host``.
        evidence: the facts it rests on, each ready to print and to compare.
        before: bounds as they were before any change of ours that still stands.
        epoch: of the lease it was claimed under.
        finished_at: None while it is open. detail: one clause about the outcome.
        released_at: when the change stopped standing; None while it stands or never stood.
    """

    account: AccountId
    uid: Uid
    verb: Verb
    policy: PolicyName
    policy_hash: str
    mode: Mode
    actor: str
    reason: str
    effect: Effect
    before: Bounds
    planned_at: datetime
    epoch: int
    action_id: int = 0
    opened_at: datetime | None = None
    stage: int = 0
    request_id: int | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    put_back: PutBack = PutBack.NEVER
    provider_delete: ProviderDelete = ProviderDelete.RESTORE
    outcome: Outcome = Outcome.PLANNED
    finished_at: datetime | None = None
    detail: str = ""
    released_at: datetime | None = None
    released: Released | None = None

    @property
    def is_standing(self) -> bool:
        """Bounds that we set are in force, as far as is known, and may have to be put back."""
        return (
            self.effect.sets_bounds
            and self.verb is not Verb.RESTORE
            and self.outcome in {Outcome.APPLIED, Outcome.FAILED}
            and self.released_at is None
        )
