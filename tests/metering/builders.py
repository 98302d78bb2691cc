"""Valid defaults for everything that is metered: a test names only what differs."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from firewarden.metering.measure import measure
from firewarden.metering.rates import RATE_CARD
from firewarden.model.activity import Sample, Scrape
from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Examined, Fleet
from firewarden.model.ids import AccountId, DeploymentId, Uid, make_uid
from firewarden.model.price import Price
from firewarden.model.usage import (
    ActivityRun,
    Bracket,
    Evidence,
    Gap,
    Hardware,
    Known,
    LedgerChange,
    Poll,
    Remembered,
    RunChange,
    ScrapeRecord,
    Segment,
    Usage,
)

ACCOUNT = AccountId("acme")
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
EVERY = timedelta(seconds=30)
H100 = Hardware(accelerator_type="NVIDIA_H100_80GB", accelerator_count=8)

QUIET = Sample(request_rate=0.0, error_rate=0.0, prompt_token_rate=0.0, concurrency=0.0)
ACTIVE = Sample(request_rate=2.0, error_rate=0.0, prompt_token_rate=900.0, concurrency=1.5)
UNREADABLE = Sample(request_rate=float("nan"), prompt_token_rate=0.0, concurrency=0.0)


def after(seconds: float) -> datetime:
    """So many seconds after the start of the story."""
    return START + timedelta(seconds=seconds)


def a_name(deployment_id: str = "chat") -> str:
    return f"accounts/{ACCOUNT}/deployments/{deployment_id}"


def a_deployment(deployment_id: str = "chat", **changes: Any) -> Deployment:
    created_at = changes.get("created_at", START - timedelta(days=40))
    values: dict[str, Any] = {
        "uid": make_uid(a_name(deployment_id), created_at),
        "account": ACCOUNT,
        "deployment_id": DeploymentId(deployment_id),
        "name": a_name(deployment_id),
        "display_name": "",
        "base_model": "accounts/fireworks/models/llama",
        "created_at": created_at,
        "state": "READY",
        "accelerator_type": H100.accelerator_type,
        "accelerator_count": H100.accelerator_count,
        "min_replica_count": 0,
        "max_replica_count": 4,
        "desired_replica_count": 1,
        "ready_replica_count": 1,
        "starting_replica_count": 0,
    }
    return Deployment(**(values | changes))


CHAT = a_deployment()


def a_fleet(at: float, *deployments: Deployment, took: float = 1.0, complete: bool = True) -> Fleet:
    return Fleet(
        account=ACCOUNT,
        asked_at=after(at),
        answered_at=after(at + took),
        complete=complete,
        deployments={deployment.uid: deployment for deployment in deployments},
    )


def a_read(at: float, deployment: Deployment | None, *, took: float = 0.5) -> Examined:
    return Examined(asked_at=after(at), answered_at=after(at + took), deployment=deployment)


def a_scrape(at: float, samples: Mapping[str, Sample] | Sample, **changes: Any) -> Scrape:
    by_name = {a_name(): samples} if isinstance(samples, Sample) else samples
    values: dict[str, Any] = {
        "account": ACCOUNT,
        "asked_at": after(at - 0.3),
        "answered_at": after(at),
        "whole": True,
        "samples": by_name,
    }
    return Scrape(**(values | changes))


def a_segment(since: float, until: float | None, **changes: Any) -> Segment:
    values: dict[str, Any] = {
        "uid": CHAT.uid,
        "hardware": H100,
        "ready": 1,
        "starting": 0,
        "floor": 0,
        "ceiling": 4,
        "desired": 1,
        "state": "READY",
        "started": exactly(since),
        "start_evidence": Evidence.FIRST_SIGHT,
        "ended": None if until is None else exactly(until),
        "end_evidence": None if until is None else Evidence.POLL,
    }
    return Segment(**(values | changes))


def exactly(at: float) -> Bracket:
    return Bracket(lo=after(at), hi=after(at))


def between(lo: float, hi: float) -> Bracket:
    return Bracket(lo=after(lo), hi=after(hi))


NOTHING_REMEMBERED = Remembered(
    known=(), open_segments=(), runs=(), scrapes=(), last_poll=None, polls=()
)


class Shelf:
    """Keeps what the folds give out, as a store would, and remembers it for a restart."""

    def __init__(self) -> None:
        self.known: dict[Uid, Known] = {}
        self.segments: dict[tuple[Uid, Bracket], Segment] = {}
        self.gaps: list[Gap] = []
        self.runs: dict[tuple[Uid, datetime], ActivityRun] = {}
        self.scrapes: list[ScrapeRecord] = []
        self.polls: list[Poll] = []
        self.dirty: set[tuple[datetime, Uid]] = set()
        self.tags: dict[Uid, Mapping[str, str]] = {}

    def put(self, change: LedgerChange) -> None:
        for known in change.met:
            self.known[known.uid] = known
        for segment in (*change.closed, *change.opened, *change.amended):
            self.segments[segment.uid, segment.started] = segment
        self.gaps += change.gaps
        self.dirty |= change.dirty
        self.tags.update(change.tags)

    def put_poll(self, fleet: Fleet) -> None:
        self.polls.append(
            Poll(
                account=ACCOUNT,
                asked_at=fleet.asked_at,
                answered_at=fleet.answered_at,
                ok=True,
                complete=fleet.complete,
                count=len(fleet.deployments),
            )
        )

    def put_runs(self, change: RunChange, record: ScrapeRecord | None) -> None:
        for run in (*change.closed, *change.opened):
            self.runs[run.uid, run.since] = run
        if record is not None and record not in self.scrapes:
            self.scrapes.append(record)

    def remembered(self) -> Remembered:
        whole = [poll for poll in self.polls if poll.complete]
        return Remembered(
            known=tuple(known for known in self.known.values() if known.deleted_at is None),
            open_segments=tuple(seg for seg in self.segments.values() if seg.ended is None),
            runs=tuple(self.runs.values()),
            scrapes=tuple(self.scrapes),
            last_poll=whole[-1] if whole else None,
            polls=tuple(self.polls[-16:]),
            tags=self.tags,
        )

    @property
    def confirmed_at(self) -> datetime | None:
        whole = [poll.asked_at for poll in self.polls if poll.complete]
        return whole[-1] if whole else None

    def measure(
        self, since: datetime, until: datetime, prices: Iterable[Price] = RATE_CARD
    ) -> tuple[Usage, ...]:
        return measure(
            segments=self.segments.values(),
            gaps=self.gaps,
            runs=self.runs.values(),
            scrapes=self.scrapes,
            prices=tuple(prices),
            since=since,
            until=until,
            confirmed_at=self.confirmed_at,
        )
