"""Policies as the judge takes them: every default filled in, every name resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Blocker, Mode, Verb
from firewarden.policy.problems import Problem
from firewarden.policy.routes import Route
from firewarden.policy.schema import Match, When

BUILT_IN_ROUTES = ("terminal", "log")
"""Always there, and used where nothing else is named."""

DEFAULT_SAVING = Decimal(1)
"""USD an hour below which nothing is worth doing, unless `saves_at_least` says otherwise."""


EFFECTS = frozenset({Verb.SCALE_TO_ZERO})
"""Verbs that change a deployment."""


class OnExceed(StrEnum):
    """What happens when more is due than the limits allow."""

    TRICKLE = "trickle"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one policy may do: in one cycle, in any hour, and of the fleet in any hour."""

    per_cycle: int = 3
    per_hour: int = 10
    share_per_hour: Decimal = Decimal("0.2")
    on_exceed: OnExceed = OnExceed.TRICKLE


@dataclass(frozen=True, slots=True, kw_only=True)
class RequireData:
    """How fresh and how whole evidence must be for idle time to be known."""

    fresh_within: timedelta = timedelta(minutes=5)
    coverage: Decimal = Decimal("0.9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage: its verb, how long it lasts (``wait`` only), whom it tells (``warn`` only)."""

    verb: Verb
    wait_for: timedelta = timedelta(0)
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy, whole.

    Attributes:
        hash: changes with anything that could change a verdict or its timing, never with
            layout, comments or the description.
        saves_at_least: USD an hour; None: any saving, known or not, will do.
        verb: the effect it ends in; WARN where it only tells.
        grace: all waits before that together.
    """

    name: PolicyName
    hash: str
    mode: Mode
    description: str
    match: Match
    when: When
    steps: tuple[Step, ...]
    allow: frozenset[Blocker]
    limits: Limits
    require_data: RequireData
    saves_at_least: Decimal | None
    verb: Verb
    grace: timedelta
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What nobody touches, until an instant (None: for ever)."""

    match: Match
    reason: str
    owner: str
    until: datetime | None
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """A folder of policy files as one document; `hash` is of everything in it."""

    policies: tuple[Policy, ...]
    protections: tuple[Protection, ...]
    routes: Mapping[str, Route]
    hash: str
    notes: tuple[Problem, ...] = ()
    auto_delete_after: timedelta | None = None
