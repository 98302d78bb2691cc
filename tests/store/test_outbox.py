"""A letter goes once, in the order of its story, and its receipt is what counts."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firewarden.model.delivery import Delivery, Destination, Receipt, Way
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.store import channels, notices, outbox
from firewarden.store.claiming import LEASE, claim_next, next_due
from firewarden.store.deliveries import deliveries, read_backlog
from firewarden.store.engine import Database
from firewarden.store.letters import Letter, letter_key, notice_json, notice_of
from tests.store.values import ACCOUNT, HOUR, MINUTE, SECOND, T0, TEXTS, WHOLE_MS, uid_of, undone

WALL = datetime.fromisoformat("2026-11-22T15:00:00Z")
"""Now by the wall, which has nothing to do with what the daemon's clock shows."""

COSTS = Destination(way=Way.SLACK, address="gpu-costs")
RESEARCH = Destination(way=Way.SLACK, address="gpu-research")
HOOK = Destination(way=Way.WEBHOOK, address="pager")
LOG = Destination(way=Way.LOG)
STORY = "incident:idle:exp-7"
WARNING = Notice(
    account=ACCOUNT,
    kind="idle.warn",
    key=STORY,
    severity=Severity.WARN,
    at=T0,
    text="exp-7 idle 45 min",
    facts={"gpu_count": "8"},
)
WORSE = replace(WARNING, severity=Severity.PAGE, at=T0 + MINUTE, text="exp-7 idle for ever")
CANCELLED = replace(
    WARNING, kind="idle.cancelled", at=T0 + HOUR, text="exp-7 left alone", resolved=True
)
ACTED = replace(CANCELLED, kind="idle.acted", text="exp-7 scaled to zero")
PUT_BACK = replace(
    WARNING, kind="deployment.restored", key="restored:1", at=T0 + 2 * HOUR, once=True, story=STORY
)


def write(
    database: Database,
    *said: Notice,
    to: Collection[Destination] = (COSTS,),
    count: int | None = None,
) -> None:
    with database.writing() as session:
        news = [notices.record(session, notice, to) for notice in said]
    assert sum(news) == (len(said) if count is None else count)


def claim(
    database: Database, *, at: datetime = WALL, account: AccountId = ACCOUNT
) -> Letter | None:
    with database.writing() as session:
        return claim_next(session, account, now=at)


def claimed(database: Database, *, at: datetime = WALL) -> Letter:
    letter = claim(database, at=at)
    assert letter is not None
    return letter


def took(database: Database, letter: Letter, *, at: datetime = T0, now: datetime = WALL) -> Receipt:
    receipt = Receipt(at=at, channel="C1", message=f"{letter.number}.0")
    with database.writing() as session:
        outbox.mark_sent(session, letter, receipt, now=now)
    return receipt


def send(database: Database, *, at: datetime = WALL) -> Letter:
    """Claim one and have it taken at once."""
    letter = claimed(database, at=at)
    took(database, letter, now=at)
    return letter


def delivery(database: Database, story: str = STORY) -> Delivery:
    with database.reading() as session:
        return deliveries(session, ACCOUNT, [story])[story]


def told_at(database: Database) -> list[datetime | None]:
    with database.reading() as session:
        return [alert.delivered_at for alert in notices.read_alerts(session, ACCOUNT, since=T0)]


def test_what_is_recorded_is_claimed_once_and_settled(database: Database) -> None:
    write(database, WARNING)

    letter = claimed(database)
    assert (letter.notice, letter.destination, letter.tries) == (WARNING, COSTS, 1)
    assert (letter.root, letter.doubts, letter.resolved) == (None, (), "")
    assert letter.expires_at == WALL + timedelta(days=1)
    assert claim(database) is None
    took(database, letter, at=T0 + MINUTE)

    assert claim(database, at=WALL + HOUR) is None
    assert delivery(database) == Delivery(delivered_at=T0 + MINUTE)
    assert told_at(database) == [T0 + MINUTE]


