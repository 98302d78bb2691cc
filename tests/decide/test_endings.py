"""What was set for a time ends with it: with the hours of a policy, with a budget's window."""

from datetime import UTC, datetime, timedelta

import pytest

from firewarden.decide.endings import of_old_windows, out_of_hours
from firewarden.model.action import Intent
from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import Mode, PutBack, Verb
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet
from tests.support.acting import an_intent

STOPPED_AT = datetime(2026, 11, 23, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)

HOURS = """\
version: 1
schedules: {nights: {days: mon-sun, from: "20:00", to: "07:00"}}
policies:
  off:
    mode: MODE
    match: {name: "exp-*"}
    during: nights
    stages: [{warn: {before: 30m}}, scale_to_zero, {restore: at_end, lead: 20m}]
"""
BUDGET = """\
version: 1
budgets:
  day:
    scope: {all: true}
    limit: {usd: 100, per: day}
    thresholds: [{at: 50%, do: info}, {at: 100%, do: park, mode: enforce}]
    RESTORE
"""
NOTHING = load({"p.yaml": "version: 1\npolicies: {}\n"})


def hours(mode: str = "enforce") -> PolicySet:
    return load({"p.yaml": HOURS.replace("MODE", mode)})


def budget(restore: str) -> PolicySet:
    return load({"p.yaml": BUDGET.replace("RESTORE", restore)})


def by_schedule(put_back: PutBack = PutBack.AT_END) -> Intent:
    return an_intent(policy=PolicyName("off"), planned_at=STOPPED_AT, put_back=put_back)


def by_budget(put_back: PutBack = PutBack.AT_WINDOW_START) -> Intent:
    return an_intent(
        policy=PolicyName("day/park"), verb=Verb.PARK, planned_at=STOPPED_AT, put_back=put_back
    )


@pytest.mark.parametrize(
    ("policies", "after", "ends"),
    [
        pytest.param(hours(), HOUR, False, id="its hours go on"),
        pytest.param(hours(), 8.6 * HOUR, False, id="not yet so near to their end"),
        pytest.param(hours(), 8.7 * HOUR, True, id="as near to their end as it takes to be ready"),
        pytest.param(hours(), 12 * HOUR, True, id="by day"),
        pytest.param(hours("observe"), HOUR, False, id="it acts no longer, and its hours go on"),
        pytest.param(hours("disabled"), HOUR, True, id="it is disabled"),
        pytest.param(NOTHING, HOUR, True, id="it is gone"),
    ],
)
def test_what_a_schedule_set_ends_with_its_hours(
    policies: PolicySet, after: timedelta, *, ends: bool
) -> None:
    intents = [by_schedule(), by_schedule(PutBack.ON_WAKE)]

    assert list(out_of_hours(intents, policies, now=STOPPED_AT + after)) == intents[: int(ends)]


@pytest.mark.parametrize(
    ("policies", "after", "expected"),
    [
        pytest.param(budget("restore: {at: window_start}"), HOUR, None, id="the same window"),
        pytest.param(
            budget("restore: {at: window_start}"), 2 * HOUR, Mode.ENFORCE, id="the next one"
        ),
        pytest.param(
            budget("restore: {at: window_start, mode: approve}"),
            2 * HOUR,
            Mode.APPROVE,
            id="the next one, once a person says so",
        ),
        pytest.param(budget(""), 2 * HOUR, None, id="it says no longer that it puts back"),
        pytest.param(NOTHING, HOUR, Mode.APPROVE, id="it is gone, so a person has to"),
    ],
)
def test_what_a_budget_set_ends_with_its_window(
    policies: PolicySet, after: timedelta, expected: Mode | None
) -> None:
    intents = [by_budget(), by_budget(PutBack.NEVER)]
    found = {
        mode: list(of_old_windows(intents, policies, mode, now=STOPPED_AT + after))
        for mode in (Mode.APPROVE, Mode.ENFORCE)
    }

    assert found == {mode: intents[: int(mode is expected)] for mode in found}
