"""An intent before each change and an outcome after it, wherever the process ends."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from firewarden.act.hand import Deed
from firewarden.decide.effects import NOTHING
from firewarden.decide.orders import Order
from firewarden.errors import LeaseLost, ProviderUnavailable, StoreError, StoreUnavailable
from firewarden.model.action import Effect, Outcome, Released
from firewarden.model.deployment import Deployment
from firewarden.model.vocabulary import Verb
from firewarden.ports import CrashPoint
from firewarden.store import intents
from tests.act.cloud import EPOCH, Fault, Killed, Scene, Tenure, an_order
from tests.support.acting import an_incident, an_intent
from tests.support.deciding import NOW, a_deployment

IN_FLIGHT = timedelta(seconds=15)
SECOND = timedelta(seconds=1)
SCALED = ["PATCH min=0", "SCALE 0"]
GONE = a_deployment(state="DELETED")
UNANSWERED = Fault(error=ProviderUnavailable("timed out"))


def outcomes(scene: Scene) -> list[Outcome]:
    return [one.outcome for one in scene.intents()]


# --- before the call ---------------------------------------------------------------------


async def test_the_outcome_is_committed_with_what_follows_from_it(scene: Scene) -> None:
    with capture_logs() as logs:
        deed = await scene.carry_out(an_order())
    (intent,) = scene.intents()

    assert deed is not None
    assert (intent.outcome, intent.epoch, intent.stage) == (Outcome.APPLIED, EPOCH, 2)
    assert deed.intent == intent
    assert scene.recorded == [deed]
    assert [each["event"] for each in logs] == ["action.planned", "action.applied"]
    with scene.database.reading() as session:
        assert intents.read_whole(session, intent.action_id) == '{"name": "exp-1"}'


async def test_what_may_not_be_claimed_leaves_no_trace_and_asks_nobody(scene: Scene) -> None:
    scene.withheld = "a person has paused all actions"
    with capture_logs() as logs:
        assert await scene.carry_out(an_order()) is None

    assert scene.intents() == ()
    assert (scene.cloud.asked, scene.cloud.sent) == ([], [])
    assert [each["event"] for each in logs] == ["action.withheld"]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param({"outcome": Outcome.PLANNED, "opened_at": None}, id="another is open"),
        pytest.param({"outcome": Outcome.APPLIED}, id="its stage was done"),
        pytest.param({"outcome": Outcome.PLANNED}, id="its stage is begun"),
    ],
)
async def test_nothing_is_claimed_twice(scene: Scene, before: dict[str, Any]) -> None:
    own: dict[str, Any] = {"opened_at": an_incident().opened_at, "finished_at": None} | before
    with scene.database.writing() as session:
        assert intents.claim(session, an_intent(**own)) is not None

    assert await scene.carry_out(an_order()) is None
    assert (scene.cloud.sent, len(scene.intents())) == ([], 1)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REFUSED, Outcome.EXPIRED])
async def test_what_came_to_nothing_may_be_tried_again(scene: Scene, outcome: Outcome) -> None:
    own: dict[str, Any] = {"opened_at": an_incident().opened_at, "outcome": outcome}
    with scene.database.writing() as session:
        intents.claim(session, an_intent(**own))

    assert await scene.carry_out(an_order()) is not None
    assert scene.cloud.sent == SCALED


@pytest.mark.parametrize(
    ("arrange", "detail"),
    [
        pytest.param({"objection": "it is in use again"}, "it is in use again", id="objected to"),
        pytest.param({"gone": True}, "it is gone", id="gone"),
        pytest.param(
            {"fault": "get"}, "its target could not be read: timed out", id="target unreadable"
        ),
        pytest.param(
            {"fault": "whole"}, "its target could not be read: timed out", id="not to be kept whole"
        ),
        pytest.param(
            {"slow": timedelta(seconds=10, milliseconds=1)},
            "reading its target took too long",
            id="an old look is no look",
        ),
    ],
)
async def test_what_speaks_against_it_refuses_and_sends_nothing(
    scene: Scene, arrange: dict[str, Any], detail: str
) -> None:
    scene.objection = arrange.get("objection", "")
    scene.cloud.slow = arrange.get("slow", timedelta(0))
    if "gone" in arrange:
        scene.cloud.there["exp-1"] = None
    if "fault" in arrange:
        scene.cloud.faults[arrange["fault"]] = UNANSWERED
    deed = await scene.carry_out(an_order())

    assert deed is not None
    assert (deed.intent.outcome, deed.intent.detail) == (Outcome.REFUSED, detail)
    assert scene.cloud.sent == []
    assert not deed.intent.outcome.is_attempt


async def test_a_look_of_exactly_ten_seconds_will_do(scene: Scene) -> None:
    scene.cloud.slow = timedelta(seconds=10)
    deed = await scene.carry_out(an_order())

    assert deed is not None
    assert deed.intent.outcome is Outcome.APPLIED


async def test_a_refusal_leaves_the_way_open(scene: Scene) -> None:
    scene.objection = "it is in use"
    await scene.carry_out(an_order())
    scene.objection = ""
    await scene.carry_out(an_order())

    assert outcomes(scene) == [Outcome.REFUSED, Outcome.APPLIED]


# --- what is put back ----------------------------------------------------------------------


async def test_what_is_put_back_releases_what_had_been_set_and_once(scene: Scene) -> None:
    await scene.carry_out(an_order())
    (stop,) = scene.intents()
    back = replace(
        an_order(Effect(min_replica_count=1), Verb.RESTORE),
        incident=None,
        releases=(stop.action_id,),
        released=Released.NEEDS_OWNER,
    )
    await scene.carry_out(back)
    stop, restore = scene.intents()

    assert (stop.released, stop.is_standing) == (Released.NEEDS_OWNER, False)
    assert (restore.outcome, restore.is_standing) == (Outcome.APPLIED, False)


async def test_what_could_not_be_put_back_stands(scene: Scene) -> None:
    await scene.carry_out(an_order())
    (stop,) = scene.intents()
    scene.objection = "min_replica_count was 0 and is 2"
    back = an_order(Effect(min_replica_count=1), Verb.RESTORE, incident=None)
    await scene.carry_out(replace(back, releases=(stop.action_id,)))

    assert scene.intents()[0].is_standing


# --- the lease -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tenure",
    [
        pytest.param(Tenure(questions_left=0), id="before"),
        pytest.param(Tenure(questions_left=1), id="at the claim"),
        pytest.param(Tenure(is_fenced=True), id="the database knows a newer holder"),
    ],
)
async def test_without_the_lease_nothing_is_even_claimed(scene: Scene, tenure: Tenure) -> None:
    scene.tenure = tenure
    with pytest.raises(LeaseLost):
        await scene.carry_out(an_order())

    assert scene.intents() == ()
    assert scene.cloud.sent == []


@pytest.mark.parametrize(
    ("questions", "sent", "later"),
    [
        pytest.param(2, [], Outcome.EXPIRED, id="between the claim and the call"),
        pytest.param(3, SCALED[:1], Outcome.FAILED, id="between the two calls"),
    ],
)
async def test_where_the_lease_is_lost_the_next_holder_finds_out_what_was_done(
    scene: Scene, questions: int, sent: list[str], later: Outcome
) -> None:
    scene.tenure = Tenure(questions_left=questions)
    with pytest.raises(LeaseLost):
        await scene.carry_out(an_order())
    assert (scene.cloud.sent, outcomes(scene)) == (sent, [Outcome.PLANNED])
    assert scene.recorded == []

    scene.clock.jump(IN_FLIGHT)
    await scene.settle()
    assert outcomes(scene) == [later]
    assert scene.intents()[0].is_standing is bool(sent)


async def test_a_holder_that_wakes_up_late_does_not_overwrite_what_the_next_one_found(
    scene: Scene,
) -> None:
    scene.killed_at = CrashPoint.BOUNDS_READ_BACK
    with pytest.raises(Killed):
        await scene.carry_out(an_order())
    (begun,) = scene.intents()
    scene.clock.jump(IN_FLIGHT)
    await scene.settle()
    late = replace(begun, outcome=Outcome.APPLIED, finished_at=scene.clock.now())

    with pytest.raises(StoreError, match="is failed already"):
        scene.hand()._write(Deed(intent=late, deployment=None), scene.record)
    assert outcomes(scene) == [Outcome.FAILED]


# --- the database ----------------------------------------------------------------------------


async def test_where_the_outcome_cannot_be_written_it_is_found_by_reading(scene: Scene) -> None:
    scene.record_error = StoreUnavailable("the disk is full")
    with pytest.raises(StoreUnavailable):
        await scene.carry_out(an_order())
    assert outcomes(scene) == [Outcome.PLANNED]

    scene.record_error = None
    scene.clock.jump(IN_FLIGHT)
    await scene.settle()
    assert (outcomes(scene), scene.cloud.sent) == ([Outcome.APPLIED], SCALED)
    assert len(scene.recorded) == 1


# --- killed --------------------------------------------------------------------------------


STOP = an_order()
RUNNING, NO_FLOOR = a_deployment(), a_deployment(min_replica_count=0)
ORDERS: dict[str, tuple[Order, Deployment]] = {
    "stop": (STOP, RUNNING),
    "scale": (an_order(Effect(replica_count=0)), NO_FLOOR),
    "park": (an_order(Effect(min_replica_count=0, max_replica_count=0), Verb.PARK), RUNNING),
    "hold": (an_order(Effect(max_replica_count=1), Verb.HOLD_GROWTH), RUNNING),
    "delete": (an_order(Effect(delete=True), Verb.DELETE), RUNNING),
    "undelete": (an_order(Effect(undelete=True), Verb.UNDELETE), GONE),
    "restore": (an_order(Effect(min_replica_count=1), Verb.RESTORE), NO_FLOOR),
}
POINTS = [
    point
    for point in CrashPoint
    if point.partition(".")[0] in {"intent", "target", "bounds", "call", "outcome"}
]


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_there_is_one_outcome_and_no_call_is_sent_twice(
    scene: Scene, point: CrashPoint, name: str
) -> None:
    order, there = ORDERS[name]
    scene.cloud.show(there)
    scene.killed_at = point
    passes = point.startswith("bounds") and not order.effect.sets_bounds
    if passes:
        await scene.carry_out(order)
    else:
        with pytest.raises(Killed):
            await scene.carry_out(order)
    scene.clock.jump(IN_FLIGHT)
    await scene.settle()
    assert Outcome.PLANNED not in outcomes(scene)
    assert len(scene.intents()) == (point is not CrashPoint.INTENT_WRITTEN)

    left = _left_of(order.effect, scene.cloud.now())
    if left != NOTHING:
        await scene.carry_out(replace(order, effect=left))
    assert _left_of(order.effect, scene.cloud.now()) == NOTHING
    assert max(Counter(scene.cloud.sent).values()) == 1
    assert Outcome.PLANNED not in outcomes(scene)
    assert outcomes(scene).count(Outcome.APPLIED) <= 1


def _left_of(effect: Effect, found: Deployment) -> Effect:
    """Say what is left to be done of *effect*: what the next order would ask for."""
    done = effect.replica_count in {None, found.desired_replica_count}
    if effect.sets_bounds:
        least = None if effect.is_in_force(found) else effect.min_replica_count
        most = None if effect.is_in_force(found) else effect.max_replica_count
        return Effect(
            min_replica_count=least,
            max_replica_count=most,
            replica_count=None if done else effect.replica_count,
        )
    if effect.delete or effect.undelete:
        return NOTHING if found.is_gone is effect.delete else effect
    return NOTHING if done else effect


async def test_an_open_intent_is_left_alone_while_its_call_may_be_in_flight(scene: Scene) -> None:
    scene.killed_at = CrashPoint.INTENT_COMMITTED
    with pytest.raises(Killed):
        await scene.carry_out(an_order())
    asked = list(scene.cloud.asked)
    scene.clock.jump(IN_FLIGHT - SECOND)

    assert await scene.settle() == [None]
    assert (outcomes(scene), scene.cloud.asked) == ([Outcome.PLANNED], asked)
    scene.clock.jump(SECOND)
    await scene.settle()
    assert outcomes(scene) == [Outcome.EXPIRED]


async def test_what_cannot_be_read_is_settled_another_time(scene: Scene) -> None:
    scene.killed_at = CrashPoint.CALL_SENT
    with pytest.raises(Killed):
        await scene.carry_out(an_order())
    scene.clock.jump(IN_FLIGHT)
    scene.cloud.faults["get alone"] = UNANSWERED

    assert await scene.settle() == [None]
    (deed,) = await scene.settle()
    assert deed is not None
    assert deed.intent.outcome is Outcome.APPLIED
    assert deed.order is None


async def test_a_namesake_made_since_proves_nothing(scene: Scene) -> None:
    scene.killed_at = CrashPoint.TARGET_EXAMINED
    with pytest.raises(Killed):
        await scene.carry_out(an_order())
    scene.clock.jump(IN_FLIGHT)
    made_again = a_deployment(
        created_at=NOW, min_replica_count=0, desired_replica_count=0, ready_replica_count=0
    )
    scene.cloud.there["exp-1"] = made_again
    (deed,) = await scene.settle()

    assert deed is not None
    assert (deed.intent.outcome, deed.deployment) == (Outcome.EXPIRED, None)


async def test_nobody_settles_without_the_lease(scene: Scene) -> None:
    intent = an_intent(action_id=1, outcome=Outcome.PLANNED, finished_at=None)
    scene.tenure = Tenure(questions_left=0)

    with pytest.raises(LeaseLost):
        await scene.hand().settle(intent, scene.record)