def test_said_again_nothing_is_added(database: Database) -> None:
    write(database, WARNING, replace(WARNING, at=T0 + MINUTE), count=1)
    send(database)

    write(database, replace(WARNING, at=T0 + 2 * MINUTE), count=0)

    assert claim(database, at=WALL + HOUR) is None


def test_a_letter_is_added_or_not_with_what_it_tells_of(database: Database) -> None:
    with undone(database) as session:
        assert notices.record(session, WARNING, [COSTS])

    assert claim(database) is None


def test_letters_of_other_accounts_are_left_alone(database: Database) -> None:
    write(database, WARNING)

    assert claim(database, account=AccountId("other")) is None
    assert claim(database, account=ACCOUNT) is not None


def test_one_message_at_a_time_and_not_faster_than_slack_shows_them(database: Database) -> None:
    write(database, WARNING, replace(WARNING, key="another"))

    first = claimed(database)
    assert claim(database, at=WALL + SECOND) is None
    took(database, first, now=WALL + 5 * SECOND)

    free_at = WALL + 5 * SECOND + outbox.SPACING
    assert claim(database, at=free_at - timedelta(milliseconds=1)) is None
    assert claimed(database, at=free_at).notice.key == "another"


def test_channels_do_not_wait_for_each_other(database: Database) -> None:
    write(database, WARNING, to=[COSTS, RESEARCH, LOG])

    letters = [claim(database), claim(database), claim(database), claim(database)]

    assert [letter.destination for letter in letters if letter] == [COSTS, RESEARCH, LOG]


def test_pages_go_first(database: Database) -> None:
    write(database, WARNING, replace(WORSE, key="another"))

    assert claimed(database).notice.severity is Severity.PAGE


def test_what_was_claimed_by_one_that_died_is_claimed_again_in_doubt(database: Database) -> None:
    write(database, WARNING)
    first = claimed(database)

    assert claim(database, at=WALL + LEASE - SECOND) is None
    again = claimed(database, at=WALL + LEASE)

    assert (again.number, again.tries) == (first.number, 2)
    assert (again.doubts, again.doubted_since) == ((first.key,), WALL)
    assert (again.first_tried_at, again.expires_at) == (WALL, first.expires_at)


def test_of_several_the_newest_goes_and_later_ones_edit_it(database: Database) -> None:
    write(database, WARNING, WORSE)
    first = claimed(database)
    assert (first.notice, first.root) == (WORSE, None)
    receipt = took(database, first)

    write(database, ACTED)
    second = claimed(database, at=WALL + MINUTE)

    assert (second.notice, second.root) == (ACTED, receipt)
    with database.reading() as session:
        assert outbox.root_of(session, ACTED, COSTS) == receipt
        assert outbox.root_of(session, ACTED, RESEARCH) is None


def test_what_happened_is_told_in_its_turn_and_not_replaced(database: Database) -> None:
    write(database, WARNING, ACTED, PUT_BACK)

    told = [send(database, at=WALL + number * MINUTE).notice for number in range(2)]

    assert told == [ACTED, PUT_BACK]
    assert claim(database, at=WALL + HOUR) is None


def test_an_event_belongs_to_the_message_of_its_story_though_that_is_over(
    database: Database,
) -> None:
    write(database, WARNING, ACTED)
    receipt = took(database, claimed(database))

    write(database, PUT_BACK, PUT_BACK, count=1)

    letter = claimed(database, at=WALL + MINUTE)
    assert (letter.notice, letter.root) == (PUT_BACK, receipt)
    took(database, letter, now=WALL + MINUTE)
    write(database, replace(PUT_BACK, at=T0 + 9 * HOUR), count=0)
    assert told_at(database) == [T0, T0]


def test_an_event_is_no_warning(database: Database) -> None:
    write(database, PUT_BACK)
    send(database)

    assert delivery(database) == Delivery()


def test_a_later_one_waits_until_the_earlier_is_settled(database: Database) -> None:
    write(database, WARNING)
    first = claimed(database)

    write(database, ACTED)
    assert claim(database, at=WALL + SECOND) is None
    took(database, first)

    assert claimed(database, at=WALL + MINUTE).notice == ACTED


