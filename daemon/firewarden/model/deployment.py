"""A deployment as the provider described it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from firewarden.model.ids import AccountId, DeploymentId, Uid
from firewarden.model.vocabulary import State


class Trait(StrEnum):
    """Facts in a deployment's own description that protect it unless a policy lifts them."""

    HOT_LOAD = "hot_load"
    TRAINING = "training"
    DIRECT_ROUTE = "direct_route"
    OWN_CLUSTER = "own_cluster"
    PREEMPTIBLE = "preemptible"
    ADDONS_ENABLED = "addons_enabled"
    PROVIDER_SCHEDULE = "provider_schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment, without the instant it was seen at (a `Fleet` has that).

    Two polls that found nothing changed hold the *same object*, so that ``is`` proves
    "unchanged" without a comparison. Instants are aware UTC.

    Attributes:
        state: a `State`, or the provider's text where it is not known to us.
        ready_replica_count: replicas that serve and are billed.
        starting_replica_count: pending, downloading and initializing replicas, not billed.
        desired_replica_count: the autoscaler's target.
        accelerator_count: accelerators *per replica*.
        accelerator_type: the provider's text, e.g. ``NVIDIA_H100_80GB``.
        placement: ``global``, ``multi_region:US``, ``region:US_IOWA_1`` or ``""`` (not said).
        tags: ``custom/`` tags without the prefix, keys as the provider spells them.
        scale_to_zero_window: the provider's own idle timer; None where it is not said.
        trainer_job: resource name of the trainer this rollout belongs to, or ``""``.
    """

    uid: Uid
    account: AccountId
    deployment_id: DeploymentId
    name: str
    display_name: str
    base_model: str
    created_at: datetime
    state: str
    accelerator_type: str
    accelerator_count: int
    min_replica_count: int
    max_replica_count: int
    desired_replica_count: int
    ready_replica_count: int
    starting_replica_count: int
    placement: str = ""
    region: str = ""
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    purge_at: datetime | None = None
    status_message: str = ""
    pricing_plan: str = ""
    shape: str = ""
    trainer_job: str = ""
    scale_to_zero_window: timedelta | None = None
    traits: frozenset[Trait] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def gpu_count(self) -> int:
        """Accelerators billed right now, over all ready replicas."""
        return self.ready_replica_count * self.accelerator_count

    @property
    def starting_gpu_count(self) -> int:
        """Accelerators held by replicas that do not serve yet."""
        return self.starting_replica_count * self.accelerator_count

    @property
    def is_gone(self) -> bool:
        """Deleted as far as the provider says (soft or on its way to purge)."""
        return self.state == State.DELETED

    @property
    def is_changing(self) -> bool:
        """A change of replicas is announced: it is worth reading again soon."""
        return (
            self.desired_replica_count != self.ready_replica_count
            or self.starting_replica_count > 0
            or self.state in {State.CREATING, State.UPDATING, State.DELETING}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What else on the account leans on one deployment (deployed models, routers, trainer).

    Attributes:
        default_models: models whose bare name is routed to this deployment by default.
        default_alternatives: for those models, the fewest other deployments that serve one.
        is_published: another account may call it, and this one pays.
        addon_count: loaded LoRA add-ons.
        routers: user-made routers that list it (auto-generated ones left out).
        is_trainer_gone: None where it has no trainer or its state is not known.
    """

    default_models: tuple[str, ...] = ()
    default_alternatives: int = 0
    is_published: bool = False
    addon_count: int = 0
    routers: tuple[str, ...] = ()
    is_trainer_gone: bool | None = None
