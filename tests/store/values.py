"""Values to store, and strategies for any of them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from firewarden.model.activity import Use
from firewarden.model.ids import AccountId, DeploymentId, Uid, make_uid
from firewarden.model.usage import (
    ActivityRun,
    Bracket,
    Evidence,
    Gap,
    Hardware,
    Known,
    LedgerChange,
    Poll,
    ScrapeRecord,
    Segment,
    Usage,
)
from firewarden.store.engine import Database
from firewarden.store.session import Session

ACCOUNT = AccountId("acme")
T0 = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
FIRST_SEEN = Bracket(lo=T0, hi=T0 + 30 * SECOND)
H100 = Hardware(accelerator_type="NVIDIA_H100_80GB", accelerator_count=8)


def uid_of(name: str, created_at: datetime = T0 - HOUR) -> Uid:
    return make_uid(f"accounts/acme/deployments/{name}", created_at)


def known(name: str = "search", created_at: datetime = T0 - HOUR) -> Known:
    return Known(
        uid=uid_of(name, created_at),
        account=ACCOUNT,
        deployment_id=DeploymentId(name),
        display_name=name.title(),
        base_model="accounts/fireworks/models/llama",
        created_at=created_at,
        first_seen_at=T0,
    )


def exactly(at: datetime) -> Bracket:
    return Bracket(lo=at, hi=at)


def between(lo: datetime, hi: datetime) -> Bracket:
    return Bracket(lo=lo, hi=hi)


def segment(
    name: str = "search",
    *,
    started: Bracket = FIRST_SEEN,
    ended: Bracket | None = None,
    ready: int = 1,
) -> Segment:
    return Segment(
        uid=uid_of(name),
        hardware=H100,
        ready=ready,
        starting=0,
        floor=0,
        ceiling=4,
        desired=ready,
        state="READY",
        started=started,
        start_evidence=Evidence.POLL,
        ended=ended,
        end_evidence=None if ended is None else Evidence.POLL,
    )


def closed(one: Segment, at: Bracket) -> Segment:
    return replace(one, ended=at, end_evidence=Evidence.POLL)


def met(*names: str, **changes: object) -> LedgerChange:
    return replace(LedgerChange(met=tuple(known(name) for name in names)), **changes)  # type: ignore[arg-type]  # any field


def poll(at: datetime = T0, *, complete: bool = True) -> Poll:
    return Poll(
        account=ACCOUNT,
        asked_at=at,
        answered_at=at + SECOND,
        ok=True,
        complete=complete,
        count=3,
        skew_ms=-12,
        problem="" if complete else "page 2 timed out",
    )


def scrape(at: datetime, *, whole: bool = True) -> ScrapeRecord:
    return ScrapeRecord(
        account=ACCOUNT, answered_at=at, whole=whole, problem="" if whole else "time-out"
    )


def quiet(since: datetime, until: datetime | None = None, name: str = "search") -> ActivityRun:
    return ActivityRun(uid=uid_of(name), use=Use.QUIET, since=since, until=until)


def usage(
    name: str = "search",
    *,
    gpu_ms: int = 28_800_000,
    micro_usd: int | None = 8_000_000,
    accelerator: str = "NVIDIA_H100_80GB",
    slack: int = 0,
    variance: int = 0,
    idle_ms: int = 0,
) -> Usage:
    return Usage(
        uid=uid_of(name),
        accelerator_type=accelerator,
        micro_usd_per_gpu_hour=micro_usd,
        gpu_ms=gpu_ms,
        low_ms=gpu_ms - slack,
        high_ms=gpu_ms + slack,
        variance=variance,
        idle_ms=idle_ms,
        unknown_ms=0,
        gap_ms=0,
        starting_ms=0,
    )


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """Write, look, and leave the database as it was: one for all examples of a property."""

    class Undo(Exception):  # never seen
        pass

    with suppress(Undo), database.writing() as session:
        yield session
        raise Undo


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
COUNTS = st.integers(0, 2**31 - 1)
INSTANTS = st.datetimes(
    min_value=datetime(2024, 1, 1),  # noqa: DTZ001  # the strategy adds the zone itself
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001  # likewise
    timezones=st.just(UTC),
)
WHOLE_MS = INSTANTS.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
BRACKETS = st.builds(
    lambda lo, width: Bracket(lo=lo, hi=lo + width),
    WHOLE_MS,
    st.integers(0, 10**9).map(lambda ms: ms * MS),
)
HARDWARE = st.builds(
    Hardware,
    accelerator_type=st.sampled_from(["NVIDIA_H100_80GB", "NVIDIA_B200_180GB", ""]),
    accelerator_count=COUNTS,
    placement=TEXTS,
    plan=TEXTS,
    cluster=st.booleans(),
    preemptible=st.booleans(),
)


KNOWN = st.builds(
    Known,
    uid=st.text("abc0-/", max_size=9).map(Uid),
    account=st.just(ACCOUNT),
    deployment_id=TEXTS.map(DeploymentId),
    display_name=TEXTS,
    base_model=TEXTS,
    created_at=INSTANTS,
    first_seen_at=INSTANTS,
    deleted_at=st.none() | INSTANTS,
    purge_at=st.none() | INSTANTS,
)
POLLS = st.builds(
    lambda asked, took, **rest: Poll(asked_at=asked, answered_at=asked + took * MS, **rest),
    WHOLE_MS,
    st.integers(0, 10**6),
    account=st.just(ACCOUNT),
    ok=st.booleans(),
    complete=st.booleans(),
    count=COUNTS,
    skew_ms=st.none() | st.integers(-(10**9), 10**9),
    problem=TEXTS,
)


def segments_of(uid: Uid) -> st.SearchStrategy[Segment]:
    return st.builds(
        Segment,
        uid=st.just(uid),
        hardware=HARDWARE,
        ready=COUNTS,
        starting=COUNTS,
        floor=COUNTS,
        ceiling=COUNTS,
        desired=COUNTS,
        state=TEXTS,
        started=BRACKETS,
        start_evidence=st.sampled_from(Evidence),
    )


def gaps_of(uid: Uid) -> st.SearchStrategy[Gap]:
    return st.builds(
        lambda since, length, low, more, cause: Gap(
            account=ACCOUNT,
            uid=uid,
            since=since,
            until=since + length * MS,
            low=low,
            high=low + more,
            cause=cause,
        ),
        WHOLE_MS,
        st.integers(1, 10**9),
        st.integers(0, 1000),
        st.integers(0, 1000),
        TEXTS,
    )


@st.composite
def usages_of(draw: st.DrawFn, uid: Uid) -> Usage:
    gpu_ms = draw(st.integers(0, 2**53))
    return Usage(
        uid=uid,
        accelerator_type=draw(st.sampled_from(["NVIDIA_H100_80GB", "NVIDIA_B200_180GB"])),
        micro_usd_per_gpu_hour=draw(st.none() | st.integers(0, 2**53)),
        gpu_ms=gpu_ms,
        low_ms=draw(st.integers(0, gpu_ms)),
        high_ms=gpu_ms + draw(st.integers(0, 2**40)),
        variance=draw(st.integers(0, 2**90)),
        idle_ms=draw(st.integers(0, gpu_ms)),
        unknown_ms=draw(st.integers(0, gpu_ms)),
        gap_ms=draw(st.integers(0, gpu_ms)),
        starting_ms=draw(st.integers(0, 2**53)),
    )
