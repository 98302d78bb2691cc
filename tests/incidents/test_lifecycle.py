"""What went wrong with lifecycles in other tools, beside tests/decide/test_incident_rows.py."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firewarden.decide.docket import Docket
from firewarden.decide.incidents import Steps, step
from firewarden.decide.judge import judge
from firewarden.decide.situation import Situation
from firewarden.model.verdict import IncidentState, Truth
from firewarden.model.vocabulary import Mode
from firewarden.policy.checking import check
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet
from tests.support.deciding import (
    IDLE,
    NOW,
    Looks,
    Since,
    a_deployment,
    a_situation,
    active,
    at_zero,
    later,
    policies,
)

DAY = timedelta(days=1)
IN_DEV = {"env": "dev"}
TIDY = """
version: 1
notify: {ops: {slack: gpu-ops}}
policies:
  tidy:
    match: {all: true}
    when: {at_zero_for: 4d}
    stages: [{warn: {to: ops}}, {wait: 2d}, delete]
"""


def asleep(since: timedelta) -> Situation:
    return a_situation(at_zero(tags=IN_DEV), ages=Since(zero=NOW - since))


def cycle(situation: Situation, docket: Docket, rules: PolicySet) -> Steps:
    return step(situation, judge(situation, rules), docket, rules)


def test_incident_A13_woken_a_day_before_its_delete_it_has_its_whole_time_again() -> None:
    rules = policies(TIDY)
    warned = cycle(asleep(4 * DAY), Docket(braked=False), rules).docket
    assert warned.opened

    woken = a_situation(a_deployment("exp-0", tags=IN_DEV), looks=Looks(default=active()))
    (ended,) = cycle(later(woken, DAY), warned, rules).changed
    asleep_again = replace(asleep(timedelta(0)), ages=Since(zero=NOW + DAY))
    due = {
        days: [each.truth for each in judge(later(asleep_again, days * DAY), rules)]
        for days in (2, 4, 5)
    }

    assert ended.state is IncidentState.CANCELLED
    assert due == {2: [], 4: [], 5: [Truth.TRUE]}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("mode: 0", "text is expected", id="a mode of 0"),
        pytest.param("mode: off", "`off` is no mode", id="a mode of off"),
        pytest.param("mode: null", "empty: nothing is written behind it", id="a mode of null"),
        pytest.param("when: {idle_for: 0m}", "a duration of 0 has no meaning", id="a time of 0"),
        pytest.param("when: {idle_for: off}", "not a duration", id="a time of off"),
        pytest.param("when: {idle_for: null}", "empty: nothing is written", id="a time of null"),
        pytest.param("limits: {per_hour: 0}", "must be at least 1", id="a limit of 0"),
        pytest.param("limits: {per_hour: off}", "a whole number is expected", id="a limit of off"),
        pytest.param("limits: {per_hour: null}", "empty: nothing is written", id="a limit of null"),
    ],
)
def test_incident_A24_zero_off_and_null_are_no_other_words_for_absent(
    text: str, answer: str
) -> None:
    key = text.partition(":")[0]
    kept = [line for line in IDLE.splitlines() if not line.startswith(f"    {key}:")]

    problems = [str(each) for each in check({"p.yaml": "\n".join([*kept, f"    {text}", ""])})]

    assert [answer in each for each in problems] == [True]


def test_incident_A24_absent_is_what_is_documented() -> None:
    (policy,) = policies().policies

    assert (policy.mode, policy.limits.per_cycle) == (Mode.OBSERVE, 3)


def test_incident_A28_no_rung_of_a_budget_deletes() -> None:
    text = """
version: 1
budgets:
  day:
    scope: {team: research}
    limit: {usd: 1000, per: day}
    thresholds: [{at: 100%, do: DO}]
"""
    load({"p.yaml": text.replace("DO", "page")})
    (problem,) = [
        each for each in check({"p.yaml": text.replace("DO", "delete")}) if each.severity == "error"
    ]

    assert "delete" in str(problem)


def test_incident_A31_what_a_probe_keeps_busy_is_told_of_by_its_age_and_not_stopped() -> None:
    old = policies(
        "version: 1\npolicies:\n  old:\n    match: {all: true}\n"
        "    when: {older_than: 14d}\n    stages: [warn]\n"
    )
    probed = a_situation(a_deployment(created_at=NOW - 14 * DAY), looks=Looks(default=active()))
    steps = cycle(probed, Docket(braked=False), old)

    assert [each.kind for each in steps.notices] == ["deployment.stale"]
    assert not judge(probed, policies())
