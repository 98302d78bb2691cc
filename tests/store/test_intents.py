"""Intents are written once, finished once, released once; two databases keep them alike."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.errors import StoreError
from firewarden.model.action import Bounds, Effect, Intent, Outcome, Released
from firewarden.model.ids import PolicyName
from firewarden.model.people import Request, RequestVerb
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Mode, ProviderDelete, PutBack, Verb
from firewarden.store import incidents, intents, ledger, requests
from firewarden.store.engine import Database
from tests.store.values import ACCOUNT, HOUR, MINUTE, T0, TEXTS, met, uid_of, undone

COUNTS = st.integers(0, 100_000)
SPANS = st.none() | st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms))
EFFECTS = st.builds(
    Effect,
    min_replica_count=st.none() | COUNTS,
    max_replica_count=st.none() | COUNTS,
    scale_to_zero_window=SPANS,
    replica_count=st.none() | COUNTS,
    delete=st.booleans(),
    undelete=st.booleans(),
)
BOUNDS = st.builds(
    Bounds,
    min_replica_count=COUNTS,
    max_replica_count=COUNTS,
    desired_replica_count=COUNTS,
    scale_to_zero_window=SPANS,
)


def incident(name: str = "search") -> Incident:
    return Incident(
        uid=uid_of(name),
        policy=PolicyName("idle"),
        policy_hash="c0ffee",
        mode=Mode.ENFORCE,
        verb=Verb.SCALE_TO_ZERO,
        state=IncidentState.ACTING,
        stage=2,
        opened_at=T0,
        entered_at=T0,
        reason="idle 52m",
    )


def intent(name: str = "search", **changes: Any) -> Intent:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "uid": uid_of(name),
        "verb": Verb.SCALE_TO_ZERO,
        "policy": PolicyName("idle"),
        "policy_hash": "c0ffee",
        "mode": Mode.ENFORCE,
        "actor": "policy",
        "reason": "idle 52m",
        "effect": Effect(min_replica_count=0, replica_count=0),
        "before": Bounds(min_replica_count=1, max_replica_count=3, desired_replica_count=2),
        "planned_at": T0 + HOUR,
        "epoch": 7,
        "opened_at": T0,
        "stage": 2,
        "put_back": PutBack.ON_WAKE,
    }
    return Intent(**values | changes)


@pytest.fixture
def ready(database: Database) -> Database:
    with database.writing() as session:
        for name in ("search", "rank"):
            ledger.write_change(session, ACCOUNT, met(name), at=T0)
            incidents.write(session, incident(name))
    return database


def claim(database: Database, wanted: Intent) -> int | None:
    with database.writing() as session:
        return intents.claim(session, wanted)


def finish(database: Database, number: int, outcome: Outcome, detail: str = "") -> None:
    with database.writing() as session:
        intents.finish(session, number, outcome, detail=detail, at=T0 + 2 * HOUR)


def recent(database: Database, since: timedelta = timedelta(0)) -> tuple[Intent, ...]:
    with database.reading() as session:
        return intents.read_recent(session, ACCOUNT, since=T0 + since)


def test_an_intent_comes_back_as_it_was_written(ready: Database) -> None:
    number = claim(ready, intent())

    assert number is not None
    assert recent(ready) == (replace(intent(), action_id=number),)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(effect=EFFECTS, before=BOUNDS, reason=TEXTS, evidence=st.dictionaries(TEXTS, TEXTS))
def test_any_intent_comes_back_as_it_was_written(
    ready: Database, effect: Effect, before: Bounds, reason: str, evidence: dict[str, str]
) -> None:
    wanted = intent(
        effect=effect,
        before=before,
        reason=reason,
        evidence=evidence,
        opened_at=None,
        provider_delete=ProviderDelete.LET_GO,
    )
    with undone(ready) as session:
        number = intents.claim(session, wanted)
        (found,) = intents.read_recent(session, ACCOUNT, since=T0)

    assert number is not None
    assert found == replace(wanted, action_id=number)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        pytest.param({}, "the same stage", id="the same stage of the same incident"),
        pytest.param(
            {"opened_at": None, "policy": ""}, "open", id="another reason while it is open"
        ),
    ],
)
def test_nothing_is_claimed_twice(ready: Database, second: dict[str, Any], why: str) -> None:
    assert claim(ready, intent()) is not None
    assert claim(ready, intent(**second)) is None
    assert len(recent(ready)) == 1


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        pytest.param(Outcome.APPLIED, False, id="done: never again"),
        pytest.param(Outcome.REFUSED, True, id="refused: it was no attempt"),
        pytest.param(Outcome.FAILED, True, id="failed: it may be tried again"),
    ],
)
def test_a_stage_is_done_once(ready: Database, outcome: Outcome, *, again: bool) -> None:
    number = claim(ready, intent())
    assert number is not None
    finish(ready, number, outcome)

    assert (claim(ready, intent()) is not None) == again


@pytest.mark.parametrize("outcome", [Outcome.APPLIED, Outcome.FAILED, Outcome.REFUSED])
def test_a_persons_request_is_carried_out_once(ready: Database, outcome: Outcome) -> None:
    request = Request(
        account=ACCOUNT,
        verb=RequestVerb.RESTORE,
        actor="cli:ada@here",
        uid=uid_of("search"),
        asked_at=T0,
        expires_at=T0 + HOUR,
    )
    with ready.writing() as session:
        asked = requests.ask(session, request)
    number = claim(ready, intent(opened_at=None, request_id=asked))
    assert number is not None
    finish(ready, number, outcome)

    assert claim(ready, intent(opened_at=None, request_id=asked)) is None
    assert claim(ready, intent("rank")) is not None, "another deployment is nobody's concern"


def test_an_outcome_is_written_once(ready: Database) -> None:
    number = claim(ready, intent())
    assert number is not None
    finish(ready, number, Outcome.APPLIED, "read back")
    finish(ready, number, Outcome.APPLIED, "said again")

    (found,) = recent(ready)
    assert (found.outcome, found.detail) == (Outcome.APPLIED, "read back")
    with pytest.raises(StoreError, match="applied already"):
        finish(ready, number, Outcome.FAILED)


def test_old_ones_are_read_while_they_stand(ready: Database) -> None:
    number = claim(ready, intent())
    assert number is not None
    finish(ready, number, Outcome.APPLIED)
    later = 10 * HOUR

    assert [each.is_standing for each in recent(ready, later)] == [True]
    with ready.writing() as session:
        intents.release(session, number, Released.HUMAN, at=T0 + 3 * HOUR)
        intents.release(session, number, Released.GONE, at=T0 + 4 * HOUR)
    assert recent(ready, later) == ()
    (found,) = recent(ready)
    assert (found.released, found.released_at) == (Released.HUMAN, T0 + 3 * HOUR)


def test_an_intent_needs_its_incident(ready: Database) -> None:
    with pytest.raises(StoreError, match="no incident"):
        claim(ready, intent(opened_at=T0 + MINUTE))


def test_what_was_said_before_the_change_is_kept_once(ready: Database) -> None:
    number = claim(ready, intent())
    assert number is not None
    with ready.writing() as session:
        intents.keep_whole(session, number, '{"name":"search"}')
        intents.keep_whole(session, number, "{}")
    with ready.reading() as session:
        assert intents.read_whole(session, number) == '{"name":"search"}'
        assert intents.read_whole(session, number + 1) is None


def test_actions_are_read_newest_first(ready: Database) -> None:
    for minutes in range(3):
        number = claim(ready, intent(opened_at=None, planned_at=T0 + minutes * MINUTE))
        assert number is not None
        finish(ready, number, Outcome.REFUSED)

    with ready.reading() as session:
        found = intents.read_actions(session, ACCOUNT, since=T0, limit=2)
        assert intents.read_one(session, ACCOUNT, found[0].action_id) == found[0]
        assert intents.read_one(session, ACCOUNT, 99) is None
    assert [each.planned_at for each in found] == [T0 + 2 * MINUTE, T0 + MINUTE]
