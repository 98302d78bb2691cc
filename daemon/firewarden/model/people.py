"""What people ask for, and their word over the policies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from firewarden.model.ids import AccountId, Uid


class RequestVerb(StrEnum):
    """What a person asks the lease's holder to do."""

    RESTORE = "restore"
    UNDELETE = "undelete"
    APPLY = "apply"
    APPROVE = "approve"
    REJECT = "reject"


class RequestOutcome(StrEnum):
    """What became of a request; an open one has none."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing that a person asks for; the lease's holder carries it out, once.

    Attributes:
        request_id: the number people name it by; 0 before it is stored.
        uid: the deployment it is about; None where it is about none, or several.
        arguments: what the verb needs besides, each ready to print.
        actor: ``cli:user@host`` or ``slack:U…``.
        expires_at: from then on it is carried out no more.
        finished_at: None while it is open. detail: one clause about the outcome.
    """

    account: AccountId
    verb: RequestVerb
    actor: str
    asked_at: datetime
    expires_at: datetime
    request_id: int = 0
    uid: Uid | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    outcome: RequestOutcome | None = None
    detail: str = ""
    finished_at: datetime | None = None


class OverrideKind(StrEnum):
    """A kind of word that a person has put over the policies."""

    PAUSE = "pause"
    SNOOZE = "snooze"
    PROTECT = "protect"
    RELEASE = "release"

    @property
    def is_about_one(self) -> bool:
        """It is about one deployment, not about the whole account."""
        return self in {OverrideKind.SNOOZE, OverrideKind.PROTECT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One person's word over the policies, in force in ``[since, until)`` unless ended before.

    Attributes:
        override_id: 0 before it is stored.
        kind: a release is the word that what the evidence brake has stopped may go on.
        uid: the deployment of a snooze or a protection; None for a pause and a release.
        until: None where it is for as long as nobody ends it.
        ended_at: when somebody ended it, ``ended_by``; None where nobody has.
    """

    account: AccountId
    kind: OverrideKind
    since: datetime
    actor: str
    override_id: int = 0
    uid: Uid | None = None
    until: datetime | None = None
    reason: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""

    def __post_init__(self) -> None:
        """Refuse a snooze of nobody knows what, and a pause of one deployment only."""
        if self.kind.is_about_one != (self.uid is not None):
            raise ValueError(f"a {self.kind} cannot be about {self.uid or 'a whole account'}")

    @property
    def over_at(self) -> datetime | None:
        """When it is or was over; None where nobody can say."""
        ends = [end for end in (self.until, self.ended_at) if end is not None]
        return min(ends, default=None)

    def is_standing(self, now: datetime) -> bool:
        """Is it in force at *now*?"""
        return self.since <= now and (self.over_at is None or now < self.over_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Everything that people have put over the policies of one account, as of one instant.

    Attributes:
        pause: the newest pause; None where nothing is paused.
        snoozed, protected: of each deployment the one that holds longest.
        released_at: when a person last released the evidence brake.
    """

    pause: Override | None = None
    snoozed: Mapping[Uid, Override] = field(default_factory=dict)
    protected: Mapping[Uid, Override] = field(default_factory=dict)
    released_at: datetime | None = None

    @classmethod
    def of(cls, overrides: Iterable[Override], *, now: datetime) -> "Overrides":
        """Take those of *overrides* that stand at *now*."""
        standing = [each for each in overrides if each.is_standing(now)]
        pauses = [each for each in standing if each.kind is OverrideKind.PAUSE]
        releases = [each.since for each in standing if each.kind is OverrideKind.RELEASE]
        return cls(
            pause=max(pauses, key=lambda each: each.since, default=None),
            snoozed=_longest(standing, OverrideKind.SNOOZE),
            protected=_longest(standing, OverrideKind.PROTECT),
            released_at=max(releases, default=None),
        )

    @property
    def paused(self) -> str:
        """Why nothing is done, and by whom: one clause; "" where nothing is paused."""
        if self.pause is None:
            return ""
        who = self.pause.actor or "somebody"
        return f"{self.pause.reason} ({who})" if self.pause.reason else who


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeBounds:
    """How long people may keep one deployment from every policy.

    Attributes:
        longest: one snooze. total: all of them together, within any *window*.
    """

    longest: timedelta = timedelta(days=14)
    total: timedelta = timedelta(days=30)
    window: timedelta = timedelta(days=90)

    def room(self, snoozes: Iterable[Override], *, now: datetime) -> timedelta:
        """Say how long a snooze that begins *now* may last, after those there have been.

        *snoozes* are of one deployment, standing and past; time that two of them cover counts
        once, and what is still to come of one that stands counts as the new one's own.
        """
        used = _covered(snoozes, since=now - self.window, until=now)
        return max(min(self.longest, self.total - used), timedelta(0))


def _longest(standing: Iterable[Override], kind: OverrideKind) -> dict[Uid, Override]:
    found: dict[Uid, Override] = {}
    for each in standing:
        if each.kind is kind and each.uid is not None:
            before = found.get(each.uid)
            if before is None or _outlasts(each, before):
                found[each.uid] = each
    return found


def _outlasts(one: Override, other: Override) -> bool:
    if one.over_at is None or other.over_at is None:
        return one.over_at is None and other.over_at is not None
    return one.over_at > other.over_at


def _covered(overrides: Iterable[Override], *, since: datetime, until: datetime) -> timedelta:
    """Measure the part of ``[since, until)`` in which at least one of *overrides* stands."""
    edges = {since, until}
    spans = [(max(each.since, since), min(each.over_at or until, until)) for each in overrides]
    for span in spans:
        edges.update(edge for edge in span if since <= edge <= until)
    return sum(
        (
            after - before
            for before, after in pairwise(sorted(edges))
            if any(start <= before and after <= end for start, end in spans)
        ),
        timedelta(0),
    )
