"""What people put over the policies stands until it is over or somebody ends it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.errors import StoreError
from firewarden.model.ids import AccountId
from firewarden.model.people import Override, OverrideKind, Overrides
from firewarden.store import ledger, overrides
from firewarden.store.engine import Database
from tests.store.values import ACCOUNT, HOUR, MS, T0, TEXTS, WHOLE_MS, met, uid_of, undone

ADA = "cli:ada@desk"
BOB = "cli:bob@desk"


@pytest.fixture
def with_search(database: Database) -> Database:
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, met("search", "rank"), at=T0)
    return database


def snooze(name: str = "search", **changes: Any) -> Override:
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "kind": OverrideKind.SNOOZE,
        "uid": uid_of(name),
        "since": T0,
        "until": T0 + 4 * HOUR,
        "actor": ADA,
        "reason": "a demo at noon",
    }
    return Override(**values | changes)


PAUSE = Override(
    account=ACCOUNT, kind=OverrideKind.PAUSE, since=T0, actor=ADA, reason="the provider is odd"
)


def put(database: Database, override: Override) -> Override:
    with database.writing() as session:
        return replace(override, override_id=overrides.put(session, override))


def standing(database: Database, at: datetime) -> tuple[Override, ...]:
    with database.reading() as session:
        return overrides.standing(session, ACCOUNT, now=at)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_any_override_comes_back_as_it_was_put(with_search: Database, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(OverrideKind))
    wanted = data.draw(
        st.builds(
            Override,
            account=st.just(ACCOUNT),
            kind=st.just(kind),
            uid=st.just(uid_of("search") if kind.is_about_one else None),
            since=st.just(T0),
            until=st.none() | WHOLE_MS.filter(lambda at: at > T0),
            actor=TEXTS,
            reason=TEXTS,
        )
    )
    with undone(with_search) as session:
        number = overrides.put(session, wanted)
        found = overrides.standing(session, ACCOUNT, now=T0)

    assert found == (replace(wanted, override_id=number),)


@pytest.mark.parametrize(
    ("at", "count"),
    [
        pytest.param(T0 - MS, 0, id="before it begins"),
        pytest.param(T0, 1, id="when it begins"),
        pytest.param(T0 + 4 * HOUR - MS, 1, id="just before it is over"),
        pytest.param(T0 + 4 * HOUR, 0, id="when it is over"),
    ],
)
def test_it_stands_from_its_beginning_to_its_end(
    with_search: Database, at: datetime, count: int
) -> None:
    put(with_search, snooze())

    assert len(standing(with_search, at)) == count
    assert len(Overrides.of([snooze()], now=at).snoozed) == count


def test_one_without_an_end_stands_until_somebody_ends_it(with_search: Database) -> None:
    pause = put(with_search, PAUSE)
    assert standing(with_search, T0 + 1_000 * HOUR) == (pause,)

    with with_search.writing() as session:
        assert overrides.end(session, pause.override_id, by=BOB, at=T0 + HOUR)
        assert not overrides.end(session, pause.override_id, by=ADA, at=T0 + 2 * HOUR)
    assert standing(with_search, T0 + HOUR) == ()
    with with_search.reading() as session:
        (found,) = overrides.read_since(session, ACCOUNT, since=T0)
    assert found == replace(pause, ended_at=T0 + HOUR, ended_by=BOB)


def test_one_that_is_over_cannot_be_ended(with_search: Database) -> None:
    over = put(with_search, snooze())

    with with_search.writing() as session:
        assert not overrides.end(session, over.override_id, by=BOB, at=T0 + 4 * HOUR)


def test_of_what_nobody_has_met_it_is_refused(with_search: Database) -> None:
    with pytest.raises(StoreError, match="never met"):
        put(with_search, snooze("other"))
    assert standing(with_search, T0) == ()


def test_resuming_ends_every_pause_and_releases_the_brake(with_search: Database) -> None:
    kept = put(with_search, snooze())
    put(with_search, PAUSE)
    put(with_search, replace(PAUSE, actor=BOB, since=T0 + MS))
    elsewhere = AccountId("other")
    put(with_search, replace(PAUSE, account=elsewhere))

    with with_search.writing() as session:
        ended = overrides.resume(session, ACCOUNT, by=BOB, reason="all is well", at=T0 + HOUR)
    assert ended == 2

    found = Overrides.of(standing(with_search, T0 + HOUR), now=T0 + HOUR)
    assert found.pause is None
    assert found.snoozed == {uid_of("search"): kept}
    assert found.released_at == T0 + HOUR
    with with_search.reading() as session:
        assert len(overrides.standing(session, elsewhere, now=T0 + HOUR)) == 1


def test_the_newest_release_takes_the_place_of_those_before(with_search: Database) -> None:
    for hours in (1, 2):
        with with_search.writing() as session:
            at = T0 + hours * HOUR
            assert overrides.resume(session, ACCOUNT, by=BOB, reason="", at=at) == 0

    (release,) = standing(with_search, T0 + 3 * HOUR)
    assert (release.kind, release.since) == (OverrideKind.RELEASE, T0 + 2 * HOUR)


@pytest.mark.parametrize(
    ("since", "ended_after", "count"),
    [
        pytest.param(T0 + 4 * HOUR - MS, None, 1, id="it stood until then"),
        pytest.param(T0 + 4 * HOUR, None, 0, id="it was over"),
        pytest.param(T0 + 2 * HOUR, HOUR, 0, id="it had been ended"),
        pytest.param(T0 + HOUR / 2, HOUR, 1, id="it was ended later"),
    ],
)
def test_they_are_found_that_were_in_force_since_an_instant(
    with_search: Database, since: datetime, ended_after: timedelta | None, count: int
) -> None:
    number = put(with_search, snooze()).override_id
    put(with_search, snooze("rank", until=T0 + MS))
    if ended_after is not None:
        with with_search.writing() as session:
            overrides.end(session, number, by=BOB, at=T0 + ended_after)

    with with_search.reading() as session:
        found = overrides.read_since(session, ACCOUNT, since=since)
        same = overrides.read_since(session, ACCOUNT, since=since, uid=uid_of("search"))
        assert overrides.read_since(session, ACCOUNT, since=since, uid=uid_of("rank")) == ()
        assert overrides.read_since(session, AccountId("other"), since=since) == ()
    assert len(found) == count
    assert same == found
