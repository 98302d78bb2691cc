"""A provider and its controls that behave: changes take effect, faults come where they are put."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from firewarden.act.hand import Deed, Hand
from firewarden.decide.orders import Order
from firewarden.errors import FirewardenError, LeaseLost
from firewarden.model.action import Bounds, Effect, Intent, Outcome
from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.fleet import Examined
from firewarden.model.ids import DeploymentId, PolicyName
from firewarden.model.usage import Known, LedgerChange
from firewarden.model.vocabulary import PutBack, Verb
from firewarden.ports import CrashPoint, Permit, Written
from firewarden.store import incidents, intents, ledger
from firewarden.store.engine import Database
from firewarden.store.session import Session
from tests.observe.scripted import ScriptedProvider
from tests.support.acting import after, an_incident
from tests.support.clock import FakeClock
from tests.support.deciding import ACCOUNT, NOW, a_deployment

T = TypeVar("T")
EPOCH = 7


class Killed(BaseException):
    """The process ended here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a call answers instead; *taken*: it has taken effect all the same."""

    error: FirewardenError
    taken: bool = False


@dataclass(slots=True, kw_only=True)
class Tenure:
    """A right to act that ends after so many more questions; None: never."""

    epoch: int = EPOCH
    questions_left: int | None = None
    is_fenced: bool = False

    def still_held(self) -> None:
        if self.questions_left is not None:
            self.questions_left -= 1
            if self.questions_left < 0:
                raise LeaseLost("another process looks after it")

    def fence(self, session: Session) -> None:
        self.still_held()
        if self.is_fenced:
            raise LeaseLost("a newer holder is known")


class Cloud(ScriptedProvider):
    """One account, as `Provider` and as `Controls`.

    Attributes:
        faults: what a call answers instead, by its name; each once.
        sent: every change that left, in order.
        strays: fields that each PATCH changes besides.
        slow: how long a read of one deployment takes.
    """

    def __init__(self, clock: FakeClock, database: Database) -> None:
        super().__init__(clock)
        self.clock = clock
        self.database = database
        self.faults: dict[str, Fault] = {}
        self.sent: list[str] = []
        self.strays: tuple[str, ...] = ()
        self.slow = timedelta(0)
        self.surroundings: Surroundings | None = Surroundings()

    def now(self, name: str = "exp-1") -> Deployment:
        found = self.there[name]
        assert found is not None
        return found

    async def fetch_deployment(
        self, deployment_id: DeploymentId, *, alone: bool = False
    ) -> Examined:
        self.asked.append(f"get {deployment_id}")
        asked_at = self.clock.now()
        self.clock.jump(self.slow)
        self._answer("get alone" if alone else "get", lambda: None)
        return Examined(
            asked_at=asked_at,
            answered_at=self.clock.now(),
            deployment=self.there.get(deployment_id),
            surroundings=None if alone else self.surroundings,
        )

    async def fetch_whole(self, deployment_id: DeploymentId) -> str:
        self.asked.append(f"whole {deployment_id}")
        self._answer("whole", lambda: None)
        return f'{{"name": "{deployment_id}"}}'

    async def set_bounds(self, deployment: Deployment, effect: Effect, *, permit: Permit) -> None:
        only = replace(effect, replica_count=None)
        self._change("set_bounds", f"PATCH {_bounds(effect)}", deployment, only, permit)

    async def read_back(self, deployment: Deployment, effect: Effect) -> Written:
        self.asked.append("read back")
        self._answer("read_back", lambda: None)
        return Written(deployment=self.now(deployment.deployment_id), strayed=self.strays)

    async def scale(self, deployment: Deployment, replica_count: int, *, permit: Permit) -> None:
        effect = Effect(replica_count=replica_count)
        self._change("scale", f"SCALE {replica_count}", deployment, effect, permit)

    async def delete(self, deployment: Deployment, *, permit: Permit) -> None:
        self._change("delete", "DELETE", deployment, Effect(delete=True), permit)

    async def undelete(self, deployment: Deployment, *, permit: Permit) -> None:
        self._change("undelete", "UNDELETE", deployment, Effect(undelete=True), permit)

    def _change(
        self, call: str, line: str, deployment: Deployment, effect: Effect, permit: Permit
    ) -> None:
        permit.still_held()
        self._demand_open_intent(permit)
        self.sent.append(line)

        def take_effect() -> None:
            found = self.there.get(deployment.deployment_id)
            if found is not None:
                changed = after(effect, found)
                back = replace(changed, state="READY") if effect.undelete else changed
                self.there[deployment.deployment_id] = back

        self._answer(call, take_effect)

    def _answer(self, call: str, take_effect: Callable[[], None]) -> None:
        fault = self.faults.pop(call, None)
        if fault is None or fault.taken:
            take_effect()
        if fault is not None:
            raise fault.error

    def _demand_open_intent(self, permit: Permit) -> None:
        """No change leaves before its intent is committed, nor after its outcome."""
        with self.database.reading() as session:
            found = intents.read_one(session, ACCOUNT, permit.action_id)
        assert found is not None
        assert found.outcome is Outcome.PLANNED


@dataclass(slots=True)
class Scene:
    """A hand, the cloud it acts on, and the ledger it writes to."""

    database: Database
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    tenure: Tenure = field(default_factory=Tenure)
    killed_at: CrashPoint | None = None
    objection: str = ""
    withheld: str = ""
    recorded: list[Deed] = field(default_factory=list)
    record_error: FirewardenError | None = None
    cloud: Cloud = field(init=False)

    def __post_init__(self) -> None:
        self.cloud = Cloud(self.clock, self.database)
        self.cloud.show(a_deployment())
        with self.database.writing() as session:
            ledger.write_change(session, ACCOUNT, met(a_deployment()), at=NOW)
            incidents.write(session, an_incident())

    def hand(self) -> Hand:
        return Hand(
            provider=self.cloud,
            controls=self.cloud,
            database=self.database,
            run_db=_inline,
            clock=self.clock,
            crash=self._crash,
            right=self.tenure,
        )

    async def carry_out(self, order: Order) -> Deed | None:
        return await self.hand().carry_out(
            order,
            may_claim=lambda _: self.withheld,
            objection=lambda _: self.objection,
            record=self.record,
        )

    async def settle(self) -> list[Deed | None]:
        """Let another process, which has the lease now, settle what it finds open."""
        self.tenure, self.killed_at = Tenure(epoch=self.tenure.epoch + 1), None
        open_ones = [one for one in self.intents() if one.outcome is Outcome.PLANNED]
        return [await self.hand().settle(one, self.record) for one in open_ones]

    def record(self, session: Session, deed: Deed) -> None:
        if self.record_error is not None:
            raise self.record_error
        self.recorded.append(deed)

    def intents(self) -> tuple[Intent, ...]:
        with self.database.reading() as session:
            return intents.read_recent(session, ACCOUNT, since=NOW - timedelta(days=1))

    def _crash(self, point: CrashPoint) -> None:
        if point is self.killed_at:
            raise Killed(point)


async def _inline(work: Callable[[], T]) -> T:
    return work()


def an_order(
    effect: Effect | None = None, verb: Verb = Verb.SCALE_TO_ZERO, **changes: Any
) -> Order:
    """The due stop of exp-1, or another effect on it."""
    deployment = a_deployment()
    plain = Order(
        uid=deployment.uid,
        deployment=deployment,
        verb=verb,
        effect=effect or Effect(min_replica_count=0, replica_count=0),
        before=Bounds.of(deployment),
        reason="idle 1h",
        evidence={"uid": deployment.uid},
        policy=PolicyName("idle"),
        policy_hash="c0ffee",
        incident=an_incident(),
        put_back=PutBack.ON_WAKE,
    )
    return replace(plain, **changes)


def met(deployment: Deployment) -> LedgerChange:
    known = Known(
        uid=deployment.uid,
        account=ACCOUNT,
        deployment_id=deployment.deployment_id,
        display_name="",
        base_model=deployment.base_model,
        created_at=deployment.created_at,
        first_seen_at=deployment.created_at,
    )
    return LedgerChange(met=(known,))


def _bounds(effect: Effect) -> str:
    named: Mapping[str, object] = {
        "min": effect.min_replica_count,
        "max": effect.max_replica_count,
        "window": effect.scale_to_zero_window,
    }
    return " ".join(f"{name}={value}" for name, value in named.items() if value is not None)
