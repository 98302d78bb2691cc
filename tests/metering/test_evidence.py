"""What one scrape says, and what a row of them proves."""

from collections.abc import Sequence
from datetime import timedelta
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.metering.evidence import EvidenceBook, use_of
from firewarden.model.activity import QuietEvidence, Sample, Use
from firewarden.model.fleet import Fleet
from firewarden.model.usage import ActivityRun, RunChange, ScrapeRecord
from tests.metering.builders import (
    ACCOUNT,
    ACTIVE,
    CHAT,
    EVERY,
    QUIET,
    UNREADABLE,
    Shelf,
    a_deployment,
    a_fleet,
    a_scrape,
    after,
)

RUNNING = a_fleet(0, CHAT)
AT_ZERO = a_fleet(0, a_deployment(ready_replica_count=0))


@pytest.mark.parametrize(
    ("changes", "use"),
    [
        pytest.param({}, Use.QUIET, id="all present and zero"),
        pytest.param({"error_rate": None}, Use.QUIET, id="the error series may be absent"),
        pytest.param({"request_rate": -0.0}, Use.QUIET, id="minus zero is zero"),
        pytest.param({"request_rate": 0.017}, Use.ACTIVE, id="one request a minute"),
        pytest.param({"error_rate": 0.5}, Use.ACTIVE, id="errors are traffic"),
        pytest.param({"prompt_token_rate": 3.0}, Use.ACTIVE, id="prompt tokens"),
        pytest.param({"concurrency": 0.2}, Use.ACTIVE, id="a long stream"),
        pytest.param({"request_rate": nan, "concurrency": 1.0}, Use.ACTIVE, id="use beside NaN"),
        pytest.param({"request_rate": None, "error_rate": 1.0}, Use.ACTIVE, id="use beside a hole"),
        pytest.param({"request_rate": None}, Use.UNKNOWN, id="request rate absent"),
        pytest.param({"prompt_token_rate": None}, Use.UNKNOWN, id="prompt-token rate absent"),
        pytest.param({"concurrency": None}, Use.UNKNOWN, id="concurrency absent"),
        pytest.param({"request_rate": nan}, Use.UNKNOWN, id="NaN"),
        pytest.param({"error_rate": nan}, Use.UNKNOWN, id="NaN errors"),
        pytest.param({"concurrency": -1.0}, Use.UNKNOWN, id="negative"),
        pytest.param({"request_rate": inf}, Use.UNKNOWN, id="infinite"),
    ],
)  # fmt: skip
def test_use_of_one_sample(changes: dict[str, Any], use: Use) -> None:
    zero = {"request_rate": 0.0, "error_rate": 0.0, "prompt_token_rate": 0.0, "concurrency": 0.0}

    assert use_of(Sample(**(zero | changes)), absent_is_quiet=False) is use


@pytest.mark.parametrize(
    ("sample", "strict", "lenient"),
    [
        pytest.param(None, Use.UNKNOWN, Use.QUIET, id="no series at all"),
        pytest.param(Sample(), Use.UNKNOWN, Use.QUIET, id="an empty sample"),
        pytest.param(Sample(request_rate=0.0), Use.UNKNOWN, Use.QUIET, id="some series absent"),
        pytest.param(Sample(request_rate=nan), Use.UNKNOWN, Use.UNKNOWN, id="NaN stays unknown"),
        pytest.param(Sample(error_rate=1.0), Use.ACTIVE, Use.ACTIVE, id="use is use"),
    ],
)
def test_absent_series_are_quiet_only_where_the_operator_says_so(
    sample: Sample | None, strict: Use, lenient: Use
) -> None:
    assert use_of(sample, absent_is_quiet=False) is strict
    assert use_of(sample, absent_is_quiet=True) is lenient


Line = tuple[float, Sample | str]


def told(lines: Sequence[Line], *, book: EvidenceBook | None = None) -> EvidenceBook:
    """Fold scrapes of the running deployment; a text instead of a sample: why it failed."""
    book = book or EvidenceBook((), ())
    for at, sample in lines:
        if isinstance(sample, str):
            book.fold(a_scrape(at, {}, whole=False, problem=sample), RUNNING)
        else:
            book.fold(a_scrape(at, sample), RUNNING)
    return book


def every_30s(sample: Sample | str, since: float, until: float) -> list[Line]:
    return [(float(at), sample) for at in range(int(since), int(until) + 1, 30)]


