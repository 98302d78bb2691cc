"""What is seen is written once and read back as it was."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.errors import StoreError
from firewarden.model.activity import Use
from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import (
    ActivityRun,
    Evidence,
    Gap,
    LedgerChange,
    Poll,
    RunChange,
    Segment,
)
from firewarden.store import history, ledger, tags
from firewarden.store.engine import Database
from tests.store.values import (
    ACCOUNT,
    HOUR,
    KNOWN,
    MINUTE,
    MS,
    POLLS,
    SECOND,
    T0,
    WHOLE_MS,
    between,
    closed,
    exactly,
    gaps_of,
    known,
    met,
    poll,
    quiet,
    scrape,
    segment,
    segments_of,
    uid_of,
    undone,
)


class Window(TypedDict):
    """Where to look."""

    since: datetime
    until: datetime


ANYTIME: Window = {"since": T0 - timedelta(days=4000), "until": T0 + timedelta(days=4000)}
PER_DATABASE = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write(database: Database, change: LedgerChange, *, at: datetime = T0) -> None:
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, change, at=at)


def segments(database: Database, window: Window = ANYTIME) -> tuple[Segment, ...]:
    with database.reading() as session:
        return history.read_segments(session, ACCOUNT, **window)


def test_a_poll_is_one_row_however_often_it_is_written(database: Database) -> None:
    for _ in range(2):
        with database.writing() as session:
            ledger.write_poll(session, poll())
    with database.reading() as session:
        remembered = history.read_remembered(session, ACCOUNT, since=T0)
    assert remembered.polls == (poll(),)
    assert remembered.last_poll == poll()


def test_the_newest_complete_poll_is_found_behind_incomplete_ones(database: Database) -> None:
    polls = [poll(T0), poll(T0 + MINUTE, complete=False), poll(T0 + 2 * MINUTE, complete=False)]
    with database.writing() as session:
        for one in reversed(polls):
            ledger.write_poll(session, one)
    with database.reading() as session:
        assert history.newest_poll(session, ACCOUNT) == polls[0]
        assert history.newest_poll(session, ACCOUNT, complete=False) == polls[2]
        remembered = history.read_remembered(session, ACCOUNT, since=T0)
    assert remembered.polls == tuple(polls)


def test_an_empty_ledger_remembers_nothing(database: Database) -> None:
    with database.reading() as session:
        remembered = history.read_remembered(session, ACCOUNT, since=T0)
    assert remembered.known == ()
    assert remembered.last_poll is None


def test_accounts_do_not_see_each_other(database: Database) -> None:
    write(database, met("search", opened=(segment(),)))
    other = AccountId("other")
    with database.writing() as session:
        ledger.write_poll(session, replace(poll(), account=other))
    with database.reading() as session:
        assert history.read_known(session, other) == ()
        assert history.read_segments(session, other, **ANYTIME) == ()
        assert history.newest_poll(session, ACCOUNT) is None


class TestASegment:
    def test_is_closed_by_its_end_alone(self, database: Database) -> None:
        before = segment()
        turn = between(T0 + HOUR, T0 + HOUR + 30 * SECOND)
        after = segment(started=turn, ready=2)
        write(database, met("search", opened=(before,)))
        write(database, LedgerChange(closed=(closed(before, turn),), opened=(after,)))
        assert segments(database) == (closed(before, turn), after)

    def test_may_be_opened_and_closed_at_once(self, database: Database) -> None:
        one = closed(segment(), exactly(T0 + HOUR))
        write(database, met("search", closed=(one,)))
        assert segments(database) == (one,)

    def test_written_again_changes_nothing(self, database: Database) -> None:
        before = segment()
        turn = exactly(T0 + HOUR)
        first = met("search", opened=(before,))
        second = LedgerChange(
            closed=(closed(before, turn),), opened=(segment(started=turn, ready=3),)
        )
        write(database, first)
        write(database, second)
        stored = segments(database)
        write(database, second)
        write(database, first)
        assert segments(database) == stored

    def test_may_begin_where_one_before_it_began_and_ended(self, database: Database) -> None:
        first = closed(segment(), between(T0, T0 + MINUTE))
        second = replace(segment(), ready=5, started=between(T0, T0 + MINUTE))
        write(database, met("search", closed=(first,), opened=(second,)))

        assert segments(database) == (first, second)

    @pytest.mark.parametrize(
        "otherwise",
        [
            pytest.param({"ended": exactly(T0 + 2 * HOUR)}, id="another end"),
            pytest.param({"ready": 5}, id="other replicas"),
            pytest.param({"end_evidence": Evidence.DELETED}, id="other evidence of its end"),
            pytest.param({"start_evidence": Evidence.GAP}, id="other evidence of its start"),
        ],
    )
    def test_that_is_closed_never_changes(
        self, database: Database, otherwise: dict[str, object]
    ) -> None:
        one = closed(segment(), exactly(T0 + HOUR))
        write(database, met("search", closed=(one,)))
        with pytest.raises(StoreError, match="says otherwise of the segment of accounts/acme"):
            write(database, LedgerChange(closed=(replace(one, **otherwise),)))  # type: ignore[arg-type]  # any field
        assert segments(database) == (one,)

    def test_that_is_open_keeps_its_replicas(self, database: Database) -> None:
        write(database, met("search", opened=(segment(ready=1),)))
        with pytest.raises(StoreError, match="says otherwise"):
            write(database, LedgerChange(opened=(segment(ready=2),)))
        assert segments(database) == (segment(ready=1),)

    def test_is_refused_while_another_of_its_uid_is_open(self, database: Database) -> None:
        write(database, met("search", opened=(segment(),)))
        with pytest.raises(StoreError, match="refused by the database"):
            write(database, LedgerChange(opened=(segment(started=exactly(T0 + HOUR)),)))
        assert segments(database) == (segment(),)

    def test_of_a_deployment_nobody_met_is_refused(self, database: Database) -> None:
        with pytest.raises(StoreError, match="has never met accounts/acme/deployments/search"):
            write(database, LedgerChange(opened=(segment(),)))

    def test_says_when_it_was_last_confirmed_until_it_is_closed(self, database: Database) -> None:
        doubted = replace(segment(), confirmed_at=T0 + HOUR)
        write(database, met("search", opened=(segment(),)))
        write(database, LedgerChange(amended=(doubted,)))
        assert segments(database) == (doubted,)
        write(database, LedgerChange(amended=(segment(),)))
        assert segments(database) == (segment(),)
        write(database, LedgerChange(closed=(closed(doubted, exactly(T0 + HOUR)),)))
        assert segments(database) == (closed(segment(), exactly(T0 + HOUR)),)

    @pytest.mark.parametrize(
        ("since", "until", "found"),
        [
            pytest.param(0, 1, [], id="before all"),
            pytest.param(0, 10, [], id="ends where the first begins"),
            pytest.param(0, 11, [1], id="reaches into the first bracket"),
            pytest.param(15, 16, [1], id="inside the first"),
            pytest.param(20, 21, [1, 2], id="at the start of the bracket between two"),
            pytest.param(24, 25, [1, 2], id="inside the bracket between two"),
            pytest.param(25, 26, [2], id="at the end of the bracket between two"),
            pytest.param(12, 40, [1, 2, 3], id="over all"),
            pytest.param(99, 100, [3], id="long after the open one began"),
        ],
    )
    def test_is_found_where_any_part_of_it_may_lie(
        self, database: Database, since: int, until: int, found: list[int]
    ) -> None:
        turns = [
            between(T0 + 10 * MINUTE, T0 + 15 * MINUTE),
            between(T0 + 20 * MINUTE, T0 + 25 * MINUTE),
            between(T0 + 30 * MINUTE, T0 + 35 * MINUTE),
        ]
        write(
            database,
            met(
                "search",
                closed=(
                    segment(started=turns[0], ended=turns[1], ready=1),
                    segment(started=turns[1], ended=turns[2], ready=2),
                ),
                opened=(segment(started=turns[2], ready=3),),
            ),
        )
        window: Window = {"since": T0 + since * MINUTE, "until": T0 + until * MINUTE}
        assert [one.ready for one in segments(database, window)] == found

    def test_is_found_by_its_uid(self, database: Database) -> None:
        write(database, met("search", "chat", opened=(segment(), segment("chat"))))
        with database.reading() as session:
            found = history.read_segments(session, ACCOUNT, **ANYTIME, uids=[uid_of("chat")])
            assert found == (segment("chat"),)
            assert history.read_segments(session, ACCOUNT, **ANYTIME, uids=[]) == ()

    def test_bracket_is_rounded_outward_to_the_millisecond(self, database: Database) -> None:
        half = timedelta(microseconds=500)
        write(database, met("search", opened=(segment(started=between(T0 + half, T0 + half)),)))
        assert segments(database)[0].started == between(T0, T0 + MS)


class TestConservation:
    @given(data=st.data())
    @PER_DATABASE
    def test_deployments_are_read_back_as_they_were_written(
        self, database: Database, data: st.DataObject
    ) -> None:
        drawn = data.draw(st.lists(KNOWN, max_size=5, unique_by=lambda one: one.uid))
        with undone(database) as session:
            ledger.write_change(session, ACCOUNT, LedgerChange(met=tuple(drawn)), at=T0)
            stored = history.read_known(session, ACCOUNT)
        assert set(stored) == set(drawn)

    @given(polls=st.lists(POLLS, max_size=5, unique_by=lambda one: one.asked_at))
    @PER_DATABASE
    def test_polls_are_read_back_as_they_were_written(
        self, database: Database, polls: list[Poll]
    ) -> None:
        with undone(database) as session:
            for one in polls:
                ledger.write_poll(session, one)
            stored = history.read_remembered(session, ACCOUNT, since=T0).polls
        assert stored == tuple(sorted(polls, key=lambda one: one.asked_at))

    @given(uses=st.lists(st.tuples(WHOLE_MS, st.sampled_from(Use)), unique_by=lambda one: one[0]))
    @PER_DATABASE
    def test_runs_and_scrapes_are_read_back_as_they_were_written(
        self, database: Database, uses: list[tuple[datetime, Use]]
    ) -> None:
        turns = sorted(uses)
        ends = [at for at, _ in turns[1:]]
        runs = tuple(
            ActivityRun(uid=uid_of("search"), use=use, since=at, until=until)
            for (at, use), until in zip(turns, [*ends, None], strict=False)
        )
        with undone(database) as session:
            ledger.write_change(session, ACCOUNT, met("search"), at=T0)
            for at, _ in turns:
                ledger.write_scrape(session, scrape(at), RunChange())
            ledger.write_scrape(session, scrape(T0), RunChange(closed=runs[:-1], opened=runs[-1:]))
            stored = history.read_runs(session, ACCOUNT, **ANYTIME)
            scrapes = history.read_scrapes(session, ACCOUNT, since=ANYTIME["since"])
        assert stored == runs
        assert {one.answered_at for one in scrapes} == {T0, *(at for at, _ in turns)}

    @given(data=st.data())
    @PER_DATABASE
    def test_segments_are_read_back_as_they_were_written(
        self, database: Database, data: st.DataObject
    ) -> None:
        created = data.draw(WHOLE_MS)
        uid = uid_of("any", created)
        drawn = data.draw(
            st.lists(segments_of(uid), max_size=6, unique_by=lambda one: one.started.lo)
        )
        turns = sorted((one.started for one in drawn), key=lambda one: one.lo)
        ordered = [
            replace(
                one, started=start, ended=end, end_evidence=None if end is None else Evidence.POLL
            )
            for one, start, end in zip(drawn, turns, [*turns[1:], None], strict=False)
        ]
        change = LedgerChange(
            met=(replace(known(), uid=uid, created_at=created),),
            closed=tuple(ordered[:-1]),
            opened=tuple(ordered[-1:]),
        )
        with undone(database) as session:
            ledger.write_change(session, ACCOUNT, change, at=T0)
            stored = history.read_segments(session, ACCOUNT, **ANYTIME)
        assert stored == tuple(ordered)

    @given(data=st.data())
    @PER_DATABASE
    def test_gaps_are_read_back_as_they_were_written(
        self, database: Database, data: st.DataObject
    ) -> None:
        drawn = data.draw(
            st.lists(gaps_of(uid_of("search")), max_size=4, unique_by=lambda one: one.since)
        )
        with undone(database) as session:
            ledger.write_change(session, ACCOUNT, met("search", gaps=tuple(drawn)), at=T0)
            stored = history.read_gaps(session, ACCOUNT, **ANYTIME)
        assert stored == tuple(sorted(drawn, key=lambda one: one.since))


def test_two_gaps_with_one_beginning_become_the_wider(database: Database) -> None:
    gap = Gap(
        account=ACCOUNT,
        uid=uid_of("search"),
        since=T0,
        until=T0 + HOUR,
        low=1,
        high=2,
        cause="the provider did not answer",
    )
    write(database, met("search", gaps=(gap,)))
    write(database, LedgerChange(gaps=(replace(gap, until=gap.until + HOUR, low=0),)))
    write(database, LedgerChange(gaps=(replace(gap, high=9),)))
    with database.reading() as session:
        stored = history.read_gaps(session, ACCOUNT, **ANYTIME)
    assert stored == (replace(gap, until=gap.until + HOUR, low=0, high=9),)


class TestRuns:
    def test_a_run_ends_once(self, database: Database) -> None:
        write(database, met("search"))
        turn = T0 + HOUR
        busy = ActivityRun(uid=uid_of("search"), use=Use.ACTIVE, since=turn)
        changes = [
            (scrape(T0), RunChange(opened=(quiet(T0),))),
            (scrape(turn), RunChange(closed=(quiet(T0, turn),), opened=(busy,))),
        ]
        for record, change in [*changes, *changes]:
            with database.writing() as session:
                ledger.write_scrape(session, record, change)
        with database.reading() as session:
            assert history.read_runs(session, ACCOUNT, **ANYTIME) == (quiet(T0, turn), busy)
        with (
            pytest.raises(StoreError, match="says otherwise of the activity_run"),
            database.writing() as session,
        ):
            ledger.write_scrape(
                session, scrape(turn), RunChange(closed=(quiet(T0, turn + MINUTE),))
            )

    @pytest.mark.parametrize(
        ("since", "found"),
        [
            pytest.param(0, [0, 60], id="the first is still running"),
            pytest.param(59, [0, 60], id="the first is about to end"),
            pytest.param(60, [60], id="the first ends at that instant"),
            pytest.param(999, [60], id="the open one began long before"),
        ],
    )
    def test_those_that_end_later_are_remembered(
        self, database: Database, since: int, found: list[int]
    ) -> None:
        write(database, met("search"))
        turn = T0 + HOUR
        with database.writing() as session:
            ledger.write_scrape(
                session,
                scrape(turn),
                RunChange(closed=(quiet(T0, turn),), opened=(quiet(turn),)),
            )
        with database.reading() as session:
            remembered = history.read_remembered(session, ACCOUNT, since=T0 + since * MINUTE)
        assert [(one.since - T0) // MINUTE for one in remembered.runs] == found

    def test_scrapes_since_an_instant_are_remembered_in_order(self, database: Database) -> None:
        instants = [T0 + minutes * MINUTE for minutes in (3, 1, 2, 0)]
        with database.writing() as session:
            for at in instants:
                ledger.write_scrape(session, scrape(at, whole=at != T0), RunChange())
        with database.reading() as session:
            remembered = history.read_remembered(session, ACCOUNT, since=T0 + MINUTE)
            window = history.read_scrapes(session, ACCOUNT, since=T0, until=T0 + MINUTE)
        assert [one.answered_at for one in remembered.scrapes] == sorted(instants)[1:]
        assert window == (scrape(T0, whole=False),)


class TestDeployments:
    def test_keep_the_instant_they_were_first_seen(self, database: Database) -> None:
        write(database, met("search"))
        renamed = replace(known(), display_name="Search 2", first_seen_at=T0 + HOUR)
        write(database, LedgerChange(met=(renamed,)))
        with database.reading() as session:
            (stored,) = history.read_known(session, ACCOUNT)
        assert stored == replace(renamed, first_seen_at=T0)

    def test_created_again_under_their_name_are_others(self, database: Database) -> None:
        again = known("search", T0 + HOUR)
        write(database, LedgerChange(met=(known("search"), again)))
        with database.reading() as session:
            assert history.read_known(session, ACCOUNT) == (known("search"), again)

    def test_are_remembered_until_they_are_confirmed_gone(self, database: Database) -> None:
        gone = exactly(T0 + HOUR)
        ends = {"deleted": Evidence.DELETED, "absent": Evidence.ABSENT, "stopped": Evidence.POLL}
        names = [*ends, "running", "never-ran", "back"]
        write(
            database,
            met(
                *names,
                closed=tuple(
                    replace(segment(name), ended=gone, end_evidence=end)
                    for name, end in ends.items()
                ),
                opened=(segment("running"), segment("back")),
            ),
        )
        dead = replace(known("never-ran"), deleted_at=T0 + HOUR)
        back = replace(known("back"), deleted_at=T0 + HOUR)
        write(database, LedgerChange(met=(dead, back)))
        with database.reading() as session:
            remembered = history.read_remembered(session, ACCOUNT, since=T0)
            everyone = history.read_known(session, ACCOUNT)
        assert [one.deployment_id for one in remembered.known] == ["stopped", "running", "back"]
        assert [one.uid for one in remembered.open_segments] == [uid_of("back"), uid_of("running")]
        assert len(everyone) == len(names)

    def test_whose_name_no_database_can_hold_do_not_keep_the_others_out(
        self, database: Database
    ) -> None:
        odd = replace(known(), display_name="a\0b\ud800c")
        write(database, LedgerChange(met=(odd, known("chat"))))
        with database.reading() as session:
            names = [one.display_name for one in history.read_known(session, ACCOUNT)]
        assert names == ["a\N{REPLACEMENT CHARACTER}b?c", "Chat"]


class TestTags:
    def test_hold_from_one_change_to_the_next(self, database: Database) -> None:
        uid = uid_of("search")
        write(database, met("search", tags=((uid, {"team": "a"}),)), at=T0)
        write(database, LedgerChange(tags=((uid, {"team": "b", "ü": "ß"}),)), at=T0 + HOUR)
        with database.reading() as session:
            seen = {
                minutes: tags.read_tags_at(session, ACCOUNT, T0 + minutes * MINUTE)
                for minutes in (-1, 0, 59, 60)
            }
            remembered = history.read_remembered(session, ACCOUNT, since=T0)
        assert seen == {
            -1: {},
            0: {uid: {"team": "a"}},
            59: {uid: {"team": "a"}},
            60: {uid: {"team": "b", "ü": "ß"}},
        }
        assert remembered.tags == {uid: {"team": "b", "ü": "ß"}}

    def test_written_again_change_nothing(self, database: Database) -> None:
        uid = uid_of("search")
        first = met("search", tags=((uid, {"team": "a"}),))
        second = LedgerChange(tags=((uid, {"team": "b"}),))
        for _ in range(2):
            write(database, first, at=T0)
            write(database, second, at=T0 + HOUR)
            write(database, second, at=T0 + 2 * HOUR)
        with database.reading() as session:
            assert tags.read_tags_at(session, ACCOUNT, T0) == {uid: {"team": "a"}}
            assert tags.read_tags_at(session, ACCOUNT) == {uid: {"team": "b"}}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            met("search", opened=(segment(started=exactly(T0.replace(tzinfo=None))),)),
            id="segment",
        ),
        pytest.param(
            LedgerChange(met=(replace(known(), first_seen_at=T0.replace(tzinfo=None)),)),
            id="deployment",
        ),
        pytest.param(
            met("search", dirty=frozenset({(T0.replace(tzinfo=None), uid_of("search"))})),
            id="dirty hour",
        ),
    ],
)
def test_an_instant_without_a_zone_is_refused(database: Database, change: LedgerChange) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        write(database, change)
    with database.reading() as session:
        assert history.read_known(session, ACCOUNT) == ()


def test_a_first_contact_with_many_deployments_is_one_change(database: Database) -> None:
    names = [f"d{number}" for number in range(1500)]
    change = met(*names, opened=tuple(segment(name) for name in names))
    write(database, change)
    with database.reading() as session:
        remembered = history.read_remembered(session, ACCOUNT, since=T0)
        chosen = history.read_segments(
            session, ACCOUNT, **ANYTIME, uids=[Uid(uid_of(name)) for name in names]
        )
    assert len(remembered.known) == len(remembered.open_segments) == len(chosen) == len(names)
