"""What the ledger holds: segments, runs of evidence, gaps, hours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from firewarden.model.activity import Use
from firewarden.model.ids import AccountId, DeploymentId, Uid
from firewarden.model.vocabulary import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """An instant known only to lie in ``[lo, hi]``; ``lo == hi`` where it is exact."""

    lo: datetime
    hi: datetime


class Evidence(StrEnum):
    """How the end or the start of a segment is known."""

    POLL = "poll"
    READ = "read"
    CREATED = "created"
    DELETED = "deleted"
    ABSENT = "absent"
    FIRST_SIGHT = "first_sight"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What one replica runs on, as far as billing is concerned; ``cluster``: their own."""

    accelerator_type: str
    accelerator_count: int
    placement: str = ""
    plan: str = ""
    cluster: bool = False
    preemptible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch in which nothing that matters changed in one deployment's replicas.

    Neighbours of one uid share a bracket; that of a gap spans the gap. Where a neighbour is
    missing there were no replicas. A closed segment (``ended`` is not None) never changes.
    Instants of brackets are whole milliseconds.

    Attributes:
        ready: replicas that are billed. starting: replicas on their way, priced 0.
        floor, ceiling, desired: min, max and target replica counts.
        state: the provider's state text.
        ended: None while it lasts, as far as anybody knows.
        confirmed_at: of an open segment: None while the newest complete poll confirms it,
            else the `asked_at` of the last read that did; it counts no further than that.
    """

    uid: Uid
    hardware: Hardware
    ready: int
    starting: int
    floor: int
    ceiling: int
    desired: int
    state: str
    started: Bracket
    start_evidence: Evidence
    ended: Bracket | None = None
    end_evidence: Evidence | None = None
    confirmed_at: datetime | None = None

    @property
    def is_deleted(self) -> bool:
        """The provider said so; it lists it no more, or will not for long."""
        return self.state == State.DELETED


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch nobody watched: ``uid`` None means the whole account.

    ``low`` and ``high`` are the fewest and most ready replicas *uid* can have had in it
    (for an account's gap each deployment has a row of its own).
    """

    account: AccountId
    uid: Uid
    since: datetime
    until: datetime
    low: int
    high: int
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRun:
    """Neighbouring scrapes that said the same of one deployment; ``until`` None: still so.

    ``since`` is the instant of the first scrape of the run, ``until`` that of the first
    scrape that said otherwise. Scrapes that failed as a whole do not end a run: they are
    holes, found in the account's own row of scrapes.
    """

    uid: Uid
    use: Use
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A deployment the ledger has met, whatever became of it."""

    uid: Uid
    account: AccountId
    deployment_id: DeploymentId
    display_name: str
    base_model: str
    created_at: datetime
    first_seen_at: datetime
    deleted_at: datetime | None = None
    purge_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """GPU-milliseconds of one deployment, accelerator and price over a stretch of time.

    ``low_ms <= gpu_ms <= high_ms`` are hard: the truth lies inside whatever happened
    between polls. ``variance`` is in GPU-ms squared, from changes uniform in their
    brackets. ``idle_ms + unknown_ms <= gpu_ms``; ``gap_ms`` is the part of ``gpu_ms`` that
    lies in gaps; ``starting_ms`` stands apart, never billed. ``micro_usd_per_gpu_hour``
    None means unpriced, which is not zero.
    """

    uid: Uid
    accelerator_type: str
    micro_usd_per_gpu_hour: int | None
    gpu_ms: int
    low_ms: int
    high_ms: int
    variance: int
    idle_ms: int
    unknown_ms: int
    gap_ms: int
    starting_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledDay:
    """One row of the provider's bill: accelerator-seconds of a *local* day of *timezone*."""

    account: AccountId
    day: date
    timezone: str
    deployment_id: DeploymentId
    accelerator_type: str
    gpu_seconds: int
    base_model: str = ""
    placement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One listing of an account, whatever came of it: one row a poll.

    Attributes:
        ok: a listing came back; complete: and it was whole.
        skew_ms: provider's clock minus ours at the answer, where a Date header told.
        problem: why it failed or is not complete, in one clause.
    """

    account: AccountId
    asked_at: datetime
    answered_at: datetime
    ok: bool
    complete: bool
    count: int
    skew_ms: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeRecord:
    """One scrape of an account's metrics, without its samples: one row a scrape."""

    account: AccountId
    answered_at: datetime
    whole: bool
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChange:
    """What one observation changes in the ledger; empty for a fleet in which nothing moved.

    Attributes:
        met: deployments seen for the first time, or whose dates or names changed.
        closed: segments that end now, complete with their end bracket (the open segment of
            the same uid is replaced by it).
        opened: segments that begin now; at most one a uid.
        amended: open segments that go on, only their ``confirmed_at`` is another.
        gaps: stretches nobody watched, one a uid that had a segment open.
        dirty: (start of the UTC hour, uid) whose roll-up has to be made again.
        tags: tag sets that changed, by uid.
    """

    met: tuple[Known, ...] = ()
    closed: tuple[Segment, ...] = ()
    opened: tuple[Segment, ...] = ()
    amended: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    dirty: frozenset[tuple[datetime, Uid]] = frozenset()
    tags: tuple[tuple[Uid, Mapping[str, str]], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing moved: only the poll itself is worth a row."""
        return not any(
            (self.met, self.closed, self.opened, self.amended, self.gaps, self.dirty, self.tags)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """What one scrape changes in the evidence: runs that end and runs that begin."""

    closed: tuple[ActivityRun, ...] = ()
    opened: tuple[ActivityRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """All that a daemon needs of an account to go on where it stopped.

    Attributes:
        known: every deployment not yet confirmed gone.
        open_segments: at most one a uid.
        runs: activity runs that end after the asked-for instant, open ones included, by
            start; scrapes: all since that instant, oldest first.
        last_poll: the newest complete one; polls: the newest few, newest last.
        tags: the tag sets now in force, by uid; a uid that has none may be left out.
        used_at: when each was last in use, where that was read; a uid that was not, or is in
            use still, is left out.
        lately: closed segments before the open ones that end after the asked-for instant:
            since when replicas are ready is older than the segment that goes on.
    """

    known: tuple[Known, ...]
    open_segments: tuple[Segment, ...]
    runs: tuple[ActivityRun, ...]
    scrapes: tuple[ScrapeRecord, ...]
    last_poll: Poll | None
    polls: tuple[Poll, ...]
    tags: Mapping[Uid, Mapping[str, str]] = field(default_factory=dict)
    used_at: Mapping[Uid, datetime] = field(default_factory=dict)
    lately: tuple[Segment, ...] = ()