@pytest.mark.parametrize(
    ("lines", "since", "until"),
    [
        pytest.param(every_30s(QUIET, 0, 600), 0, 600, id="quiet from first sight on"),
        pytest.param(
            [*every_30s(QUIET, 0, 300), (330, ACTIVE), *every_30s(QUIET, 360, 600)],
            360, 600, id="use starts it over",
        ),
        pytest.param(
            [*every_30s(QUIET, 0, 300), *every_30s("429", 330, 420), (480, QUIET)],
            0, 480, id="failed scrapes are tolerated for 3 minutes",
        ),
        pytest.param([(0, QUIET), (180, QUIET)], 0, 180, id="neighbours exactly 3 minutes apart"),
        pytest.param([(0, QUIET), (181, QUIET)], 181, 181, id="a hole of more than 3 minutes"),
        pytest.param(
            [*every_30s(QUIET, 0, 300), *every_30s(UNREADABLE, 330, 450), (480, QUIET)],
            0, 480, id="unknown samples are tolerated for 3 minutes",
        ),
        pytest.param(
            [*every_30s(QUIET, 0, 300), *every_30s(UNREADABLE, 330, 480), (510, QUIET)],
            510, 510, id="unknown for longer starts it over",
        ),
        pytest.param(
            [*every_30s(QUIET, 0, 300), *every_30s(UNREADABLE, 330, 900)],
            0, 300, id="does not grow while unknown",
        ),
        pytest.param(
            [*every_30s(QUIET, 0, 300), *every_30s("timed out", 330, 900)],
            0, 300, id="does not grow while scrapes fail",
        ),
        pytest.param(every_30s(UNREADABLE, 0, 900), None, None, id="never known"),
        pytest.param([*every_30s(QUIET, 0, 60), (90, ACTIVE)], None, None, id="in use now"),
        pytest.param([(0, QUIET), (30, UNREADABLE), (60, ACTIVE)], None, None, id="use after"),
    ],
)  # fmt: skip
def test_quiet_since(lines: list[Line], since: float | None, until: float | None) -> None:
    evidence = told(lines).look(CHAT.uid, now=after(lines[-1][0]))

    expected = (since if since is None else after(since), until if until is None else after(until))
    assert (evidence.quiet_since, evidence.quiet_until) == expected


@pytest.mark.parametrize("lines", [
    pytest.param([*every_30s(QUIET, 0, 300), *every_30s(UNREADABLE, 330, 450), (480, QUIET)],
                 id="unknown inside"),
    pytest.param([(0, QUIET), (181, QUIET), (211, QUIET)], id="a hole inside"),
    pytest.param([*every_30s(ACTIVE, 0, 60), *every_30s(QUIET, 90, 300)], id="use before"),
    pytest.param([*every_30s(QUIET, 0, 60), *every_30s(UNREADABLE, 90, 300)], id="unknown now"),
    pytest.param([*every_30s(QUIET, 0, 60), *every_30s(ACTIVE, 90, 300)], id="use now"),
])  # fmt: skip
def test_a_restart_knows_what_was_known(lines: list[Line]) -> None:
    shelf, book = Shelf(), EvidenceBook((), ())
    for at, sample in lines:
        assert isinstance(sample, Sample)
        shelf.put_runs(book.fold(a_scrape(at, sample), RUNNING), book.last_record)
    now = after(lines[-1][0])

    again = EvidenceBook(shelf.runs.values(), shelf.scrapes)

    assert again.look(CHAT.uid, now=now) == book.look(CHAT.uid, now=now)
    known, known_again = (
        each.coverage(CHAT.uid, since=after(0), until=now, every=EVERY) for each in (book, again)
    )
    assert known_again == known > 0


@pytest.mark.parametrize(
    ("lines", "coverage"),
    [
        pytest.param(every_30s(QUIET, 30, 600), 1.0, id="every scrape known"),
        pytest.param(every_30s(ACTIVE, 30, 600), 1.0, id="use is known too"),
        pytest.param(every_30s(QUIET, 30, 300), 0.5, id="nothing since the half"),
        pytest.param(
            [*every_30s(QUIET, 30, 300), *every_30s("503", 330, 600)], 0.5, id="failed scrapes"
        ),
        pytest.param(
            [*every_30s(QUIET, 30, 450), *every_30s(UNREADABLE, 480, 600)], 0.75, id="unknown"
        ),
        pytest.param([], 0.0, id="no scrape"),
        pytest.param([(float(at), QUIET) for at in range(1, 601)], 1.0, id="never above one"),
    ],
)
def test_coverage_of_ten_minutes(lines: list[Line], coverage: float) -> None:
    book = told(lines)

    assert book.coverage(CHAT.uid, since=after(0), until=after(600), every=EVERY) == coverage


