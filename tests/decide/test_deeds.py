"""What was done, and the questions that later decisions ask of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.decide.deeds import Deeds, Release
from firewarden.model.action import Effect, Intent, Outcome, Released
from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import Verb
from tests.support.acting import an_incident, an_intent
from tests.support.deciding import NOW, minutes

SECOND = timedelta(seconds=1)
PAIR = (an_intent().uid, PolicyName("idle"))
INCIDENT = an_incident(opened_at=an_intent().opened_at)


def failed(number: int, ago: timedelta, **changes: Any) -> Intent:
    plain = an_intent(action_id=number, outcome=Outcome.FAILED, finished_at=NOW - ago)
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("changes", "is_its_own"),
    [
        pytest.param({}, True, id="taken"),
        pytest.param({"outcome": Outcome.PLANNED, "finished_at": None}, True, id="nobody knows"),
        pytest.param({"outcome": Outcome.REFUSED}, False, id="refused"),
        pytest.param({"outcome": Outcome.EXPIRED}, False, id="never sent"),
        pytest.param({"outcome": Outcome.FAILED}, False, id="failed: it is tried again"),
        pytest.param({"policy": PolicyName("other")}, False, id="of another policy"),
        pytest.param({"opened_at": NOW}, False, id="of another story"),
        pytest.param({"opened_at": None}, False, id="of a person"),
        pytest.param({"uid": an_intent("exp-2").uid}, False, id="of another deployment"),
    ],
)
def test_the_call_of_an_incident_is_what_was_taken_or_may_have_been(
    changes: dict[str, Any], *, is_its_own: bool
) -> None:
    intent = an_intent(**changes)

    assert Deeds.of([intent]).call_of(INCIDENT) == (intent if is_its_own else None)


def test_of_two_calls_the_newest_counts() -> None:
    first, second = an_intent(), an_intent(action_id=2)

    assert Deeds.of([second, first]).call_of(INCIDENT) == second


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        pytest.param({}, True, id="bounds that were taken"),
        pytest.param({"outcome": Outcome.FAILED}, True, id="bounds that may have been"),
        pytest.param({"outcome": Outcome.PLANNED}, False, id="not settled yet"),
        pytest.param({"outcome": Outcome.REFUSED}, False, id="refused"),
        pytest.param({"effect": Effect(replica_count=0)}, False, id="no bounds were set"),
        pytest.param({"verb": Verb.RESTORE}, False, id="what puts back"),
        pytest.param({"released_at": NOW, "released": Released.HUMAN}, False, id="let go"),
    ],
)
def test_what_stands_is_bounds_of_ours_that_nobody_has_changed(
    changes: dict[str, Any], *, stands: bool
) -> None:
    intent = an_intent(**changes)

    assert Deeds.of([intent]).standing() == ((intent,) if stands else ())


def test_what_is_let_go_stands_no_longer_and_the_rest_does() -> None:
    deeds = Deeds.of([an_intent(), an_intent("exp-2", action_id=2)])
    over = deeds.without([Release(action_id=1, why=Released.GONE)], at=NOW)

    assert [one.action_id for one in over.standing()] == [2]
    assert over.intents[1].released_at == NOW
    assert deeds.without([Release(action_id=9, why=Released.GONE)], at=NOW) == deeds


@pytest.mark.parametrize(
    ("failures", "opens"),
    [
        pytest.param((minutes(0), minutes(5), minutes(10)), True, id="three within ten minutes"),
        pytest.param((minutes(0), minutes(5), minutes(10) + SECOND), False, id="not quite within"),
        pytest.param((minutes(0), minutes(5)), False, id="two"),
        pytest.param(
            (minutes(30) - SECOND, minutes(30), minutes(31)), True, id="until half an hour after"
        ),
        pytest.param((minutes(30), minutes(31), minutes(32)), False, id="half an hour after"),
        pytest.param(
            (minutes(-1), minutes(0), minutes(1)), False, id="a failure to come proves nothing"
        ),
        pytest.param(
            (minutes(1), minutes(29), minutes(32), minutes(33)), True, id="any three of them"
        ),
    ],
)
def test_three_failures_in_ten_minutes_open_the_breaker_for_thirty(
    failures: tuple[timedelta, ...], *, opens: bool
) -> None:
    deeds = Deeds.of(failed(number, ago) for number, ago in enumerate(failures, start=1))

    assert bool(deeds.breaker(now=NOW)) is opens


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.FAILED])
def test_only_failures_open_the_breaker(outcome: Outcome) -> None:
    deeds = Deeds.of(failed(number, minutes(1), outcome=outcome) for number in range(1, 9))

    assert deeds.breaker(now=NOW) == ""


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param({}, 3, id="stops"),
        pytest.param({"verb": Verb.HOLD_GROWTH}, 0, id="what stops nothing"),
        pytest.param({"outcome": Outcome.FAILED}, 0, id="what did not come about"),
        pytest.param({"planned_at": NOW - timedelta(days=1)}, 0, id="a day ago"),
        pytest.param({"uid": an_intent("exp-2").uid}, 0, id="of another"),
    ],
)
def test_rounds_are_stops_of_the_last_day(changes: dict[str, Any], count: int) -> None:
    deeds = Deeds.of(an_intent(action_id=number, **changes) for number in (1, 2, 3))

    assert deeds.rounds(an_intent().uid, now=NOW) == count


def test_what_a_person_undoes_at_once_was_undone_once() -> None:
    """Two changes of one policy stood, one hand moved the bounds back."""
    undone: dict[str, Any] = {"released": Released.HUMAN, "released_at": NOW}
    once = [an_intent(action_id=1, **undone), an_intent(action_id=2, **undone)]
    again = an_intent(action_id=3, **undone | {"released_at": NOW + minutes(9)})

    assert Deeds.of(once).reversals(PAIR) == 1
    assert Deeds.of([*once, again]).reversals(PAIR) == 2
    assert Deeds.of([*once, replace(again, policy=PolicyName("x"))]).reversals(PAIR) == 1


@pytest.mark.parametrize("why", [each for each in Released if each is not Released.HUMAN])
def test_only_people_reverse(why: Released) -> None:
    deeds = Deeds.of([an_intent(released=why, released_at=NOW)])

    assert deeds.reversals(PAIR) == 0


def test_an_owner_is_owed_since_the_newest_time_it_was_put_back_for_want_of_one() -> None:
    owed = {"released": Released.NEEDS_OWNER}
    deeds = Deeds.of(
        an_intent(action_id=number, released_at=NOW - minutes(ago), **owed)
        for number, ago in ((1, 9), (2, 1), (3, 5))
    )

    assert deeds.owed_since(PAIR) == NOW - minutes(1)
    assert Deeds().owed_since(PAIR) is None
    assert deeds.owed_since((PAIR[0], PolicyName("other"))) is None


@given(st.permutations([1, 2, 3, 4]))
def test_in_whatever_order_they_were_read_they_say_the_same(order: list[int]) -> None:
    intents = {
        1: an_intent(),
        2: failed(2, minutes(1)),
        3: an_intent(action_id=3, outcome=Outcome.PLANNED, finished_at=None),
        4: an_intent(action_id=4, verb=Verb.RESTORE),
    }
    deeds, sorted_ones = Deeds.of(intents[n] for n in order), Deeds.of(intents.values())

    assert deeds.standing() == sorted_ones.standing()
    assert deeds.unsettled() == sorted_ones.unsettled()
    assert deeds.call_of(INCIDENT) == sorted_ones.call_of(INCIDENT)
    assert deeds.put_back_since(intents[1]) == intents[4]
    assert deeds.put_back_since(intents[4]) is None