def test_news_after_the_end_begin_a_message_of_their_own(database: Database) -> None:
    write(database, WARNING)
    send(database)
    write(database, CANCELLED)
    send(database, at=WALL + MINUTE)

    write(database, replace(WARNING, at=T0 + 2 * HOUR))

    assert claimed(database, at=WALL + 2 * MINUTE).root is None


@pytest.mark.parametrize(
    ("end", "destination", "goes"),
    [
        pytest.param(CANCELLED, COSTS, False, id="nobody on Slack heard of it"),
        pytest.param(ACTED, COSTS, True, id="something was done all the same"),
        pytest.param(CANCELLED, HOOK, True, id="a program may count beginnings and ends"),
        pytest.param(CANCELLED, LOG, True, id="the log tells everything"),
    ],
)
def test_what_was_over_before_anybody_heard_of_it(
    database: Database, end: Notice, destination: Destination, *, goes: bool
) -> None:
    write(database, WARNING, end, to=[destination])

    letter = claim(database)

    assert (letter is not None and letter.notice == end) is goes
    assert told_at(database) == [None if goes else end.at]


def test_the_end_of_what_was_perhaps_heard_of_goes(database: Database) -> None:
    write(database, WARNING)
    lost = claimed(database)

    write(database, CANCELLED)
    letter = claimed(database, at=WALL + LEASE)

    assert (letter.notice, letter.root, letter.doubts) == (CANCELLED, None, (lost.key,))


def test_where_it_turns_out_that_nobody_did_nothing_is_said(database: Database) -> None:
    write(database, WARNING)
    claimed(database)
    write(database, CANCELLED)
    letter = claimed(database, at=WALL + LEASE)

    with database.writing() as session:
        outbox.withdraw(session, letter)

    assert claim(database, at=WALL + HOUR) is None
    assert told_at(database) == [CANCELLED.at]


def test_a_try_that_failed_is_repeated_when_it_is_due(database: Database) -> None:
    write(database, WARNING)
    letter = claimed(database)
    due = WALL + 5 * MINUTE
    with database.writing() as session:
        outbox.postpone(session, letter, "HTTP 503", next_at=due, now=WALL)
        assert next_due(session, ACCOUNT, now=WALL) == due

    assert claim(database, at=due - SECOND) is None
    again = claimed(database, at=due)
    assert (again.tries, again.doubts) == (2, ())


@pytest.mark.parametrize("in_doubt", [True, False])
def test_a_try_that_may_have_been_taken_is_remembered_as_such(
    database: Database, *, in_doubt: bool
) -> None:
    write(database, WARNING)
    letter = claimed(database)
    with database.writing() as session:
        outbox.postpone(
            session, letter, "time-out", next_at=WALL + SECOND, now=WALL, in_doubt=in_doubt
        )

    again = claimed(database, at=WALL + MINUTE)

    assert again.doubts == ((letter.key,) if in_doubt else ())


def test_a_channel_that_failed_rests_before_the_next_message(database: Database) -> None:
    write(database, WARNING, replace(WARNING, key="another"))
    letter = claimed(database)
    with database.writing() as session:
        outbox.postpone(session, letter, "HTTP 503", next_at=WALL + 15 * MINUTE, now=WALL)

    assert claim(database, at=WALL + outbox.REST - SECOND) is None
    assert claimed(database, at=WALL + outbox.REST).notice.key == "another"


def test_doubt_stays_until_there_is_a_receipt(database: Database) -> None:
    write(database, WARNING)
    claimed(database)
    letter = claimed(database, at=WALL + LEASE)
    with database.writing() as session:
        outbox.put_off(session, letter, "HTTP 429", until=WALL + HOUR, now=WALL + LEASE)
    letter = claimed(database, at=WALL + HOUR)
    with database.writing() as session:
        outbox.postpone(session, letter, "HTTP 503", next_at=WALL + HOUR, now=WALL + HOUR)

    assert claimed(database, at=WALL + 2 * HOUR).doubts == (letter.key,)


