"""What people ask is kept in order, finished once, and not carried out when it is late."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.errors import StoreError
from firewarden.model.action import Bounds, Effect, Intent
from firewarden.model.ids import AccountId, PolicyName
from firewarden.model.people import Request, RequestOutcome, RequestVerb
from firewarden.model.vocabulary import Mode, Verb
from firewarden.store import intents, ledger, requests
from firewarden.store.engine import Database
from tests.store.values import ACCOUNT, HOUR, MINUTE, MS, T0, TEXTS, WHOLE_MS, met, uid_of, undone


@pytest.fixture
def with_search(database: Database) -> Database:
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, met("search"), at=T0)
    return database


def a_request(**changes: Any) -> Request:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "verb": RequestVerb.RESTORE,
        "uid": uid_of("search"),
        "actor": "cli:ada@desk",
        "reason": "needed for the demo",
        "asked_at": T0,
        "expires_at": T0 + 10 * MINUTE,
    }
    return Request(**values | changes)


def ask(database: Database, request: Request) -> Request:
    with database.writing() as session:
        return replace(request, request_id=requests.ask(session, request))


def pending(database: Database, after: timedelta = timedelta(0)) -> tuple[Request, ...]:
    with database.reading() as session:
        return requests.pending(session, ACCOUNT, now=T0 + after)


def finish(database: Database, number: int, outcome: RequestOutcome, detail: str = "") -> bool:
    with database.writing() as session:
        return requests.finish(session, number, outcome, detail=detail, at=T0 + MINUTE)


def read(database: Database, number: int, account: AccountId = ACCOUNT) -> Request | None:
    with database.reading() as session:
        return requests.read_one(session, account, number)


def test_requests_are_read_in_the_order_they_were_asked_in(with_search: Database) -> None:
    asked = tuple(
        ask(with_search, a_request(verb=verb, uid=uid, asked_at=T0 - number * MINUTE))
        for number, (verb, uid) in enumerate(
            [(RequestVerb.APPROVE, None), (RequestVerb.UNDELETE, uid_of("search"))]
        )
    )

    assert pending(with_search) == asked
    with with_search.reading() as session:
        assert requests.pending(session, AccountId("other"), now=T0) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_any_request_comes_back_as_it_was_asked(with_search: Database, data: st.DataObject) -> None:
    wanted = data.draw(
        st.builds(
            Request,
            account=st.just(ACCOUNT),
            verb=st.sampled_from(RequestVerb),
            uid=st.none() | st.just(uid_of("search")),
            actor=TEXTS,
            reason=TEXTS,
            asked_at=WHOLE_MS,
            expires_at=WHOLE_MS,
            arguments=st.dictionaries(TEXTS, TEXTS, max_size=3),
        )
    )
    with undone(with_search) as session:
        number = requests.ask(session, wanted)
        found = requests.read_one(session, ACCOUNT, number)

    assert found == replace(wanted, request_id=number)


def test_a_request_about_what_nobody_has_met_is_refused(with_search: Database) -> None:
    with pytest.raises(StoreError, match="never met"):
        ask(with_search, a_request(uid=uid_of("other")))
    assert pending(with_search) == ()


def test_an_outcome_is_written_once_and_ends_the_request(with_search: Database) -> None:
    asked = ask(with_search, a_request())

    assert finish(with_search, asked.request_id, RequestOutcome.DONE, "bounds 1..3 are back")
    assert not finish(with_search, asked.request_id, RequestOutcome.FAILED, "too late")
    assert pending(with_search) == ()
    assert read(with_search, asked.request_id) == replace(
        asked,
        outcome=RequestOutcome.DONE,
        detail="bounds 1..3 are back",
        finished_at=T0 + MINUTE,
    )
    assert read(with_search, asked.request_id, AccountId("other")) is None
    assert not finish(with_search, asked.request_id + 1, RequestOutcome.DONE)


def test_of_eight_who_finish_one_request_at_once_one_is_first(
    with_search: Database,
) -> None:
    number = ask(with_search, a_request()).request_id
    begin = threading.Barrier(8)
    firsts: list[str] = []

    def reach(who: str) -> None:
        begin.wait()
        if finish(with_search, number, RequestOutcome.DONE, who):
            firsts.append(who)

    threads = [threading.Thread(target=reach, args=(f"holder {each}",)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = read(with_search, number)
    assert found is not None
    assert [found.detail] == firsts


@pytest.mark.parametrize(
    ("after", "open_count"),
    [
        pytest.param(10 * MINUTE - MS, 1, id="just in time"),
        pytest.param(10 * MINUTE, 0, id="at the instant it expires"),
    ],
)
def test_a_late_request_is_carried_out_no_more(
    with_search: Database, after: timedelta, open_count: int
) -> None:
    number = ask(with_search, a_request()).request_id

    assert len(pending(with_search, after)) == open_count
    with with_search.writing() as session:
        assert requests.expire(session, AccountId("other"), now=T0 + after) == 0
        assert requests.expire(session, ACCOUNT, now=T0 + after) == 1 - open_count
        assert requests.expire(session, ACCOUNT, now=T0 + after) == 0
    found = read(with_search, number)
    assert found is not None
    assert found.outcome is (None if open_count else RequestOutcome.EXPIRED)


def test_a_request_that_was_begun_in_time_ends_as_its_call_does(with_search: Database) -> None:
    asked = ask(with_search, a_request())
    with with_search.writing() as session:
        intents.claim(
            session,
            Intent(
                account=ACCOUNT,
                uid=uid_of("search"),
                verb=Verb.RESTORE,
                policy=PolicyName(""),
                policy_hash="",
                mode=Mode.ENFORCE,
                actor=asked.actor,
                reason=asked.reason,
                effect=Effect(min_replica_count=1),
                before=Bounds(min_replica_count=0, max_replica_count=3, desired_replica_count=0),
                planned_at=T0,
                epoch=1,
                request_id=asked.request_id,
            ),
        )
        assert requests.expire(session, ACCOUNT, now=T0 + HOUR) == 0

    assert finish(with_search, asked.request_id, RequestOutcome.DONE)


@pytest.mark.parametrize(
    ("since", "count"),
    [pytest.param(T0, 1, id="at that instant"), pytest.param(T0 + MS, 0, id="later")],
)
def test_all_that_was_asked_is_read_since_an_instant(
    with_search: Database, since: Any, count: int
) -> None:
    number = ask(with_search, a_request()).request_id
    finish(with_search, number, RequestOutcome.REFUSED)

    with with_search.reading() as session:
        assert len(requests.read_asked(session, ACCOUNT, since=since)) == count
        assert requests.read_asked(session, AccountId("other"), since=since) == ()
