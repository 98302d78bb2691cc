"""What is too old goes; what something still rests on stays, and so does everything of money."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from firewarden.model.delivery import Destination, Receipt, Way
from firewarden.model.notice import Notice
from firewarden.model.usage import LedgerChange, RunChange
from firewarden.model.vocabulary import Severity
from firewarden.store import ledger, notices, outbox, retention
from firewarden.store.claiming import claim_next
from firewarden.store.counts import count_letters
from firewarden.store.engine import Database
from firewarden.store.history import first_poll, read_runs, read_scrapes
from firewarden.store.retention import Horizon, Pruned, count_prunable, find_horizon, prune
from firewarden.store.tables import Row
from firewarden.store.usage import replace_usage
from tests.store.values import (
    ACCOUNT,
    HOUR,
    MINUTE,
    T0,
    closed,
    exactly,
    met,
    poll,
    quiet,
    scrape,
    segment,
    uid_of,
    usage,
)

DAY = timedelta(days=1)
NOW = T0 + 200 * DAY
COSTS = Destination(way=Way.SLACK, address="gpu-costs")
IDLE = Notice(
    account=ACCOUNT, kind="idle.warn", key="idle", severity=Severity.WARN, at=T0, text="idle"
)


def observe(database: Database, *days: int) -> None:
    """Poll and scrape once on each of the *days* since `T0`; the first meets "search"."""
    for day in days:
        at = T0 + day * DAY
        change = met("search", opened=(segment(),)) if day == 0 else LedgerChange()
        with database.writing() as session:
            ledger.write_change(session, ACCOUNT, change, at=at)
            ledger.write_poll(session, poll(at))
            ledger.write_scrape(session, scrape(at), RunChange())


def horizon(
    database: Database, *, evidence: datetime = NOW, letters: datetime = NOW
) -> Horizon | None:
    with database.reading() as session:
        return find_horizon(session, ACCOUNT, evidence=evidence, letters=letters)


def removed(database: Database, *, evidence: datetime, letters: datetime = T0) -> Pruned:
    gone = Horizon(evidence=evidence, letters=letters)
    with database.reading() as session:
        foretold = count_prunable(session, ACCOUNT, gone)
    with database.writing() as session:
        pruned = prune(session, ACCOUNT, gone)
    assert pruned == foretold
    return pruned


def row_counts(database: Database) -> Mapping[str, int]:
    with database.reading() as session:
        return {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in Row.metadata.tables.items()
        }


def write_runs(database: Database, *days: int) -> None:
    """Let "search" be quiet from each of the *days* to the next; the last goes on."""
    ends = [T0 + day * DAY for day in days[1:]]
    with database.writing() as session:
        for day, end in zip(days, [*ends, None], strict=True):
            run = quiet(T0 + day * DAY, end)
            change = RunChange(closed=(run,)) if end else RunChange(opened=(run,))
            ledger.write_scrape(session, scrape(T0 + day * DAY), change)


def tell(database: Database, *said: Notice, sent: bool = True) -> None:
    with database.writing() as session:
        for notice in said:
            notices.record(session, notice, [COSTS])
    while sent:
        with database.writing() as session:
            letter = claim_next(session, ACCOUNT, now=NOW)
            if letter is None:
                return
            outbox.mark_sent(session, letter, Receipt(at=letter.notice.at), now=NOW - DAY)


def test_nothing_goes_of_an_account_that_was_never_polled_whole(database: Database) -> None:
    assert horizon(database) is None
    with database.writing() as session:
        ledger.write_poll(session, poll(complete=False))

    assert horizon(database) is None


def test_evidence_is_kept_for_as_long_as_was_asked(database: Database) -> None:
    observe(database, 0, 50, 199)

    asked = NOW - 100 * DAY
    assert horizon(database, evidence=asked) == Horizon(evidence=asked, letters=NOW)


@pytest.mark.parametrize("days", [20, 199])
def test_what_came_before_a_long_absence_of_the_daemon_is_kept_to_the_newest_poll(
    database: Database, days: int
) -> None:
    observe(database, 0, days)

    found = horizon(database, evidence=NOW - 100 * DAY)

    assert found is not None
    assert found.evidence == min(NOW - 100 * DAY, T0 + (days - 1) * DAY)


def test_evidence_of_an_hour_that_has_to_be_measured_again_is_kept(database: Database) -> None:
    observe(database, 0, 199)
    with database.writing() as session:
        dirty = LedgerChange(dirty=frozenset({(T0 + 30 * DAY, uid_of("search"))}))
        ledger.write_change(session, ACCOUNT, dirty, at=T0)

    found = horizon(database, evidence=NOW - 100 * DAY)

    assert found is not None
    assert found.evidence == T0 + 29 * DAY


def test_evidence_is_kept_since_the_last_sight_of_what_may_be_gone(database: Database) -> None:
    observe(database, 0, 199)
    unseen = replace(segment(), confirmed_at=T0 + 40 * DAY)
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, LedgerChange(amended=(unseen,)), at=T0)

    found = horizon(database, evidence=NOW - 100 * DAY)

    assert found is not None
    assert found.evidence == T0 + 39 * DAY


def test_polls_and_scrapes_before_the_horizon_go_but_for_the_first_poll(
    database: Database,
) -> None:
    observe(database, 0, 1, 2, 50)

    assert removed(database, evidence=T0 + 2 * DAY) == Pruned(polls=1, scrapes=2)

    with database.reading() as session:
        first = first_poll(session, ACCOUNT)
        scrapes = read_scrapes(session, ACCOUNT, since=T0)
    assert first is not None
    assert first.asked_at == T0
    assert [each.answered_at for each in scrapes] == [T0 + 2 * DAY, T0 + 50 * DAY]


def test_a_run_of_use_goes_when_all_of_it_is_before_the_horizon(database: Database) -> None:
    observe(database, 0)
    write_runs(database, 0, 10, 20)

    assert removed(database, evidence=T0 + 15 * DAY).runs == 1

    with database.reading() as session:
        runs = read_runs(session, ACCOUNT, since=T0, until=NOW)
    assert [each.since for each in runs] == [T0 + 10 * DAY, T0 + 20 * DAY]


def test_what_is_open_or_money_is_never_removed(database: Database) -> None:
    observe(database, *range(5))
    write_runs(database, 0)
    ended = closed(segment(), exactly(T0 + DAY))
    with database.writing() as session:
        ledger.write_change(session, ACCOUNT, LedgerChange(closed=(ended,)), at=T0)
        replace_usage(session, T0, uid_of("search"), [usage()])
    tell(database, IDLE, replace(IDLE, key="other", at=T0 + MINUTE), sent=False)
    before = row_counts(database)

    removed(database, evidence=NOW, letters=NOW)

    after = row_counts(database)
    assert {name for name in before if before[name] != after[name]} == {"poll", "scrape"}


def test_letters_of_what_is_over_go_and_are_still_counted(database: Database) -> None:
    over = replace(IDLE, at=T0 + HOUR, resolved=True)
    tell(database, IDLE)
    tell(database, over)
    tell(database, replace(IDLE, key="event", once=True))
    with database.reading() as session:
        counted = count_letters(session, ACCOUNT)
    assert counted == {("slack:gpu-costs", "sent"): 3}
    observe(database, 0)

    assert removed(database, evidence=T0, letters=T0 + DAY) == Pruned(letters=3)

    tell(database, replace(IDLE, at=T0 + 2 * DAY))
    with database.reading() as session:
        assert count_letters(session, ACCOUNT) == {("slack:gpu-costs", "sent"): 4}


def test_an_event_whose_letter_is_gone_is_not_told_again(database: Database) -> None:
    event = replace(IDLE, once=True)
    tell(database, event)
    observe(database, 0)
    assert removed(database, evidence=T0, letters=NOW).letters == 1

    with database.writing() as session:
        assert not notices.record(session, event, [COSTS])


def test_the_letter_of_what_still_stands_is_kept_to_be_edited(database: Database) -> None:
    tell(database, IDLE)
    observe(database, 0)

    assert removed(database, evidence=T0, letters=NOW) == Pruned()


def test_one_transaction_removes_a_bounded_number_of_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe(database, *range(9))
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    gone = Horizon(evidence=T0 + 8 * DAY, letters=T0)

    counts = []
    for _ in range(4):
        with database.writing() as session:
            counts.append(prune(session, ACCOUNT, gone))

    assert [each.polls for each in counts] == [3, 3, 1, 0]
    assert [each.scrapes for each in counts] == [3, 3, 2, 0]
