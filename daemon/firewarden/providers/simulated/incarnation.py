"""One deployment from its creation to its purge, as the simulation knows it."""

from dataclasses import dataclass

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.instants import MINUTE_MS, SECOND_MS, parse_duration
from firewarden.providers.simulated.plan import DeploymentPlan, Json, Phase
from firewarden.providers.simulated.steps import Steps
from firewarden.providers.simulated.traffic import Traffic

_WINDOWS = {
    "scaleUpWindow": 30 * SECOND_MS,
    "scaleDownWindow": 10 * MINUTE_MS,
    "scaleToZeroWindow": 60 * MINUTE_MS,
}


@dataclass(slots=True)
class Replica:
    """One copy on its way to serving, or serving; *is_gone* once it was taken away."""

    number: int
    phase: Phase = Phase.PENDING
    is_gone: bool = False


class Incarnation:
    """A deployment between one creation and its purge; created again it is another one.

    Instants are milliseconds. `fields` is what its owner wrote, in the names of the wire.
    `gpus` is the history of billed GPUs, `starting` that of GPUs held before serving.
    """

    __slots__ = (
        "account_id",
        "below_ms",
        "created",
        "deleted",
        "desired",
        "dues",
        "fields",
        "gpus",
        "is_purged",
        "message",
        "next_replica",
        "number",
        "plan",
        "purge",
        "ready_since",
        "rendered",
        "replicas",
        "starting",
        "state",
        "status_code",
        "traffic",
        "updated",
        "wants",
        "zero_since",
    )

    def __init__(
        self, plan: DeploymentPlan, *, account_id: str, number: int, created: int, traffic: Traffic
    ) -> None:
        self.plan = plan
        self.account_id = account_id
        self.number = number
        self.created = created
        self.updated = created
        self.traffic = traffic
        self.fields: Json = dict(plan.fields)
        self.fields.setdefault("maxReplicaCount", max(1, self.floor))
        self.state: State = State.CREATING
        self.status_code = "OK"
        self.message = ""
        self.desired = 0
        self.replicas: list[Replica] = []
        self.next_replica = 0
        self.gpus = Steps()
        self.starting = Steps()
        self.wants: list[tuple[int, int]] = []
        self.ready_since = created
        self.zero_since: int | None = created if self.floor == 0 else None
        self.deleted: int | None = None
        self.purge: int | None = None
        self.is_purged = False
        self.dues: dict[str, int] = {}
        self.rendered: bytes | None = None
        self.below_ms = ""

    @property
    def deployment_id(self) -> str:
        """The last part of its name."""
        return self.plan.deployment_id

    @property
    def name(self) -> str:
        """Its full resource name."""
        return f"accounts/{self.account_id}/deployments/{self.plan.deployment_id}"

    @property
    def floor(self) -> int:
        """The fewest replicas its owner wants; left out means none."""
        return int(self.fields.get("minReplicaCount", 0))

    @property
    def ceiling(self) -> int:
        """The most replicas its owner allows; 0 parks it."""
        return int(self.fields.get("maxReplicaCount", 0))

    @property
    def gpus_per_replica(self) -> int:
        """Accelerators of one replica."""
        return int(self.fields.get("acceleratorCount", 0))

    @property
    def accelerator_type(self) -> str:
        """The provider's text for the GPU."""
        return str(self.fields.get("acceleratorType", ""))

    @property
    def base_model(self) -> str:
        """The model it serves."""
        return str(self.fields.get("baseModel", ""))

    @property
    def is_gone(self) -> bool:
        """Deleted or about to be: it holds nothing and nothing happens to it by itself."""
        return self.is_purged or self.state in {State.DELETING, State.DELETED}

    @property
    def ready_count(self) -> int:
        """Replicas that serve and are billed."""
        return self.phase_count(Phase.READY)

    def phase_count(self, phase: Phase) -> int:
        """Count the replicas in *phase*."""
        return sum(1 for replica in self.replicas if replica.phase is phase)

    def window(self, name: str) -> int:
        """Give a window of the autoscaling policy in milliseconds, or its default."""
        text = (self.fields.get("autoscalingPolicy") or {}).get(name)
        parsed = parse_duration(text) if isinstance(text, str) else None
        return _WINDOWS[name] if parsed is None else parsed

    def last_request(self, until: int) -> int | None:
        """Give the newest request it received up to and including *until*."""
        return self.traffic.last(until, since=self.created)

    def served(self, since: int, until: int) -> int:
        """Count the requests of ``[since, until)`` that found a ready replica."""
        if self.traffic.is_silent and self.traffic.last(until, since=since) is None:
            return 0
        return sum(
            self.traffic.count(start, end)
            for start, end, ready in self.gpus.pieces(max(since, self.created), until)
            if ready
        )

    def changed(self, now: int) -> None:
        """Write the history down to *now* and forget what was rendered."""
        ready = self.ready_count
        self.gpus.record(now, ready * self.gpus_per_replica)
        self.starting.record(now, (len(self.replicas) - ready) * self.gpus_per_replica)
        self.rendered = None
