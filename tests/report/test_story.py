"""The demo's scenes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from firewarden.model.action import Bounds, Effect, Intent, Outcome, Released
from firewarden.model.activity import Activity
from firewarden.model.ids import AccountId, PolicyName, Uid, make_uid
from firewarden.model.people import Override, OverrideKind
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.report.glimpse import Glimpse, Plot, Tone
from firewarden.report.scenes import scenes
from firewarden.report.story import LEGEND, Storyteller, told_view
from tests.report.views import HOSTILE, NOW, a_deployment, a_status

MINUTE = timedelta(minutes=1)
UID = make_uid("accounts/acme/deployments/exp-7", NOW - timedelta(days=3))
WARNED_AT = NOW - 10 * MINUTE
BUSY: dict[str, Any] = {
    "activity": Activity.ACTIVE,
    "quiet_since": None,
    "quiet_for": None,
    "idle_for": None,
}
ZERO: dict[str, Any] = {"activity": Activity.ZERO, "gpu_count": 0, "quiet_for": None}
STARTING: dict[str, Any] = ZERO | {"activity": Activity.STARTING}


def an_incident(**changes: Any) -> Incident:
    """One that was warned of ten minutes ago; a state that is closed is so since a minute."""
    values: dict[str, Any] = {
        "uid": UID,
        "policy": PolicyName("idle-to-zero"),
        "policy_hash": "c0ffee",
        "mode": Mode.ENFORCE,
        "verb": Verb.SCALE_TO_ZERO,
        "state": IncidentState.WAITING,
        "stage": 1,
        "opened_at": NOW - 11 * MINUTE,
        "entered_at": WARNED_AT,
        "warned_at": WARNED_AT,
        "acts_at": NOW + 10 * MINUTE,
        "reason": "idle 42m",
        "gpu_count": 2,
        "saves_micro_usd_per_hour": 16_000_000,
    }
    incident = Incident(**values | changes)
    return replace(incident, closed_at=NOW - MINUTE) if incident.state.is_closed else incident


def an_intent(**changes: Any) -> Intent:
    """A stop of half an hour ago."""
    values: dict[str, Any] = {
        "action_id": 1,
        "account": AccountId("acme"),
        "uid": UID,
        "verb": Verb.SCALE_TO_ZERO,
        "policy": PolicyName("idle-to-zero"),
        "policy_hash": "c0ffee",
        "mode": Mode.ENFORCE,
        "actor": "policy",
        "reason": "idle 42m",
        "effect": Effect(min_replica_count=0, replica_count=0),
        "before": Bounds(min_replica_count=1, max_replica_count=2, desired_replica_count=1),
        "planned_at": NOW - 30 * MINUTE,
        "finished_at": NOW - 30 * MINUTE,
        "epoch": 1,
        "outcome": Outcome.APPLIED,
    }
    return Intent(**values | changes)


def a_restore(**changes: Any) -> Intent:
    """The bounds from before that stop, put back a minute ago."""
    values: dict[str, Any] = {
        "action_id": 2,
        "verb": Verb.RESTORE,
        "reason": "a request has woken it",
        "effect": Effect(min_replica_count=1),
        "planned_at": NOW - 2 * MINUTE,
        "finished_at": NOW - MINUTE,
    }
    return an_intent(**values | changes)


def a_word(**changes: Any) -> Override:
    """A snooze of five minutes ago."""
    values: dict[str, Any] = {
        "account": AccountId("acme"),
        "kind": OverrideKind.SNOOZE,
        "override_id": 1,
        "uid": UID,
        "since": NOW - 5 * MINUTE,
        "until": NOW + 4 * 60 * MINUTE,
        "actor": "cli:ada@laptop",
        "reason": "a paper",
    }
    return Override(**values | changes)


def look(
    *ledger: Incident | Intent | Override,
    idle_usd: Mapping[Uid, Decimal] | None = None,
    **changes: Any,
) -> Glimpse:
    """Look at a fleet of one, *changes* of which are given, and at what the ledger holds."""
    return Glimpse(
        status=a_status(a_deployment(**changes)),
        incidents=tuple(each for each in ledger if isinstance(each, Incident)),
        intents=tuple(each for each in ledger if isinstance(each, Intent)),
        overrides=tuple(each for each in ledger if isinstance(each, Override)),
        idle_usd=idle_usd or {},
    )


@pytest.mark.parametrize(
    ("before", "after", "plots"),
    [
        pytest.param(None, look(), [Plot.WATCHED], id="the first look introduces the fleet"),
        pytest.param(look(), look(), [], id="nothing happened"),
        pytest.param(look(**BUSY), look(), [Plot.GOING_IDLE], id="going idle"),
        pytest.param(
            look(**BUSY),
            look(an_incident(acts_at=None, warned_at=None, state=IncidentState.WARNED)),
            [],
            id="idle, and taken up by a policy that has warned nobody yet",
        ),
        pytest.param(
            look(**BUSY), look(protected=True), [Plot.LEFT_ALONE], id="idle and protected"
        ),
        pytest.param(
            look(**BUSY), look(quiet_for=timedelta(minutes=9)), [], id="a short quiet is none"
        ),
        pytest.param(look(), look(**BUSY), [Plot.IN_USE_AGAIN], id="in use again"),
        pytest.param(
            look(an_incident()),
            look(an_incident(), **BUSY),
            [],
            id="in use again, which the policy's own story will tell",
        ),
        pytest.param(
            look(**BUSY | {"gpu_count": 0}),
            look(**BUSY | {"gpu_count": 2}),
            [Plot.SERVING],
            id="serving",
        ),
        pytest.param(look(**ZERO), look(**STARTING), [Plot.STARTING], id="starting"),
        pytest.param(look(), look(**ZERO), [Plot.AT_ZERO], id="at zero by itself"),
        pytest.param(
            look(an_intent()), look(an_intent(), **ZERO), [], id="at zero by what was done"
        ),
        pytest.param(
            look(an_intent(outcome=Outcome.PLANNED, finished_at=None)),
            look(an_intent(outcome=Outcome.PLANNED, finished_at=None), **ZERO),
            [],
            id="at zero by what is under way",
        ),
        pytest.param(look(), look(an_incident()), [Plot.WARNED], id="warned of"),
        pytest.param(look(an_incident()), look(an_incident()), [], id="warned of before"),
        pytest.param(
            look(an_incident()),
            look(an_incident(warned_at=NOW - MINUTE)),
            [Plot.WARNED],
            id="warned of again",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.DONE)),
            [Plot.STOPPED],
            id="stopped",
        ),
        pytest.param(
            look(),
            look(an_incident(state=IncidentState.DONE)),
            [Plot.WARNED, Plot.STOPPED],
            id="warned of and stopped between two looks",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.ACTING, held_by=Blocker.LIMITS)),
            [Plot.HELD],
            id="due, and held back",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(held_by=Blocker.DATA_MISSING)),
            [],
            id="held, and not due yet",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.FAILED, closed_because="the key may not")),
            [Plot.NOT_STOPPED],
            id="failed",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.CANCELLED, closed_because="it is in use again")),
            [Plot.CANCELLED],
            id="called off",
        ),
        pytest.param(
            look(an_incident(warned_at=None)),
            look(an_incident(warned_at=None, state=IncidentState.CANCELLED)),
            [],
            id="called off before anybody was warned",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.CANCELLED), a_word()),
            [Plot.KEPT],
            id="kept by a person, which calls it off",
        ),
        pytest.param(
            look(a_word()),
            look(a_word(), an_incident(state=IncidentState.DONE, uid=make_uid("a/b", NOW))),
            [Plot.WARNED, Plot.STOPPED],
            id="a word about one deployment is about no other",
        ),
        pytest.param(
            look(an_intent(), **ZERO),
            look(an_intent(), a_restore(), **ZERO),
            [Plot.PUT_BACK],
            id="put back",
        ),
        pytest.param(
            look(an_intent(), **ZERO),
            look(an_intent(), a_restore(outcome=Outcome.FAILED), **ZERO),
            [],
            id="what could not be put back was not",
        ),
        pytest.param(
            look(an_intent()),
            look(an_intent(released=Released.HUMAN, released_at=NOW)),
            [Plot.OVERRULED],
            id="changed by a person after us",
        ),
        pytest.param(look(), Glimpse(status=a_status()), [Plot.WENT], id="a deployment that left"),
        pytest.param(Glimpse(status=a_status()), look(), [Plot.CAME], id="a deployment that came"),
        pytest.param(
            look(),
            Glimpse(status=replace(look().status, complete=False, problem="HTTP 503")),
            [Plot.BLIND],
            id="blind",
        ),
    ],
)
def test_what_is_told(before: Glimpse | None, after: Glimpse, plots: list[Plot]) -> None:
    assert [scene.plot for scene in scenes(before, after)] == plots


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        pytest.param(
            look(),
            look(an_incident()),
            "people are warned of exp-7: idle 42m, 16.00 USD/h; stopped at 14:10 UTC unless it is "
            "called or kept",
            id="a warning says what happens when",
        ),
        pytest.param(
            look(),
            look(an_incident(verb=Verb.DELETE, reason="at zero 1h", saves_micro_usd_per_hour=0)),
            "people are warned of exp-7: at zero 1h; deleted at 14:10 UTC unless it is called or "
            "kept",
            id="a delete saves nothing now",
        ),
        pytest.param(
            look(),
            look(an_incident(acts_at=NOW + timedelta(days=1))),
            "people are warned of exp-7: idle 42m, 16.00 USD/h; stopped at 2026-11-23 14:00 UTC "
            "unless it is called or kept",
            id="what is a day away has a date",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.DONE), idle_usd={UID: Decimal("12.5")}),
            "exp-7 is stopped: idle 42m, 12.50 USD spent idle so far; saves 16.00 USD/h",
            id="a stop is told with the cost so far",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.DONE, saves_micro_usd_per_hour=None)),
            "exp-7 is stopped: idle 42m; unpriced",
            id="what has no price is never free",
        ),
        pytest.param(
            look(an_incident(verb=Verb.DELETE), **STARTING),
            look(an_incident(verb=Verb.DELETE, state=IncidentState.CANCELLED), **STARTING),
            "exp-7 is not deleted, it was called after the warning",
            id="traffic calls a delete off",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(state=IncidentState.CANCELLED, closed_because="its policy is gone")),
            "exp-7 is not stopped, its policy is gone",
            id="anything else that calls it off is told as it is",
        ),
        pytest.param(
            look(an_incident()),
            look(an_incident(), a_word()),
            "exp-7 is kept: ada@laptop snoozes it until 18:00 UTC (a paper), and the stop is "
            "called off",
            id="kept in its grace",
        ),
        pytest.param(
            look(),
            look(a_word(kind=OverrideKind.PROTECT, until=None, reason="")),
            "exp-7 is kept: ada@laptop protects it",
            id="kept for good, and of nothing",
        ),
        pytest.param(
            look(an_intent()),
            look(an_intent(), a_restore()),
            "exp-7 has its old bounds again, min 1, max 2: a request has woken it 28m after it was "
            "stopped",
            id="put back",
        ),
        pytest.param(
            look(an_intent()),
            look(an_intent(released=Released.HUMAN), min_replica_count=3, max_replica_count=4),
            "exp-7 is left as it is: somebody set min 3, max 4 after it was stopped",
            id="what a person set is left",
        ),
    ],
)
def test_a_scene_says_what_and_why(before: Glimpse, after: Glimpse, text: str) -> None:
    (scene,) = scenes(before, after)

    assert scene.text == text


def test_scenes_of_one_look_are_in_the_order_they_came_about() -> None:
    after = look(
        a_restore(finished_at=NOW - 2 * MINUTE),
        an_incident(entered_at=NOW - 9 * MINUTE),
        a_word(since=NOW - 5 * MINUTE),
    )

    found = scenes(look(), after)

    assert [scene.plot for scene in found] == [Plot.WARNED, Plot.KEPT, Plot.PUT_BACK]
    assert [scene.at for scene in found] == sorted(scene.at for scene in found)


def test_each_kind_of_scene_is_told_once_a_deployment_and_numbered() -> None:
    teller = Storyteller(verbose=False)
    looks = [look(**BUSY), look(), look(**BUSY), look(), look(**BUSY)]

    told = [line.number for each in looks for line in teller.look(each)]

    assert told == [1, 2, 3]
    loud = Storyteller(verbose=True)
    assert len([line for each in looks for line in loud.look(each)]) == 5


def test_every_warning_is_told_and_all_that_is_done() -> None:
    teller = Storyteller(verbose=False)
    again = {"opened_at": NOW - MINUTE, "warned_at": NOW}
    looks = [
        look(),
        look(an_incident(state=IncidentState.DONE)),
        look(an_incident(state=IncidentState.DONE), an_incident(**again)),
    ]

    tones = [told.tone for each in looks for told in teller.look(each)]

    assert tones == [Tone.PLAIN, Tone.WARNED, Tone.CHANGED, Tone.WARNED]


def test_nothing_is_told_before_the_first_poll() -> None:
    assert list(Storyteller(verbose=True).look(Glimpse(status=a_status(observed_at=None)))) == []


def test_many_of_one_kind_at_once_are_one_line() -> None:
    teller = Storyteller(verbose=False)
    names = [f"d{each}" for each in range(9)]
    busy = [a_deployment(deployment_id=name, **BUSY) for name in names]
    quiet = [a_deployment(deployment_id=name) for name in names]
    list(teller.look(Glimpse(status=a_status(*busy))))

    (line,) = teller.look(Glimpse(status=a_status(*quiet)))

    assert line.text == "going idle: 9 deployments at once: d0, d1, d2 and 6 more"


def test_every_kind_that_is_marked_is_marked_by_a_sign_before_any_colour() -> None:
    teller = Storyteller(verbose=False)
    list(teller.look(look()))
    (warned,) = teller.look(look(an_incident()))
    (stopped,) = teller.look(look(an_incident(state=IncidentState.DONE)))

    assert told_view(warned).plain.startswith("  2. 13:50 UTC ▲ people are warned")
    assert told_view(stopped).plain.startswith("  3. 13:59 UTC ■ exp-7 is stopped")
    signs = {tone.value for tone in Tone if tone is not Tone.PLAIN}
    assert all(sign in LEGEND for sign in signs)
    assert len(signs) == 3


def test_a_hostile_reason_cannot_move_the_cursor() -> None:
    teller = Storyteller(verbose=False)
    list(teller.look(look()))

    (line,) = teller.look(look(a_word(reason=HOSTILE)))

    assert "\x1b" not in line.text
    assert "\n" not in line.text