def test_a_channel_that_asked_to_be_left_alone_is_left_alone_and_no_other(
    database: Database,
) -> None:
    write(database, WARNING, to=[COSTS, RESEARCH])
    letter = claimed(database)
    until = WALL + 30 * SECOND
    with database.writing() as session:
        outbox.put_off(session, letter, "HTTP 429", until=until, now=WALL)

    assert send(database).destination == RESEARCH
    assert claim(database, at=until - SECOND) is None
    with database.reading() as session:
        assert next_due(session, ACCOUNT, now=WALL) == until
    again = claimed(database, at=until)
    assert (again.number, again.tries) == (letter.number, 1)


def test_what_else_waits_for_a_channel_that_asked_to_be_left_alone_waits_too(
    database: Database,
) -> None:
    write(database, WARNING, replace(WARNING, key="another"))
    until = WALL + 30 * SECOND
    letter = claimed(database)
    with database.writing() as session:
        outbox.put_off(session, letter, "HTTP 429", until=until, now=WALL)

    assert claim(database, at=until - SECOND) is None
    assert claimed(database, at=until).notice.key == "another"


def test_news_make_what_waits_for_its_next_try_due(database: Database) -> None:
    write(database, WARNING)
    with database.writing() as session:
        letter = claim_next(session, ACCOUNT, now=WALL)
        assert letter is not None
        outbox.postpone(session, letter, "HTTP 503", next_at=WALL + HOUR, now=WALL)
    assert claim(database, at=WALL + MINUTE) is None

    write(database, WORSE)

    assert claimed(database, at=WALL + MINUTE).notice == WORSE


def test_nothing_waits_for_what_is_settled(database: Database) -> None:
    write(database, WARNING)
    with database.reading() as session:
        assert next_due(session, ACCOUNT, now=WALL) == WALL
    send(database)

    with database.reading() as session:
        assert next_due(session, ACCOUNT, now=WALL) is None


def test_a_letter_that_was_given_up_goes_elsewhere_once(database: Database) -> None:
    write(database, WARNING)
    letter = claimed(database)
    with database.writing() as session:
        outbox.bury(session, letter, "channel_not_found", now=WALL)
        outbox.put_again(session, letter, [RESEARCH])
        outbox.put_again(session, letter, [RESEARCH, COSTS])

    other = send(database)

    assert (other.destination, other.notice) == (RESEARCH, WARNING)
    assert claim(database, at=WALL + MINUTE) is None


@pytest.mark.parametrize(
    ("taken_by", "delivered"),
    [
        pytest.param([LOG], False, id="the log alone does not count"),
        pytest.param([COSTS], True, id="the channel counts"),
        pytest.param([LOG, HOOK], True, id="any place with receipts counts"),
    ],
)
def test_only_places_that_give_receipts_count_where_there_are_any(
    database: Database, taken_by: list[Destination], *, delivered: bool
) -> None:
    write(database, WARNING, to=[LOG, COSTS, HOOK])
    for _ in range(3):
        letter = claimed(database)
        if letter.destination in taken_by:
            took(database, letter)

    assert (delivery(database).delivered_at == T0) is delivered
    assert (told_at(database) == [T0]) is delivered


def test_where_there_is_no_such_place_the_log_counts(database: Database) -> None:
    write(database, WARNING, to=[LOG])
    assert delivery(database) == Delivery()
    send(database)

    assert delivery(database) == Delivery(delivered_at=T0)
    assert told_at(database) == [T0]


def test_the_first_receipt_of_the_warning_counts_and_not_that_of_its_end(
    database: Database,
) -> None:
    write(database, WARNING, to=[COSTS, RESEARCH])
    took(database, claimed(database), at=T0 + 2 * MINUTE)
    took(database, claimed(database), at=T0 + MINUTE)
    write(database, CANCELLED)
    took(database, claimed(database, at=WALL + HOUR), at=T0 + 2 * HOUR)

    assert delivery(database) == Delivery(delivered_at=T0 + MINUTE)


