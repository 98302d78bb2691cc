"""What the policies make of a deployment, and the story of one deployment under one policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from firewarden.model.ids import PolicyName, Uid
from firewarden.model.vocabulary import Blocker, Mode, Verb


class Truth(StrEnum):
    """Three-valued logic (Kleene): unknown is neither, and stays so through ``not``."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


Measure = timedelta | Decimal | int | Truth
"""What a condition compares: a duration, US dollars an hour, a count; or only yes and no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionResult:
    """One condition of a policy, looked at once.

    Attributes:
        condition: its name in the policy file, e.g. ``idle_for``.
        value: what was found, or None where unknown.
        threshold: what the policy asks for; None where it is not one thing (``not``, ``any``).
        because: one clause, said when the verdict is unknown or not obvious.
        sample_age: age of the newest evidence the value rests on.
    """

    condition: str
    value: Measure | None
    threshold: Measure | None
    verdict: Truth
    because: str = ""
    sample_age: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one policy makes of one deployment at one instant, with its reasons.

    Attributes:
        truth: of match and conditions together.
        blocked_by: the first blocker in order; None where nothing stands in the way.
        blocked_because: one clause about that blocker.
        verb: the next stage's verb that has an effect (never warn or wait).
        acts_at: when that verb is due, if nothing changes; None where it is not known.
        reason: one line for people, e.g. ``idle 52m``.
        evidence: the facts its effect would rest on, each ready to print and to compare;
            none where it only warns.
    """

    uid: Uid
    policy: PolicyName
    policy_hash: str
    mode: Mode
    truth: Truth
    conditions: tuple[ConditionResult, ...]
    blocked_by: Blocker | None
    blocked_because: str
    verb: Verb
    acts_at: datetime | None
    reason: str
    evidence: Mapping[str, str]


class IncidentState(StrEnum):
    """``open → warned → waiting → acting → done | cancelled | held | failed``."""

    OPEN = "open"
    WARNED = "warned"
    WAITING = "waiting"
    ACTING = "acting"
    DONE = "done"
    CANCELLED = "cancelled"
    HELD = "held"
    FAILED = "failed"

    @property
    def is_closed(self) -> bool:
        """No further step can follow."""
        return self in {IncidentState.DONE, IncidentState.CANCELLED, IncidentState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One deployment in the grip of one policy, from the first match to its close.

    Unique while not closed: per (uid, policy) there is one. ``stage`` is the index of the
    stage that comes next. ``entered_at`` is when the present state began.

    Attributes:
        acts_at: when the next effect is due; None before the warning is delivered.
        warned_at: the instant the warning was delivered (grace counts from it).
        held_by: what holds it back; None while nothing does.
        closed_because: one clause, "" while it is not closed.
        held_since: when unknown evidence began to hold it; None while evidence is known.
        held_told_at: when people were told that it is held for want of evidence.
        saves_micro_usd_per_hour: what the effect would save; None where it is unpriced.
    """

    uid: Uid
    policy: PolicyName
    policy_hash: str
    mode: Mode
    verb: Verb
    state: IncidentState
    stage: int
    opened_at: datetime
    entered_at: datetime
    reason: str
    warned_at: datetime | None = None
    acts_at: datetime | None = None
    closed_at: datetime | None = None
    closed_because: str = ""
    held_by: Blocker | None = None
    held_since: datetime | None = None
    held_told_at: datetime | None = None
    gpu_count: int = 0
    saves_micro_usd_per_hour: int | None = None
