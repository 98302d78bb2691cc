"""Incidents are kept as they went, one open for each deployment and policy."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.errors import StoreError
from firewarden.model.ids import AccountId, PolicyName
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.store import incidents, ledger
from firewarden.store.engine import Database
from tests.store.values import ACCOUNT, HOUR, T0, TEXTS, WHOLE_MS, met, uid_of, undone

COUNTS = st.integers(0, 2**31 - 1)
MAYBE = st.none() | WHOLE_MS


@pytest.fixture
def with_search(database: Database) -> Database:
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, met("search"), at=T0)
    return database


def incident(state: IncidentState = IncidentState.OPEN) -> Incident:
    return Incident(
        uid=uid_of("search"),
        policy=PolicyName("idle"),
        policy_hash="c0ffee",
        mode=Mode.OBSERVE,
        verb=Verb.SCALE_TO_ZERO,
        state=state,
        stage=0,
        opened_at=T0,
        entered_at=T0,
        reason="idle 52m",
        closed_at=T0 + HOUR if state.is_closed else None,
    )


def write(database: Database, *written: Incident) -> None:
    with database.writing() as session:
        incidents.write(session, *written)


def stored(database: Database) -> tuple[tuple[Incident, ...], tuple[Incident, ...]]:
    with database.reading() as session:
        return (
            incidents.read_open(session, ACCOUNT),
            incidents.read_closed(session, ACCOUNT, since=T0),
        )


def test_one_goes_from_state_to_state_to_its_close(with_search: Database) -> None:
    warned = replace(incident(IncidentState.WARNED), warned_at=T0 + HOUR / 2, stage=1)
    done = replace(incident(IncidentState.DONE), closed_because="scaled to zero")
    for state in (incident(), incident(), warned):
        write(with_search, state)
        assert stored(with_search) == ((state,), ())
    write(with_search, done)
    write(with_search, done)
    assert stored(with_search) == ((), (done,))


def test_one_that_is_closed_stays_as_it_was(with_search: Database) -> None:
    write(with_search, incident(IncidentState.DONE))
    for state in (IncidentState.OPEN, IncidentState.FAILED):
        with pytest.raises(StoreError, match="closed already"):
            write(with_search, incident(state))
    assert stored(with_search) == ((), (incident(IncidentState.DONE),))


def test_only_one_is_open_for_a_deployment_and_a_policy(with_search: Database) -> None:
    write(with_search, incident())
    another = replace(incident(), opened_at=T0 + HOUR)
    with pytest.raises(StoreError, match="refused by the database"):
        write(with_search, another)
    elsewhere = replace(another, policy=PolicyName("night"))
    write(with_search, elsewhere)
    assert stored(with_search) == ((incident(), elsewhere), ())


def test_one_may_open_in_the_transaction_that_closes_another(with_search: Database) -> None:
    write(with_search, incident())
    another = replace(incident(), opened_at=T0 + HOUR)
    write(with_search, another, incident(IncidentState.CANCELLED))
    assert stored(with_search) == ((another,), (incident(IncidentState.CANCELLED),))


@pytest.mark.parametrize(
    ("minutes", "count"),
    [pytest.param(60, 1, id="at that instant"), pytest.param(61, 0, id="later")],
)
def test_closed_ones_are_found_since_an_instant(
    with_search: Database, minutes: int, count: int
) -> None:
    write(with_search, incident(IncidentState.DONE))
    since = T0 + minutes * HOUR / 60
    with with_search.reading() as session:
        found = incidents.read_closed(session, ACCOUNT, since=since)
        same = incidents.read_closed(session, ACCOUNT, since=since, uid=uid_of("search"))
        others = incidents.read_closed(session, ACCOUNT, since=since, uid=uid_of("chat"))
        elsewhere = incidents.read_closed(session, AccountId("other"), since=since)
    assert (len(found), len(same), others, elsewhere) == (count, count, (), ())


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(replace(incident(), closed_at=T0), id="open with an end"),
        pytest.param(replace(incident(IncidentState.DONE), closed_at=None), id="closed without"),
    ],
)
def test_state_and_end_have_to_agree(with_search: Database, wrong: Incident) -> None:
    with pytest.raises(ValueError, match="disagree"):
        write(with_search, wrong)


@given(data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_they_are_read_back_as_they_were_written(
    with_search: Database, data: st.DataObject
) -> None:
    state = data.draw(st.sampled_from(IncidentState))
    drawn = data.draw(
        st.builds(
            Incident,
            uid=st.just(uid_of("search")),
            policy=TEXTS.map(PolicyName),
            policy_hash=TEXTS,
            mode=st.sampled_from(Mode),
            verb=st.sampled_from(Verb),
            state=st.just(state),
            stage=COUNTS,
            opened_at=WHOLE_MS,
            entered_at=WHOLE_MS,
            reason=TEXTS,
            warned_at=MAYBE,
            acts_at=MAYBE,
            closed_at=WHOLE_MS if state.is_closed else st.none(),
            closed_because=TEXTS,
            held_by=st.none() | st.sampled_from(Blocker),
            held_since=MAYBE,
            held_told_at=MAYBE,
            gpu_count=COUNTS,
            saves_micro_usd_per_hour=st.none() | st.integers(0, 2**60),
        )
    )
    with undone(with_search) as session:
        incidents.write(session, drawn)
        read = (
            incidents.read_closed(session, ACCOUNT, since=drawn.closed_at)
            if drawn.closed_at
            else incidents.read_open(session, ACCOUNT)
        )
    assert read == (drawn,)