@pytest.mark.parametrize(
    ("tries", "buried", "failed"),
    [
        pytest.param(2, False, False, id="tried twice"),
        pytest.param(3, False, True, id="tried three times"),
        pytest.param(1, True, True, id="given up at once"),
    ],
)
def test_a_warning_has_failed_when_no_place_could_be_reached(
    database: Database, tries: int, *, buried: bool, failed: bool
) -> None:
    write(database, WARNING, to=[LOG, COSTS])
    send(database)
    at = WALL
    for _ in range(tries):
        letter = claimed(database, at=at)
        at += MINUTE
        with database.writing() as session:
            if buried:
                outbox.bury(session, letter, "is_archived", now=at)
            else:
                outbox.postpone(session, letter, "HTTP 503", next_at=at, now=at - MINUTE)

    assert delivery(database) == Delivery(failed=failed)


def test_as_long_as_another_place_may_be_reached_it_has_not_failed(database: Database) -> None:
    write(database, WARNING)
    letter = claimed(database)
    with database.writing() as session:
        outbox.bury(session, letter, "is_archived", now=WALL)
        outbox.put_again(session, letter, [RESEARCH])
    assert delivery(database) == Delivery()

    send(database)

    assert delivery(database) == Delivery(delivered_at=T0)


def test_of_a_story_that_nobody_told_nothing_is_known(database: Database) -> None:
    assert delivery(database, "no such story") == Delivery()


def test_a_receipt_that_comes_late_is_kept(database: Database) -> None:
    write(database, WARNING)
    slow = claimed(database)
    fast = claimed(database, at=WALL + LEASE)
    took(database, slow, at=T0)
    with database.writing() as session:
        outbox.bury(session, fast, "time-out", now=WALL)

    assert delivery(database) == Delivery(delivered_at=T0)


def test_what_waits_is_counted_with_the_age_of_the_oldest(database: Database) -> None:
    write(database, WARNING, replace(WARNING, key="another", at=T0 + MINUTE))
    with database.writing() as session:
        channels.degrade(session, COSTS, "is_archived", at=T0)
        channels.degrade(session, COSTS, "is_archived", at=T0 + HOUR)
        backlog = read_backlog(session, [ACCOUNT])
        assert channels.mend(session, COSTS)
        assert not channels.mend(session, COSTS)
        assert channels.degraded(session) == {}

    assert (backlog.waiting_count, backlog.oldest_at) == (2, T0)
    assert backlog.degraded == {"slack:gpu-costs": T0}
    with database.reading() as session:
        assert read_backlog(session, [AccountId("other")]).waiting_count == 0


def test_a_channel_keeps_its_id_and_the_later_of_two_instants(database: Database) -> None:
    with database.writing() as session:
        channels.remember(session, COSTS, "C123")
        channels.close_until(session, COSTS, WALL + MINUTE)
        channels.close_until(session, COSTS, WALL + SECOND)
        assert channels.closed(session, now=WALL) == {"slack:gpu-costs": WALL + MINUTE}
    write(database, WARNING)

    assert claim(database) is None
    assert claimed(database, at=WALL + MINUTE).resolved == "C123"


@pytest.mark.parametrize(
    ("changes", "destination", "hours"),
    [
        pytest.param({"severity": Severity.WARN}, COSTS, 24, id="a warning"),
        pytest.param({"severity": Severity.PAGE}, COSTS, 24, id="a page"),
        pytest.param({"severity": Severity.INFO}, COSTS, 24, id="what comes before an act"),
        pytest.param({"severity": Severity.INFO, "kind": "meter.gap"}, COSTS, 2, id="by the way"),
    ],
)
def test_how_long_a_letter_is_tried(
    database: Database, changes: dict[str, object], destination: Destination, hours: int
) -> None:
    write(database, replace(WARNING, **changes), to=[destination])  # type: ignore[arg-type]  # any field

    assert claimed(database).expires_at == WALL + hours * HOUR