def test_frozen_values_are_unknown_from_the_fifth_scrape_until_they_move() -> None:
    book = EvidenceBook((), ())
    whole = []
    for number in range(7):
        book.fold(a_scrape(30 * number, ACTIVE, fingerprint="a1" if number < 6 else "b2"), RUNNING)
        assert book.last_record is not None
        whole.append(book.last_record.whole)
        if number == 5:
            evidence = book.look(CHAT.uid, now=after(150))
            assert evidence.use is Use.UNKNOWN
            assert "frozen" in evidence.because

    assert whole == [True, True, True, True, False, False, True]


def test_zeros_are_never_frozen() -> None:
    book = EvidenceBook((), ())
    for number in range(20):
        book.fold(a_scrape(30 * number, QUIET, fingerprint=""), RUNNING)

    assert book.look(CHAT.uid, now=after(570)).quiet_since == after(0)


def test_a_failed_scrape_is_only_a_record() -> None:
    book = told(every_30s(QUIET, 0, 60))

    change = book.fold(a_scrape(90, {}, whole=False, problem="HTTP 503"), AT_ZERO)

    assert change == RunChange()
    assert book.last_record == ScrapeRecord(
        account=ACCOUNT, answered_at=after(90), whole=False, problem="HTTP 503"
    )
    evidence = book.look(CHAT.uid, now=after(91))
    assert (evidence.use, evidence.because) == (Use.UNKNOWN, "HTTP 503")


@pytest.mark.parametrize(
    ("fleet", "runs"),
    [
        pytest.param(AT_ZERO, [(Use.QUIET, 60)], id="at zero"),
        pytest.param(a_fleet(0), [(Use.QUIET, 60)], id="absent from a complete listing"),
        pytest.param(
            a_fleet(0, a_deployment(state="DELETED")), [(Use.QUIET, 60)], id="deleted"
        ),
        pytest.param(
            a_fleet(0, complete=False), [(Use.QUIET, 60), (Use.UNKNOWN, None)],
            id="absent from an incomplete listing",
        ),
    ],
)  # fmt: skip
def test_a_run_ends_where_its_replicas_do(
    fleet: Fleet, runs: list[tuple[Use, float | None]]
) -> None:
    change = told(every_30s(QUIET, 0, 30)).fold(a_scrape(60, QUIET), fleet)

    seen = [(run.use, run.until) for run in (*change.closed, *change.opened)]
    assert seen == [(use, None if at is None else after(at)) for use, at in runs]


def test_waking_up_starts_a_new_clock() -> None:
    book = told(every_30s(QUIET, 0, 60))
    book.fold(a_scrape(90, QUIET), AT_ZERO)
    asleep = book.look(CHAT.uid, now=after(90))

    book.fold(a_scrape(120, QUIET), RUNNING)

    assert asleep.quiet_since is None
    assert book.look(CHAT.uid, now=after(120)).quiet_since == after(120)


def test_an_old_scrape_proves_no_use_now() -> None:
    book = told(every_30s(ACTIVE, 0, 60))

    evidence = book.look(CHAT.uid, now=after(300))

    assert evidence == QuietEvidence(
        use=Use.UNKNOWN,
        newest_at=after(60),
        active_at=after(60),
        because="the newest scrape is 240 s old",
    )


def test_the_same_scrape_twice_changes_nothing() -> None:
    book = told(every_30s(QUIET, 0, 60))
    before = book.look(CHAT.uid, now=after(60))

    assert book.fold(a_scrape(60, ACTIVE), RUNNING) == RunChange()
    assert book.fold(a_scrape(30, ACTIVE), RUNNING) == RunChange()
    assert book.look(CHAT.uid, now=after(60)) == before


def test_what_is_forgotten_leaves_its_proof_behind() -> None:
    book = told([*every_30s(QUIET, 0, 300), (600, QUIET), *every_30s(QUIET, 630, 1200)])

    book.forget(after(900))

    assert book.look(CHAT.uid, now=after(1200)).quiet_since == after(600)


