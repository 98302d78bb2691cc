"""Whatever a call answers, an outcome is written, and nothing is sent twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firewarden.act.calls import settled
from firewarden.errors import (
    AccountSuspended,
    AnswerLost,
    FirewardenError,
    Forbidden,
    InUse,
    KeyRefused,
    NotFound,
    ProviderRejected,
    ProviderUnavailable,
)
from firewarden.model.action import Effect, Outcome
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined
from firewarden.model.vocabulary import Verb
from tests.act.cloud import Fault, Scene, an_order
from tests.support.acting import after
from tests.support.deciding import NOW, a_deployment

APPLIED, FAILED, REFUSED, EXPIRED = (
    Outcome.APPLIED,
    Outcome.FAILED,
    Outcome.REFUSED,
    Outcome.EXPIRED,
)
STOP = Effect(min_replica_count=0, replica_count=0)
PATCHED, SCALED = ["PATCH min=0"], ["PATCH min=0", "SCALE 0"]
NO_FLOOR = a_deployment(min_replica_count=0)
GONE = a_deployment(state="DELETED")


@pytest.mark.parametrize(
    ("verb", "effect", "there", "sent"),
    [
        pytest.param(Verb.SCALE_TO_ZERO, STOP, a_deployment(), SCALED, id="stop"),
        pytest.param(
            Verb.SCALE_TO_ZERO, Effect(replica_count=0), NO_FLOOR, ["SCALE 0"], id="no floor"
        ),
        pytest.param(
            Verb.PARK,
            Effect(min_replica_count=0, max_replica_count=0),
            a_deployment(),
            ["PATCH min=0 max=0"],
            id="park",
        ),
        pytest.param(
            Verb.HOLD_GROWTH,
            Effect(max_replica_count=1),
            a_deployment(),
            ["PATCH max=1"],
            id="hold growth",
        ),
        pytest.param(
            Verb.SET_AUTOSCALING,
            Effect(min_replica_count=0, scale_to_zero_window=timedelta(minutes=5)),
            a_deployment(),
            ["PATCH min=0 window=0:05:00"],
            id="bounds",
        ),
        pytest.param(Verb.DELETE, Effect(delete=True), a_deployment(), ["DELETE"], id="delete"),
        pytest.param(Verb.UNDELETE, Effect(undelete=True), GONE, ["UNDELETE"], id="undelete"),
        pytest.param(
            Verb.RESTORE, Effect(min_replica_count=1), NO_FLOOR, ["PATCH min=1"], id="put back"
        ),
    ],
)
async def test_each_effect_is_its_calls_in_their_order_and_once(
    scene: Scene, verb: Verb, effect: Effect, there: Deployment, sent: list[str]
) -> None:
    scene.cloud.show(there)
    deed = await scene.carry_out(an_order(effect, verb))

    assert deed is not None
    assert (scene.cloud.sent, deed.intent.outcome) == (sent, APPLIED)
    assert ("read back" in scene.cloud.asked) is effect.sets_bounds
    assert ("whole exp-1" in scene.cloud.asked) is (
        verb in {Verb.SCALE_TO_ZERO, Verb.PARK, Verb.DELETE}
    )


def lost(*, taken: bool) -> Fault:
    return Fault(error=AnswerLost("no answer came"), taken=taken)


REJECTED: list[FirewardenError] = [
    ProviderRejected("400: no"),
    KeyRefused("403: not with this key"),
    AccountSuspended("412: paused"),
    Forbidden("it has another body"),
]
UNAVAILABLE = ProviderUnavailable("429", throttled=True)
UNREADABLE = Fault(error=ProviderUnavailable("timed out"))
FAULTS: list[tuple[str, str, Fault, Outcome, bool, list[str]]] = [
    *(
        (call, type(error).__name__, Fault(error=error), FAILED, False, sent)
        for call, sent in (("set_bounds", PATCHED), ("scale", SCALED))
        for error in REJECTED
    ),
    ("set_bounds", "in use", Fault(error=InUse("in use")), REFUSED, True, PATCHED),
    ("set_bounds", "not found", Fault(error=NotFound("404")), REFUSED, False, PATCHED),
    ("set_bounds", "not taken", Fault(error=UNAVAILABLE), REFUSED, False, PATCHED),
    ("set_bounds", "lost: nothing", lost(taken=False), FAILED, False, PATCHED),
    ("set_bounds", "lost: taken, and gone on with", lost(taken=True), APPLIED, False, SCALED),
    ("read_back", "rejected", Fault(error=ProviderRejected("?")), FAILED, False, PATCHED),
    ("read_back", "not found", Fault(error=NotFound("404")), FAILED, False, PATCHED),
    ("read_back", "no answer", Fault(error=UNAVAILABLE), FAILED, False, PATCHED),
    ("scale", "in use", Fault(error=InUse("in use")), FAILED, True, SCALED),
    ("scale", "not found", Fault(error=NotFound("404")), FAILED, False, SCALED),
    ("scale", "not taken", Fault(error=UNAVAILABLE), FAILED, False, SCALED),
    ("scale", "lost: bounds alone", lost(taken=False), FAILED, False, SCALED),
    ("scale", "lost: done", lost(taken=True), APPLIED, False, SCALED),
]


@pytest.mark.parametrize(
    ("call", "fault", "outcome", "in_use", "sent"),
    [pytest.param(call, *rest, id=f"{call}: {name}") for call, name, *rest in FAULTS],
)
async def test_a_stop_that_goes_wrong_ends_there_with_an_outcome(
    scene: Scene, call: str, fault: Fault, outcome: Outcome, sent: list[str], *, in_use: bool
) -> None:
    scene.cloud.faults[call] = fault
    deed = await scene.carry_out(an_order())
    (intent,) = scene.intents()

    assert deed is not None
    assert (intent.outcome, deed.in_use, scene.cloud.sent) == (outcome, in_use, sent)
    assert intent.detail or outcome is APPLIED
    # What is in force of ours has to be known as such, or nobody would ever put it back.
    assert intent.is_standing or scene.cloud.now().min_replica_count == 1


@pytest.mark.parametrize(
    ("verb", "call", "fault", "outcome", "in_use"),
    [
        *(
            pytest.param(verb, call, Fault(error=error), FAILED, False, id=f"{call}: {error}")
            for verb, call in ((Verb.DELETE, "delete"), (Verb.UNDELETE, "undelete"))
            for error in REJECTED
        ),
        pytest.param(
            Verb.DELETE, "delete", Fault(error=InUse("in use")), REFUSED, True, id="in use"
        ),
        pytest.param(
            Verb.DELETE, "delete", Fault(error=NotFound("404")), APPLIED, False, id="gone already"
        ),
        pytest.param(
            Verb.DELETE, "delete", Fault(error=UNAVAILABLE), REFUSED, False, id="delete not taken"
        ),
        pytest.param(Verb.DELETE, "delete", lost(taken=False), FAILED, False, id="delete lost"),
        pytest.param(
            Verb.DELETE, "delete", lost(taken=True), APPLIED, False, id="delete lost, and done"
        ),
        pytest.param(
            Verb.UNDELETE, "undelete", Fault(error=NotFound("404")), REFUSED, False, id="purged"
        ),
        pytest.param(
            Verb.UNDELETE, "undelete", lost(taken=False), FAILED, False, id="undelete lost"
        ),
        pytest.param(
            Verb.UNDELETE, "undelete", lost(taken=True), APPLIED, False, id="undelete lost, done"
        ),
    ],
)
async def test_a_delete_or_its_undoing_that_goes_wrong_has_an_outcome_too(
    scene: Scene, verb: Verb, call: str, fault: Fault, outcome: Outcome, *, in_use: bool
) -> None:
    deletes = verb is Verb.DELETE
    scene.cloud.show(a_deployment() if deletes else GONE)
    scene.cloud.faults[call] = fault
    deed = await scene.carry_out(an_order(Effect(delete=deletes, undelete=not deletes), verb))

    assert deed is not None
    assert (deed.intent.outcome, deed.in_use) == (outcome, in_use)
    assert scene.cloud.sent == [verb.value.upper()]


@pytest.mark.parametrize(
    ("call", "fault", "sent", "later"),
    [
        pytest.param("set_bounds", lost(taken=False), PATCHED, EXPIRED, id="bounds: not taken"),
        pytest.param("set_bounds", lost(taken=True), PATCHED, FAILED, id="bounds: taken"),
        pytest.param("scale", lost(taken=False), SCALED, FAILED, id="scale: not taken"),
        pytest.param("scale", lost(taken=True), SCALED, APPLIED, id="scale: taken"),
        pytest.param("scale", Fault(error=InUse("in use")), SCALED, FAILED, id="scale: in use"),
    ],
)
async def test_where_nobody_can_read_what_became_of_a_call_it_stays_open_until_one_can(
    scene: Scene, call: str, fault: Fault, sent: list[str], later: Outcome
) -> None:
    scene.cloud.faults |= {call: fault, "get alone": UNREADABLE}
    if call == "set_bounds":
        scene.cloud.faults["read_back"] = UNREADABLE
    deed = await scene.carry_out(an_order())

    assert deed is None
    assert [one.outcome for one in scene.intents()] == [Outcome.PLANNED]
    assert scene.recorded == []
    scene.clock.jump(timedelta(seconds=15))
    (settled_one,) = await scene.settle()
    assert settled_one is not None
    assert settled_one.intent.outcome is later
    assert scene.cloud.sent == sent


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param({}, id="answered"),
        pytest.param({"set_bounds": lost(taken=True)}, id="the answer was lost"),
    ],
)
async def test_a_write_that_changed_more_ends_there_and_is_told(
    scene: Scene, faults: dict[str, Fault]
) -> None:
    scene.cloud.strays = ("acceleratorCount", "maxReplicaCount")
    scene.cloud.faults |= faults
    deed = await scene.carry_out(an_order())

    assert deed is not None
    assert (deed.intent.outcome, deed.strayed) == (FAILED, scene.cloud.strays)
    assert deed.intent.detail == "the write also changed acceleratorCount, maxReplicaCount"
    assert scene.recorded == [deed]
    assert scene.cloud.sent == PATCHED


async def test_what_strayed_after_a_lost_answer_is_not_made_up(scene: Scene) -> None:
    scene.cloud.faults |= {"set_bounds": lost(taken=True), "read_back": UNREADABLE}
    deed = await scene.carry_out(an_order())

    assert deed is not None
    assert (deed.intent.outcome, deed.strayed) == (FAILED, ())
    assert deed.intent.detail == "its bounds were set, its replicas were not asked for"


PATCH, SCALE, DELETE, UNDELETE = (
    Effect(min_replica_count=0),
    Effect(replica_count=0),
    Effect(delete=True),
    Effect(undelete=True),
)
STOPPED = after(STOP, a_deployment())


@pytest.mark.parametrize(
    ("effect", "found", "outcome"),
    [
        pytest.param(STOP, STOPPED, APPLIED, id="stop: all of it"),
        pytest.param(STOP, NO_FLOOR, FAILED, id="stop: bounds alone"),
        pytest.param(STOP, a_deployment(), EXPIRED, id="stop: nothing"),
        pytest.param(
            STOP, replace(STOPPED, min_replica_count=1), EXPIRED, id="stop: somebody set min since"
        ),
        pytest.param(STOP, None, EXPIRED, id="stop: gone"),
        pytest.param(STOP, replace(STOPPED, state="DELETING"), EXPIRED, id="stop: going"),
        pytest.param(SCALE, STOPPED, APPLIED, id="scale: done"),
        pytest.param(SCALE, a_deployment(), EXPIRED, id="scale: nothing"),
        pytest.param(PATCH, NO_FLOOR, APPLIED, id="bounds: set"),
        pytest.param(PATCH, a_deployment(), EXPIRED, id="bounds: not set"),
        pytest.param(DELETE, None, APPLIED, id="delete: gone"),
        pytest.param(DELETE, GONE, APPLIED, id="delete: deleted"),
        pytest.param(DELETE, replace(GONE, state="DELETING"), APPLIED, id="delete: going"),
        pytest.param(DELETE, a_deployment(), EXPIRED, id="delete: there"),
        pytest.param(UNDELETE, a_deployment(), APPLIED, id="undelete: there"),
        pytest.param(UNDELETE, GONE, EXPIRED, id="undelete: deleted still"),
        pytest.param(UNDELETE, None, EXPIRED, id="undelete: purged"),
    ],
)
def test_what_is_found_tells_what_was_done(
    effect: Effect, found: Deployment | None, outcome: Outcome
) -> None:
    examined = Examined(asked_at=NOW, answered_at=NOW, deployment=found)

    assert settled(effect, examined).outcome is outcome
