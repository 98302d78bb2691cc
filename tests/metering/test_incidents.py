"""What went wrong for others, fed to our meter."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from firewarden.metering.evidence import EvidenceBook
from firewarden.metering.fold import Ledger
from firewarden.model.activity import Sample, Use
from firewarden.model.usage import Evidence
from tests.metering.builders import (
    ACTIVE,
    CHAT,
    EVERY,
    NOTHING_REMEMBERED,
    QUIET,
    Shelf,
    a_deployment,
    a_fleet,
    a_name,
    a_read,
    a_scrape,
    after,
    between,
)

RUNNING = a_fleet(0, CHAT)


def scraped(book: EvidenceBook, since: int, until: int, sample: Sample | None = QUIET) -> None:
    for at in range(since, until + 1, 30):
        book.fold(a_scrape(at, {} if sample is None else {a_name(): sample}), RUNNING)


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        pytest.param(None, "HTTP 500", id="an error"),
        pytest.param(None, "", id="an empty answer"),
        pytest.param(Sample(), "", id="fields that are missing"),
        pytest.param(Sample(request_rate=float("nan")), "", id="not a number"),
    ],
)
def test_incident_A1_missing_numbers_freeze_the_idle_clock(
    sample: Sample | None, problem: str
) -> None:
    book = EvidenceBook((), ())
    scraped(book, 0, 300)

    for at in range(330, 3600, 30):
        samples = {a_name(): sample} if sample else {}
        book.fold(a_scrape(at, samples, whole=not problem, problem=problem), RUNNING)

    evidence = book.look(CHAT.uid, now=after(3600))
    assert evidence.use is Use.UNKNOWN
    assert (evidence.quiet_since, evidence.quiet_until) == (after(0), after(300))
    assert evidence.because


def test_incident_A2_metrics_that_stop_in_minute_5_cover_a_twelfth_of_the_hour() -> None:
    book = EvidenceBook((), ())
    scraped(book, 30, 300)

    covered = book.coverage(CHAT.uid, since=after(0), until=after(3600), every=EVERY)

    assert covered == 10 / 120
    assert book.look(CHAT.uid, now=after(3600)).newest_at == after(300)


def test_incident_A3_one_short_request_a_minute_is_never_idle() -> None:
    """The rate is over a minute and is asked for twice in it, so no request falls between."""
    book = EvidenceBook((), ())
    one_a_minute = Sample(request_rate=1 / 60, prompt_token_rate=0.5, concurrency=0.0)

    for at in range(0, 3600, 30):
        book.fold(a_scrape(at, one_a_minute), RUNNING)
        assert book.look(CHAT.uid, now=after(at)).quiet_since is None


def test_incident_A4_numbers_that_fall_are_rates_and_not_counters_reset() -> None:
    book = EvidenceBook((), ())
    scraped(book, 0, 0, Sample(request_rate=900.0, prompt_token_rate=0.0, concurrency=0.0))

    scraped(book, 30, 30, Sample(request_rate=3.0, prompt_token_rate=0.0, concurrency=0.0))

    assert book.look(CHAT.uid, now=after(30)).use is Use.ACTIVE


def test_incident_A5_two_hours_dead_and_the_quiet_time_starts_over() -> None:
    shelf, book = Shelf(), EvidenceBook((), ())
    for at in range(0, 1800, 30):
        shelf.put_runs(book.fold(a_scrape(at, QUIET), RUNNING), book.last_record)

    again = EvidenceBook(shelf.runs.values(), shelf.scrapes)
    again.fold(a_scrape(9000, QUIET), RUNNING)

    assert again.look(CHAT.uid, now=after(9000)).quiet_since == after(9000)


def test_incident_A5_a_restart_without_a_hole_does_not_start_over() -> None:
    shelf, book = Shelf(), EvidenceBook((), ())
    for at in range(0, 1800, 30):
        shelf.put_runs(book.fold(a_scrape(at, QUIET), RUNNING), book.last_record)

    again = EvidenceBook(shelf.runs.values(), shelf.scrapes)
    again.fold(a_scrape(1860, QUIET), RUNNING)

    assert again.look(CHAT.uid, now=after(1860)).quiet_since == after(0)


def test_incident_A6_an_old_deployment_is_quiet_since_first_sight_not_since_creation() -> None:
    book = EvidenceBook((), ())

    book.fold(a_scrape(0, QUIET), RUNNING)

    assert CHAT.created_at < after(-86_400)
    assert book.look(CHAT.uid, now=after(0)).quiet_since == after(0)


def test_incident_A7_a_cold_start_of_25_minutes_is_not_quiet() -> None:
    starting = a_fleet(0, a_deployment(ready_replica_count=0, starting_replica_count=1))
    book = EvidenceBook((), ())

    for at in range(0, 1500, 30):
        book.fold(a_scrape(at, QUIET), starting)
        assert book.look(CHAT.uid, now=after(at)).quiet_since is None
    book.fold(a_scrape(1500, QUIET), RUNNING)

    assert book.look(CHAT.uid, now=after(1500)).quiet_since == after(1500)


def test_incident_A8_a_start_that_never_ends_is_metered_apart() -> None:
    stuck = a_deployment(ready_replica_count=0, starting_replica_count=1, state="CREATING")
    shelf, ledger = Shelf(), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    for at in range(0, 3631, 30):
        shelf.put_poll(a_fleet(at, stuck))
        shelf.put(ledger.fold_fleet(a_fleet(at, stuck)))

    (usage,) = shelf.measure(after(30), after(3630))

    assert (usage.gpu_ms, usage.starting_ms) == (0, 8 * 3_600_000)
    assert ledger.ready_since(CHAT.uid) is None


def test_incident_A11_a_lost_page_closes_nothing() -> None:
    others = [a_deployment(f"d{number}") for number in range(5)]
    ledger = Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    ledger.fold_fleet(a_fleet(0, CHAT, *others))

    change = ledger.fold_fleet(a_fleet(30, CHAT, complete=False))

    assert change.is_empty
    assert ledger.missing == ()
    assert len(ledger.open_segments) == 6


def test_incident_A12_what_is_created_again_inherits_nothing() -> None:
    young = a_deployment(created_at=after(605))
    book, ledger = EvidenceBook((), ()), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    for at in range(0, 601, 30):
        ledger.fold_fleet(a_fleet(at, CHAT))
        book.fold(a_scrape(at, QUIET), a_fleet(at, CHAT))

    change = ledger.fold_fleet(a_fleet(630, young))
    book.fold(a_scrape(630, QUIET), a_fleet(630, young))

    assert [segment.uid for segment in change.closed] == [CHAT.uid]
    assert book.look(CHAT.uid, now=after(630)).quiet_since is None
    assert book.look(young.uid, now=after(630)).quiet_since == after(630)
    assert ledger.ready_since(young.uid) == after(631)


@pytest.mark.parametrize("jump", [
    pytest.param(timedelta(hours=3), id="three hours ahead"),
    pytest.param(timedelta(hours=-3), id="three hours back"),
])  # fmt: skip
def test_incident_A23_a_jump_of_the_clock_voids_the_quiet_time_and_is_a_gap(
    jump: timedelta,
) -> None:
    book, ledger, shelf = (
        EvidenceBook((), ()),
        Ledger(NOTHING_REMEMBERED, poll_every=EVERY),
        Shelf(),
    )
    offset = 0.0
    for at in range(0, 1200, 30):
        offset = jump.total_seconds() if at >= 600 else 0.0
        fleet = a_fleet(at + offset, CHAT)
        shelf.put_poll(fleet)
        shelf.put(ledger.fold_fleet(fleet))
        book.fold(a_scrape(at + offset, QUIET), fleet)

    now = after(1170 + offset)
    assert book.look(CHAT.uid, now=now).quiet_since == after(600 + offset)
    assert len(shelf.gaps) == 1
    for usage in shelf.measure(after(-20_000), after(20_000)):
        assert 0 <= usage.low_ms <= usage.gpu_ms <= usage.high_ms


def test_incident_A23_instants_of_any_zone_are_the_same_instants() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    here, there = (Ledger(NOTHING_REMEMBERED, poll_every=EVERY) for _ in range(2))

    for at, count in ((0, 1), (30, 1), (60, 2), (3600, 2)):
        fleet = a_fleet(at, a_deployment(ready_replica_count=count))
        elsewhere = replace(
            fleet,
            asked_at=fleet.asked_at.astimezone(kolkata),
            answered_at=fleet.answered_at.astimezone(kolkata),
        )
        assert there.fold_fleet(elsewhere) == here.fold_fleet(fleet)


def test_incident_A27_what_vanishes_stops_accruing_and_its_end_is_bracketed() -> None:
    shelf, ledger = Shelf(), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    for at in range(0, 301, 30):
        shelf.put_poll(a_fleet(at, CHAT))
        shelf.put(ledger.fold_fleet(a_fleet(at, CHAT)))
    for at in range(330, 3601, 30):
        shelf.put_poll(a_fleet(at))
        shelf.put(ledger.fold_fleet(a_fleet(at)))
        for uid in ledger.missing:
            shelf.put(ledger.fold_examined(uid, a_read(at + 2, None)))

    (usage,) = shelf.measure(after(0), after(3600))

    (segment,) = shelf.segments.values()
    assert (segment.ended, segment.end_evidence) == (between(300, 332.5), Evidence.ABSENT)
    assert usage.low_ms == 8 * 299_000
    assert usage.high_ms == 8 * 331_500


def test_incident_A27_an_outage_is_flagged_and_never_filled_in_silence() -> None:
    shelf, ledger = Shelf(), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    for at in (0, 30, 3630, 3660):
        shelf.put_poll(a_fleet(at, CHAT))
        shelf.put(ledger.fold_fleet(a_fleet(at, CHAT)))

    (usage,) = shelf.measure(after(0), after(3660))

    assert usage.gap_ms == 8 * 3_601_000
    assert (usage.low_ms, usage.high_ms) == (8 * 58_000, 8 * 58_000 + 32 * 3_601_000)
    assert ledger.ready_since(CHAT.uid) == after(3631)


def test_use_is_remembered_with_its_instant() -> None:
    book = EvidenceBook((), ())
    scraped(book, 0, 60, ACTIVE)
    scraped(book, 90, 600)

    assert book.look(CHAT.uid, now=after(600)).active_at == after(60)
