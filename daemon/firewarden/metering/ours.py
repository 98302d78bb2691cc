"""How long what a stop of ours saves is ours, and what ended it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firewarden.metering.instants import from_ms, to_ms
from firewarden.model.action import Intent, Released
from firewarden.model.activity import Use
from firewarden.model.ids import Uid
from firewarden.model.usage import ActivityRun, Bracket, Hardware, Segment
from firewarden.model.vocabulary import Verb

CLAIM_FOR = timedelta(days=7)
"""Later nobody can say what would have become of it without us."""

PROVIDER_WINDOW = timedelta(hours=1)
"""After so long without a request the provider stops what has a min of 0 by itself, unless its
own window is told (Fireworks docs: deployments, autoscaling)."""

REGRET_WITHIN = timedelta(hours=1)
"""A stop after which a request came so soon should not have been."""

SAVING_VERBS = frozenset({Verb.SCALE_TO_ZERO, Verb.PARK, Verb.DELETE, Verb.SET_AUTOSCALING})
"""Effects that take away GPUs; what keeps them from growing saves what nobody can measure."""


class Ending(StrEnum):
    """What made a saving stop being ours, in the words of reports."""

    WOKEN = "woken"
    RESTORED = "restored"
    PERSON = "changed by a person"
    GONE = "deleted by others"
    RECREATED = "its service runs again"
    TIMER = "the provider's own timer"
    CLAIMED = "claimed for 7 days"


RETURNED = frozenset({Ending.WOKEN, Ending.RESTORED, Ending.PERSON, Ending.RECREATED})
"""What came back: it was wanted again."""

_RELEASED = {
    Released.RESTORED: Ending.RESTORED,
    Released.NEEDS_OWNER: Ending.RESTORED,
    Released.HUMAN: Ending.PERSON,
    Released.GONE: Ending.GONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """GPUs that one effect of ours took away.

    Attributes:
        at: when the provider took the call.
        gpus: ready before it. until: when the saving stopped being ours; None: it still is.
    """

    action_id: int
    uid: Uid
    policy: str
    verb: Verb
    at: datetime
    gpus: int
    hardware: Hardware
    until: datetime | None = None
    ending: Ending | None = None

    @property
    def is_regretted(self) -> bool:
        """A request woke it so soon that it should have been left alone."""
        if self.until is None or self.ending is not Ending.WOKEN:
            return False
        return self.until - self.at <= REGRET_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What else is known of what became of it.

    Attributes:
        successors: when deployments of the same service were created.
        deleted_by_us: what was stopped is gone because we deleted it.
        was_woken: it was put back because a request had woken it.
    """

    successors: tuple[datetime, ...] = ()
    deleted_by_us: bool = False
    was_woken: bool = False


def stop_of(
    intent: Intent,
    segments: Iterable[Segment],
    runs: Iterable[ActivityRun],
    after: After,
    *,
    now: datetime,
) -> Stop | None:
    """Say what *intent* took away and for how long that is ours; None: it took away nothing.

    *segments* and *runs* are those of its deployment, around and after it. Where the
    provider's own timer would have stopped it no later, nothing is ours.
    """
    at = intent.finished_at
    if at is None or intent.verb not in SAVING_VERBS:
        return None
    rows = sorted(segments, key=lambda segment: segment.started.lo)
    before = _in_force(rows, intent.planned_at)
    if before is None or not before.ready:
        return None
    kept = tuple(runs)
    ends = [
        *((each, Ending.WOKEN) for each in _wakes(rows, kept, before, at)),
        *((each, Ending.RECREATED) for each in after.successors if at < each),
        (at + CLAIM_FOR, Ending.CLAIMED),
    ]
    if intent.released is not None and intent.released_at is not None:
        ending = _RELEASED[intent.released]
        if ending is Ending.RESTORED and after.was_woken:
            ending = Ending.WOKEN
        if not (ending is Ending.GONE and after.deleted_by_us):
            ends.append((max(at, intent.released_at), ending))
    if intent.before.min_replica_count == 0 and not _is_used(kept, at):
        window = intent.before.scale_to_zero_window or PROVIDER_WINDOW
        ends.append((max(at, _quiet_since(kept, at) + window), Ending.TIMER))
    until, ending = min(ends, key=lambda end: end[0])
    is_over = until <= now
    return Stop(
        action_id=intent.action_id,
        uid=intent.uid,
        policy=intent.policy,
        verb=intent.verb,
        at=at,
        gpus=before.ready * before.hardware.accelerator_count,
        hardware=before.hardware,
        until=until if is_over else None,
        ending=ending if is_over else None,
    )


def middle(bracket: Bracket) -> datetime:
    """Give the best guess of an instant that is only known to lie in *bracket*."""
    return from_ms((to_ms(bracket.lo) + to_ms(bracket.hi)) // 2)


def _in_force(rows: Iterable[Segment], at: datetime) -> Segment | None:
    begun = [segment for segment in rows if middle(segment.started) <= at]
    return begun[-1] if begun else None


def _wakes(
    rows: Iterable[Segment], runs: Iterable[ActivityRun], before: Segment, at: datetime
) -> Iterator[datetime]:
    """Give the first request after *at*, and when as many replicas were ready again."""
    for run in sorted(runs, key=lambda run: run.since):
        if run.use is Use.ACTIVE and run.since > at:
            yield run.since
            break
    was_less = False
    for segment in rows:
        if middle(segment.started) <= middle(before.started):
            continue
        if was_less and segment.ready >= before.ready:
            yield max(at, middle(segment.started))
            break
        was_less = was_less or segment.ready < before.ready


def _is_used(runs: Iterable[ActivityRun], at: datetime) -> bool:
    return any(
        run.use is Use.ACTIVE and run.since <= at and (run.until is None or at < run.until)
        for run in runs
    )


def _quiet_since(runs: Iterable[ActivityRun], at: datetime) -> datetime:
    """Tell since when it was quiet at *at*.

    Where that is not known it is taken to be so long ago that the timer was due.
    """
    quiet = [run.since for run in runs if run.use is Use.QUIET and run.since <= at]
    used = [run.until for run in runs if run.use is Use.ACTIVE and run.until and run.until <= at]
    if not quiet:
        return at - CLAIM_FOR
    return max([min(quiet), *used])
