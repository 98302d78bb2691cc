"""The views of what was done, of what is in motion and of what people ask."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from firewarden.model.action import Bounds, Effect, Intent, Outcome
from firewarden.model.ids import AccountId, PolicyName, make_uid
from firewarden.model.people import Request, RequestOutcome, RequestVerb
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Severity, Verb
from firewarden.report.audit import (
    Actions,
    Alerts,
    FiringAlert,
    Heading,
    Incidents,
    actions_json,
    actions_view,
    alerts_json,
    alerts_view,
    incidents_json,
    incidents_view,
)
from firewarden.report.people import Restoration, outcome_line, restorations_view
from tests.report.views import HOSTILE, NOW
from tests.support.deciding import a_deployment

MINUTE = timedelta(minutes=1)
UID = make_uid("accounts/acme/deployments/exp-7", NOW - timedelta(days=3))
HEADING = Heading(account="acme", timezone="Europe/Berlin", now=NOW)
BEFORE = Bounds(min_replica_count=1, max_replica_count=2, desired_replica_count=1)


def an_action(**changes: Any) -> Intent:
    values: dict[str, Any] = {
        "action_id": 17,
        "account": AccountId("acme"),
        "uid": UID,
        "verb": Verb.SCALE_TO_ZERO,
        "policy": PolicyName("idle-to-zero"),
        "policy_hash": "c0ffee",
        "mode": Mode.ENFORCE,
        "actor": "policy",
        "reason": "idle 52m",
        "effect": Effect(min_replica_count=0, replica_count=0),
        "before": BEFORE,
        "planned_at": NOW - 52 * MINUTE,
        "epoch": 3,
        "evidence": {"state": "READY"},
        "outcome": Outcome.APPLIED,
        "finished_at": NOW - 51 * MINUTE,
        "detail": "read back",
    }
    return Intent(**values | changes)


def an_incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "uid": UID,
        "policy": PolicyName("idle-to-zero"),
        "policy_hash": "c0ffee",
        "mode": Mode.ENFORCE,
        "verb": Verb.SCALE_TO_ZERO,
        "state": IncidentState.WAITING,
        "stage": 1,
        "opened_at": NOW - 10 * MINUTE,
        "entered_at": NOW - 10 * MINUTE,
        "reason": "idle 52m",
        "acts_at": NOW + 5 * MINUTE,
    }
    return Incident(**values | changes)


def an_alert(**changes: Any) -> FiringAlert:
    values: dict[str, Any] = {
        "alert_id": 4,
        "kind": "idle.warn",
        "key": "idle.warn:exp-7",
        "severity": Severity.WARN,
        "uid": UID,
        "text": "exp-7: idle 52m",
        "first_at": NOW - 10 * MINUTE,
        "last_at": NOW - MINUTE,
        "delivered_at": None,
    }
    return FiringAlert(**values | changes)


def a_request(**changes: Any) -> Request:
    values: dict[str, Any] = {
        "account": AccountId("acme"),
        "request_id": 5,
        "verb": RequestVerb.RESTORE,
        "uid": UID,
        "actor": "cli:ada@desk",
        "asked_at": NOW,
        "expires_at": NOW + 10 * MINUTE,
    }
    return Request(**values | changes)


def shown(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, markup=False)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_actions_have_their_stable_keys() -> None:
    assert actions_json(Actions(heading=HEADING, actions=(an_action(),), next=17)) == {
        "actions": [
            {
                "action_id": 17,
                "deployment_id": "exp-7",
                "verb": "scale_to_zero",
                "policy": "idle-to-zero",
                "mode": "enforce",
                "outcome": "applied",
                "reason": "idle 52m",
                "evidence": {"state": "READY"},
                "planned_at": "2026-11-22T13:08:00Z",
                "finished_at": "2026-11-22T13:09:00Z",
                "actor": "policy",
            }
        ],
        "next": 17,
    }


def test_what_a_person_asked_for_has_no_policy_and_what_is_open_no_end() -> None:
    asked = an_action(policy=PolicyName(""), finished_at=None, outcome=Outcome.PLANNED)
    (action,) = actions_json(Actions(heading=HEADING, actions=(asked,)))["actions"]

    assert (action["policy"], action["finished_at"]) == (None, None)


def test_incidents_have_their_stable_keys() -> None:
    held = an_incident(held_by=Blocker.APPROVAL, acts_at=None)
    assert incidents_json(Incidents(heading=HEADING, incidents=(an_incident(), held))) == {
        "incidents": [
            {
                "deployment_id": "exp-7",
                "policy": "idle-to-zero",
                "state": "waiting",
                "opened_at": "2026-11-22T13:50:00Z",
                "acts_at": acts_at,
                "held_by": held_by,
            }
            for acts_at, held_by in (("2026-11-22T14:05:00Z", None), (None, "approval"))
        ]
    }


def test_alerts_have_their_stable_keys() -> None:
    told = an_alert(uid=None, delivered_at=NOW)
    first, second = alerts_json(Alerts(heading=HEADING, alerts=(an_alert(), told)))["alerts"]

    assert first == {
        "alert_id": 4,
        "kind": "idle.warn",
        "key": "idle.warn:exp-7",
        "severity": "warn",
        "deployment_id": "exp-7",
        "text": "exp-7: idle 52m",
        "first_at": "2026-11-22T13:50:00Z",
        "last_at": "2026-11-22T13:59:00Z",
        "delivered_at": None,
    }
    assert (second["deployment_id"], second["delivered_at"]) == (None, "2026-11-22T14:00:00Z")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        pytest.param(
            actions_view(Actions(heading=HEADING, actions=(an_action(),))),
            ["acme: 1 action", "14:08 CET", "applied: read back", "idle-to-zero", "idle 52m"],
            id="actions",
        ),
        pytest.param(
            actions_view(Actions(heading=HEADING, actions=(an_action(),), next=17)),
            ["1 action and more", "older ones: `firewarden actions --before 17`"],
            id="a page of them",
        ),
        pytest.param(
            actions_view(Actions(heading=HEADING, actions=())), ["acme: 0 actions"], id="none"
        ),
        pytest.param(
            incidents_view(Incidents(heading=HEADING, incidents=(an_incident(),))),
            ["acme: 1 incident", "idle-to-zero (enforce)", "waiting", "15:05 CET"],
            id="incidents",
        ),
        pytest.param(
            alerts_view(Alerts(heading=HEADING, alerts=(an_alert(),))),
            ["acme: 1 alert firing", "warn", "not yet", "exp-7: idle 52m"],
            id="alerts",
        ),
    ],
)
def test_people_read(view: RenderableType, words: list[str]) -> None:
    text = shown(view)

    assert [each for each in words if each not in text] == []


def test_a_restoration_says_what_comes_back_and_why_it_is_not_there() -> None:
    stopped = a_deployment("exp-7", min_replica_count=0)
    one = Restoration(deployment=stopped, before=BEFORE, newest=an_action())
    by_person = replace(one, newest=an_action(policy=PolicyName(""), actor="cli:ada@desk"))

    text = shown(restorations_view("acme", [one, by_person], now=NOW))

    assert "acme: 2 deployments to restore" in text
    assert "+ exp-7  min 0→1  max 2→2 replicas  scale_to_zero 52m ago [idle-to-zero]" in text
    assert "[cli:ada@desk]" in text


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        pytest.param({}, "exp-7: restore open", id="open"),
        pytest.param(
            {"outcome": RequestOutcome.REFUSED, "detail": "it is gone"},
            "exp-7: restore refused: it is gone",
            id="refused",
        ),
        pytest.param(
            {"uid": None, "outcome": RequestOutcome.DONE}, "request 5: restore done", id="no one's"
        ),
    ],
)
def test_what_became_of_a_request_is_one_line(changes: dict[str, Any], line: str) -> None:
    assert outcome_line(a_request(**changes)) == line


def test_hostile_text_does_no_harm() -> None:
    views = [
        actions_view(Actions(heading=HEADING, actions=(an_action(reason=HOSTILE, actor=HOSTILE),))),
        incidents_view(Incidents(heading=HEADING, incidents=(an_incident(reason=HOSTILE),))),
        alerts_view(Alerts(heading=HEADING, alerts=(an_alert(text=HOSTILE),))),
    ]
    text = "".join(shown(view) for view in views)
    told = outcome_line(a_request(outcome=RequestOutcome.DONE, detail=HOSTILE))

    assert not {"\x1b", "\u202e"} & set(text + told)
    assert "\n" not in told