def test_no_other_ledger_names_a_letter_alike() -> None:
    keys = {
        letter_key(notice, destination, first_at=first_at)
        for notice in (WARNING, WORSE, CANCELLED, ACTED, replace(WARNING, key="another"))
        for destination in (COSTS, RESEARCH)
        for first_at in (T0, T0 + SECOND)
    }

    assert len(keys) == 20
    assert letter_key(WARNING, COSTS, first_at=T0) in keys


def test_of_many_who_claim_at_once_each_letter_goes_to_one_and_each_channel_to_one_at_a_time(
    database: Database,
) -> None:
    places = [Destination(way=Way.SLACK, address=f"c{number}") for number in range(4)]
    write(database, *(replace(WARNING, key=f"{number}") for number in range(6)), to=places)
    claims: list[Letter] = []

    def work(worker: int) -> None:
        for number in range(24):
            at = WALL + number * 2 * outbox.SPACING
            if (letter := claim(database, at=at)) is not None:
                claims.append(letter)
                took(database, letter, now=at)

    with ThreadPoolExecutor(max_workers=4) as pool:
        for done in [pool.submit(work, worker) for worker in range(4)]:
            done.result()

    assert len(claims) == len({letter.number for letter in claims}) == 24
    assert [letter for letter in claims if letter.doubts] == []


def test_what_one_is_at_nobody_else_waits_for(database: Database) -> None:
    """While one claims for a channel, another finds the next channel at once."""
    if database.is_sqlite:
        pytest.skip("of SQLite there is one writer at a time")
    write(database, WARNING, to=[COSTS, RESEARCH])
    with database.writing() as session:
        for met in (COSTS, RESEARCH):
            channels.remember(session, met, "C1")
    with database.writing() as first, database.writing() as second:
        mine = claim_next(first, ACCOUNT, now=WALL)
        other = claim_next(second, ACCOUNT, now=WALL)
        third = claim_next(second, ACCOUNT, now=WALL)

    assert mine is not None
    assert other is not None
    assert (mine.destination, other.destination, third) == (COSTS, RESEARCH, None)


NOTICES = st.builds(
    Notice,
    account=st.just(ACCOUNT),
    kind=TEXTS,
    key=TEXTS,
    severity=st.sampled_from(Severity),
    at=WHOLE_MS,
    text=TEXTS,
    uid=st.none() | st.just(uid_of("search")),
    facts=st.dictionaries(TEXTS, TEXTS, max_size=3),
    resolved=st.booleans(),
    routes=st.lists(TEXTS, max_size=2).map(tuple),
    quietly=st.booleans(),
    once=st.booleans(),
    story=TEXTS,
)


@given(notice=NOTICES)
def test_a_notice_is_read_back_as_it_was_written(notice: Notice) -> None:
    assert notice_of(notice_json(notice)) == notice


@given(turns=st.lists(st.sampled_from(["warn", "worse", "cancel", "act", "send", "lose"])))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_a_story_is_told_in_order_and_its_end_is_told(
    database: Database, turns: list[str]
) -> None:
    """The last thing a channel holds is the last thing that was said, once it can be reached."""
    words = {"warn": WARNING, "worse": WORSE, "cancel": CANCELLED, "act": ACTED}
    heard: list[Notice] = []
    said: list[Notice] = []
    now = WALL
    with undone(database) as session:
        for number, turn in enumerate([*turns, *["send"] * 9]):
            now += 2 * LEASE
            if turn in words:
                notice = replace(words[turn], at=T0 + number * MINUTE)
                if notices.record(session, notice, [COSTS]):
                    said.append(notice)
            elif (letter := claim_next(session, ACCOUNT, now=now)) and turn == "send":
                heard.append(letter.notice)
                receipt = Receipt(at=letter.notice.at, channel="C1", message=str(number))
                outbox.mark_sent(session, letter, receipt, now=now)
    assert heard == sorted(heard, key=lambda notice: notice.at)
    assert len(set(map(notice_json, heard))) == len(heard)
    if said and said[-1].kind != "idle.cancelled":
        assert heard[-1] == said[-1]
    assert [notice for notice in heard if notice.kind == "idle.acted"] == [
        notice for notice in said if notice.kind == "idle.acted"
    ]
