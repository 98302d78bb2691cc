"""No window, wherever it is laid, holds more attempts than the limits allow."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.decide.deeds import Deeds
from firewarden.decide.docket import Docket
from firewarden.decide.limits import Passed, let_through
from firewarden.decide.situation import Situation
from firewarden.model.action import Outcome
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Mode, Verb
from firewarden.policy.limits import Limits, OnExceed
from firewarden.policy.rules import Policy
from tests.support.acting import an_incident, an_intent
from tests.support.deciding import (
    IDLE,
    NOW,
    Looks,
    a_deployment,
    a_fleet,
    a_situation,
    minutes,
    policies,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
(PLAIN,) = policies(IDLE).policies
FREE = Limits(per_cycle=99, per_hour=99, share_per_hour=Decimal(1))
FLEET = 20


def a_policy(limits: Limits, name: str = "idle", **changes: Any) -> Policy:
    return replace(PLAIN, name=PolicyName(name), limits=limits, **changes)


def a_fleet_of(size: int, *, now: datetime = NOW, **changes: Any) -> Situation:
    fleet = a_fleet([a_deployment(f"exp-{n}") for n in range(size)], answered_at=now)
    return a_situation(looks=Looks(), now=now, fleet=fleet, **changes)


def due(count: int, *, policy: str = "idle", mode: Mode = Mode.ENFORCE) -> list[Incident]:
    return [an_incident(f"exp-{n}", policy=PolicyName(policy), mode=mode) for n in range(count)]


def called(*ago: timedelta, policy: str = "idle", **changes: Any) -> Deeds:
    return Deeds.of(
        replace(
            an_intent(action_id=number, policy=PolicyName(policy)),
            **({"planned_at": NOW - one, "finished_at": NOW - one} | changes),
        )
        for number, one in enumerate(ago, start=1)
    )


def rehearsed(*ago: timedelta, policy: str = "idle") -> Docket:
    return Docket(rehearsals={PolicyName(policy): tuple(NOW - one for one in ago)})


def passed(
    incidents: Sequence[Incident],
    *those: Policy,
    docket: Docket | None = None,
    situation: Situation | None = None,
) -> Passed:
    named = {policy.name: policy for policy in those}
    return let_through(incidents, named, docket or Docket(), situation or a_fleet_of(FLEET))


def reasons(found: Passed) -> set[str]:
    return {why for _, why in found.wait}


@pytest.mark.parametrize(
    ("limits", "before", "goes", "because"),
    [
        pytest.param(FREE, (), 9, set(), id="within all limits"),
        pytest.param(replace(FREE, per_cycle=3), (), 3, {"limit of 3 a cycle"}, id="a cycle"),
        pytest.param(
            replace(FREE, per_cycle=3),
            (timedelta(0),),
            2,
            {"limit of 3 a cycle"},
            id="what was called since the listing belongs to its cycle",
        ),
        pytest.param(
            replace(FREE, per_cycle=9), (minutes(1),), 9, set(), id="what was called before not"
        ),
        pytest.param(
            replace(FREE, per_hour=4), (minutes(1),) * 3, 1, {"limit of 4 an hour"}, id="an hour"
        ),
        pytest.param(
            replace(FREE, per_hour=4),
            (HOUR, HOUR - minutes(1)),
            3,
            {"limit of 4 an hour"},
            id="exactly an hour ago is not within it",
        ),
        pytest.param(
            replace(FREE, per_day=5), (HOUR * 20,) * 3, 2, {"limit of 5 a day"}, id="a day"
        ),
        pytest.param(
            replace(FREE, per_day=5),
            (DAY, DAY - minutes(1)),
            4,
            {"limit of 5 a day"},
            id="exactly a day ago is not within it",
        ),
        pytest.param(replace(FREE, per_day=5), (DAY,) * 9, 5, {"limit of 5 a day"}, id="a new day"),
        pytest.param(
            replace(FREE, share_per_hour=Decimal("0.29")),
            (minutes(9),),
            4,
            {"limit of 29% of the fleet an hour (5 of 20)"},
            id="a share rounds down",
        ),
        pytest.param(
            replace(FREE, share_per_hour=Decimal("0.01")),
            (),
            1,
            {"limit of 1% of the fleet an hour (1 of 20)"},
            id="and never below one",
        ),
        pytest.param(
            replace(FREE, per_cycle=8, on_exceed=OnExceed.HOLD),
            (),
            0,
            {"limit of 8 a cycle"},
            id="hold: one too many and none goes",
        ),
        pytest.param(
            replace(FREE, per_cycle=9, on_exceed=OnExceed.HOLD), (), 9, set(), id="hold: all go"
        ),
        pytest.param(
            replace(FREE, per_day=9, on_exceed=OnExceed.HOLD),
            (HOUR * 23,),
            0,
            {"limit of 9 a day"},
            id="hold: none goes by what was called earlier either",
        ),
    ],
)
@pytest.mark.parametrize("is_real", [True, False], ids=["calls", "rehearsals"])
def test_of_nine_that_are_due_as_many_go_as_each_limit_lets(
    limits: Limits,
    before: tuple[timedelta, ...],
    goes: int,
    because: set[str],
    *,
    is_real: bool,
) -> None:
    deeds = called(*before) if is_real else Deeds()
    docket = Docket() if is_real else rehearsed(*before)
    incidents = due(9, mode=Mode.ENFORCE if is_real else Mode.OBSERVE)
    found = passed(
        incidents, a_policy(limits), docket=docket, situation=a_fleet_of(FLEET, deeds=deeds)
    )

    assert (len(found.go), reasons(found)) == (goes, because)
    assert len(found.go) + len(found.wait) == 9


def test_calls_and_rehearsals_take_no_room_from_each_other() -> None:
    limits = replace(FREE, per_hour=2)
    situation = a_fleet_of(FLEET, deeds=called(minutes(1), minutes(2)))

    would = passed(due(2, mode=Mode.WARN), a_policy(limits), situation=situation)
    will = passed(due(2), a_policy(limits), docket=rehearsed(minutes(1), minutes(2)))

    assert (len(would.go), len(will.go)) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        pytest.param({"outcome": Outcome.APPLIED}, True, id="applied"),
        pytest.param({"outcome": Outcome.FAILED}, True, id="failed"),
        pytest.param({"outcome": Outcome.PLANNED, "finished_at": None}, True, id="not known yet"),
        pytest.param({"outcome": Outcome.REFUSED}, False, id="a refusal is no attempt"),
        pytest.param({"outcome": Outcome.EXPIRED}, True, id="found unchanged later"),
        pytest.param({"verb": Verb.RESTORE}, False, id="put back"),
        pytest.param({"actor": "cli:me@here"}, False, id="asked for by a person"),
    ],
)
def test_what_counts_is_what_may_have_been_sent_by_a_policy(
    changes: dict[str, Any], *, counts: bool
) -> None:
    situation = a_fleet_of(FLEET, deeds=called(minutes(9), **changes))
    found = passed(due(1), a_policy(replace(FREE, per_hour=1)), situation=situation)

    assert len(found.wait) == counts


def test_a_call_leaves_the_window_an_hour_after_it_can_last_have_been_sent() -> None:
    slow = an_intent(planned_at=NOW - HOUR, finished_at=NOW - HOUR + minutes(1))
    situation = a_fleet_of(FLEET, deeds=Deeds.of([slow]))
    found = passed(due(1), a_policy(replace(FREE, per_hour=1)), situation=situation)

    assert reasons(found) == {"limit of 1 an hour"}


def test_all_together_do_no_more_than_the_most_generous_alone_not_even_in_a_day() -> None:
    tight, wide = a_policy(replace(FREE, per_day=1), "a"), a_policy(replace(FREE, per_day=2), "b")
    situation = a_fleet_of(FLEET, deeds=called(HOUR * 9, policy="c"))
    found = passed([*due(1, policy="a"), *due(2, policy="b")], tight, wide, situation=situation)

    assert len(found.go) == 1
    assert reasons(found) == {"all policies together: limit of 2 a day"}


def test_where_one_policy_has_no_limit_a_day_all_together_have_none() -> None:
    daily, free = a_policy(replace(FREE, per_day=1), "a"), a_policy(FREE, "b")
    found = passed([*due(1, policy="a"), *due(9, policy="b")], daily, free)

    assert len(found.go) == 10


def test_a_disabled_policy_makes_the_whole_no_more_generous() -> None:
    off = a_policy(FREE, "off", mode=Mode.DISABLED)
    situation = a_fleet_of(FLEET, deeds=called(minutes(1), policy="gone"))
    found = passed(due(1), a_policy(replace(FREE, per_hour=1)), off, situation=situation)

    assert reasons(found) == {"all policies together: limit of 1 an hour"}


def test_what_holds_all_of_its_own_is_not_let_through_in_part_by_the_whole() -> None:
    held = a_policy(replace(FREE, per_hour=3, on_exceed=OnExceed.HOLD), "held")
    other = a_policy(replace(FREE, per_hour=2), "other")
    situation = a_fleet_of(FLEET, deeds=called(minutes(1), policy="other"))
    found = passed(due(3, policy="held"), held, other, situation=situation)

    assert found.go == ()


def test_the_longest_due_go_first() -> None:
    old = an_incident("exp-9", acts_at=NOW - minutes(5))
    found = passed([*due(3), old], a_policy(replace(FREE, per_cycle=1)))

    assert found.go == (old,)


limits = st.builds(
    Limits,
    per_cycle=st.integers(1, 4),
    per_hour=st.integers(1, 5),
    per_day=st.none() | st.integers(1, 6),
    share_per_hour=st.sampled_from([Decimal("0.05"), Decimal("0.2"), Decimal(1)]),
    on_exceed=st.sampled_from(OnExceed),
)
NAMES = ("a", "b")
cycles = st.lists(
    st.tuples(
        st.integers(1, 10 * 60),
        st.lists(st.sampled_from(NAMES), max_size=6),
        st.sampled_from([Outcome.APPLIED, Outcome.FAILED, Outcome.PLANNED, Outcome.REFUSED]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60)
@given(limits=st.tuples(limits, limits), cycles=cycles, is_real=st.booleans())
def test_over_any_history_no_rolling_window_holds_more_than_the_limits(
    limits: tuple[Limits, Limits],
    cycles: list[tuple[int, list[str], Outcome]],
    *,
    is_real: bool,
) -> None:
    those = {one.name: one for one in (a_policy(*each) for each in zip(limits, NAMES, strict=True))}
    now, deeds, docket = NOW, Deeds(), Docket()
    sent: list[tuple[str, datetime]] = []
    for pause, wanted, outcome in cycles:
        now += minutes(pause)
        mode = Mode.ENFORCE if is_real else Mode.OBSERVE
        incidents = [
            an_incident(f"exp-{n}", policy=PolicyName(name), mode=mode, acts_at=now, opened_at=now)
            for n, name in enumerate(wanted)
        ]
        situation = a_fleet_of(FLEET, now=now, deeds=deeds)
        go = let_through(incidents, those, docket, situation).go
        _check_held(wanted, go, those)
        if is_real:
            for one in go:
                deeds = deeds.with_one(_call(len(deeds.intents) + 1, one, now, outcome))
        else:
            docket = docket.after([_rehearsal(one, now) for one in go])
        if outcome is not Outcome.REFUSED or not is_real:
            sent += [(one.policy, now) for one in go]
    for name, policy in those.items():
        _check_windows(policy.limits, [at for policy_name, at in sent if policy_name == name])
    _check_windows(_most_generous(limits), [at for _, at in sent])


def _call(number: int, incident: Incident, at: datetime, outcome: Outcome) -> Any:
    finished = None if outcome is Outcome.PLANNED else at
    return an_intent(
        action_id=number,
        uid=incident.uid,
        policy=incident.policy,
        planned_at=at,
        finished_at=finished,
        outcome=outcome,
    )


def _rehearsal(incident: Incident, at: datetime) -> Incident:
    return replace(incident, state=IncidentState.DONE, closed_at=at, closed_because="done")


def _check_held(wanted: list[str], go: Iterable[Incident], those: dict[PolicyName, Policy]) -> None:
    went = Counter(str(one.policy) for one in go)
    for name, policy in those.items():
        if policy.limits.on_exceed is OnExceed.HOLD:
            assert went[name] in {0, wanted.count(name)}


def _most_generous(limits: Iterable[Limits]) -> Limits:
    of_all = list(limits)
    days = [one.per_day for one in of_all]
    known = [day for day in days if day is not None]
    return Limits(
        per_cycle=max(one.per_cycle for one in of_all),
        per_hour=max(one.per_hour for one in of_all),
        per_day=None if None in days else max(known),
        share_per_hour=max(one.share_per_hour or Decimal(1) for one in of_all),
    )


def _check_windows(limits: Limits, sent: list[datetime]) -> None:
    share = max(1, int(FLEET * (limits.share_per_hour or 1)))
    for end in sent:
        assert sent.count(end) <= limits.per_cycle
        assert sum(end - HOUR < at <= end for at in sent) <= min(limits.per_hour, share)
        if limits.per_day is not None:
            assert sum(end - DAY < at <= end for at in sent) <= limits.per_day