def test_stored_runs_older_than_the_stored_scrapes_prove_nothing_before_them() -> None:
    run = ActivityRun(uid=CHAT.uid, use=Use.QUIET, since=after(-9000))
    scrapes = [
        ScrapeRecord(account=ACCOUNT, answered_at=after(at), whole=True) for at in (0, 30, 60)
    ]

    book = EvidenceBook([run], scrapes)

    assert book.look(CHAT.uid, now=after(60)).quiet_since == after(0)


samples = st.sampled_from([QUIET, QUIET, QUIET, ACTIVE, UNREADABLE, "failed"])


@settings(max_examples=100, deadline=None)
@given(story=st.lists(st.tuples(st.integers(1, 400), samples), min_size=1, max_size=30))
def test_quiet_since_is_what_the_definition_says(
    story: list[tuple[int, Sample | str]],
) -> None:
    lines: list[Line] = []
    for step, sample in story:
        lines.append(((lines[-1][0] if lines else 0) + step, sample))
    known = [(at, sample) for at, sample in lines if sample in (QUIET, ACTIVE)]
    since = until = None
    for at, sample in known:
        if sample is ACTIVE:
            since = until = None
            continue
        since = at if since is None or until is None or at - until > 180 else since
        until = at

    evidence = told(lines).look(CHAT.uid, now=after(lines[-1][0]))

    assert evidence.quiet_since == (None if since is None else after(since))
    assert evidence.quiet_until == (None if until is None else after(until))
    assert evidence.newest_at == (after(known[-1][0]) if known else None)


def test_coverage_of_a_moment_asks_for_one_scrape() -> None:
    book = told(every_30s(QUIET, 0, 60))

    assert book.coverage(CHAT.uid, since=after(50), until=after(60), every=EVERY) == 1.0
    assert book.coverage(CHAT.uid, since=after(61), until=after(70), every=EVERY) == 0.0
    assert book.coverage(CHAT.uid, since=after(60), until=after(60), every=timedelta(1)) == 0.0


FLEET = tuple(a_deployment(name) for name in ("a", "b", "c", "still"))
NAMES = tuple(each.name for each in FLEET)


def scrapes_of(*uses: str) -> list[tuple[float, dict[str, Sample]]]:
    """One scrape every 30 s; each letter is a deployment: in use, quiet, unreadable."""
    kinds = {"u": ACTIVE, "q": QUIET, "x": UNREADABLE}
    return [
        (30.0 * number, {name: kinds[letter] for name, letter in zip(NAMES, each, strict=True)})
        for number, each in enumerate(uses)
    ]


@pytest.mark.parametrize(
    ("uses", "quiet_since"),
    [
        pytest.param(["uuuq", "qqqq", "uqqq"], 2, id="the account woke: it starts over"),
        pytest.param(["uuuq", "xxxq", "qqqq", "uuuq"], 3, id="blind first, then silent"),
        pytest.param(["uuuq", "qquq", "qqqq", "uqqq"], 3, id="one after another"),
        pytest.param(["uuuq", "uqqq", "uuuq"], 0, id="one was in use all the time"),
        pytest.param(["uuqq", "qqqq", "uqqq"], 0, id="two that fall silent are no account"),
        pytest.param(["uuuq", "xxxq", "uuuq"], 0, id="nobody was seen quiet"),
        pytest.param(["uuuq", "qqqq", "qqqq"], 0, id="it has not woken yet"),
        pytest.param(
            ["uuuq", *["qqqq"] * 721, "uqqq"], 0, id="after six hours it was really unused"
        ),
    ],
)
def test_what_was_quiet_while_the_whole_account_was_silent_proves_nothing_once_it_wakes(
    uses: list[str], quiet_since: int
) -> None:
    shelf, book, fleet = Shelf(), EvidenceBook((), ()), a_fleet(0, *FLEET)
    lines = scrapes_of(*uses)
    for at, samples in lines:
        shelf.put_runs(book.fold(a_scrape(at, samples), fleet), book.last_record)
    again, now = EvidenceBook(shelf.runs.values(), shelf.scrapes), after(lines[-1][0])

    assert book.look(FLEET[3].uid, now=now).quiet_since == after(30.0 * quiet_since)
    assert [again.look(each.uid, now=now) for each in FLEET] == [
        book.look(each.uid, now=now) for each in FLEET
    ]
