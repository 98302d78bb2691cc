"""Policies as the judge takes them: every default filled in, every name resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from firewarden.model.commitment import Commitment
from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import (
    Blocker,
    Mode,
    ProviderDelete,
    PutBack,
    Verb,
)
from firewarden.policy.calendar import AWAKE_FOR, Schedule
from firewarden.policy.joining import Alerts, Snooze
from firewarden.policy.limits import Limits
from firewarden.policy.match import Description, Match, Target
from firewarden.policy.money import Budget
from firewarden.policy.problems import Problem
from firewarden.policy.routes import Route
from firewarden.policy.schema import When

DEFAULT_SAVING = Decimal(1)
"""USD an hour below which nothing is worth doing, unless `saves_at_least` says otherwise."""


EFFECTS = frozenset(
    {
        Verb.SCALE_TO_ZERO,
        Verb.PARK,
        Verb.SET_AUTOSCALING,
        Verb.HOLD_GROWTH,
        Verb.DELETE,
    }
)
"""Verbs of a policy that change a deployment."""

STOPS = frozenset({Verb.SCALE_TO_ZERO, Verb.PARK, Verb.DELETE})
"""Verbs after which no replica is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequireData:
    """How fresh and how whole evidence must be for idle time to be known."""

    fresh_within: timedelta = timedelta(minutes=5)
    coverage: Decimal = Decimal("0.9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaling:
    """What ``set_autoscaling`` sets; None: left as it is.

    Attributes:
        min_to, max_to: the value itself.
        lower_min_to, lower_max_to: the same, but never raised to it.
        max_to_now: the ceiling becomes what is ready now.
    """

    min_to: int | None = None
    max_to: int | None = None
    lower_min_to: int | None = None
    lower_max_to: int | None = None
    max_to_now: bool = False
    scale_to_zero_window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage: its verb, how long it lasts, whom it tells (``warn`` only).

    ``within``: only time in these hours counts; empty: all time.
    """

    verb: Verb
    wait_for: timedelta = timedelta(0)
    routes: tuple[str, ...] = ()
    autoscaling: Autoscaling | None = None
    within: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who may say yes, and for how long the question stands; ``by`` empty: whoever has the CLI.

    ``acts_unanswered``: no answer in time means yes, not no.
    """

    by: tuple[str, ...] = ()
    expires: timedelta = timedelta(hours=24)
    acts_unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy, whole.

    Attributes:
        hash: changes with anything that could change a verdict or its timing, never with
            layout, comments or the description.
        saves_at_least: USD an hour; None: any saving, known or not, will do.
        verb: the effect it ends in; WARN where it only tells.
        grace: all waits before that together.
        routes: names of the routes it tells by, as written; empty: it names none.
        budget: whose rung it is: it rests on what is spent, and not on use; "": on its own.
        during: the hours it is for; empty: always. except_during: hours in which it rests.
        leads_in: so long before its hours it may warn. lead: so long before their end what it
            has set is put back.
        even_if_active: use does not keep it from acting in its hours.
        awake_for: so long what was woken in its hours is left running.
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
    routes: tuple[str, ...] = ()
    put_back: PutBack = PutBack.ON_WAKE
    provider_delete: ProviderDelete = ProviderDelete.RESTORE
    approval: Approval = Approval()
    budget: str = ""
    during: tuple[Schedule, ...] = ()
    except_during: tuple[Schedule, ...] = ()
    leads_in: timedelta = timedelta(0)
    lead: timedelta = timedelta(0)
    even_if_active: bool = False
    awake_for: timedelta = AWAKE_FOR

    @property
    def rests_on_use(self) -> bool:
        """It stops what nobody uses: whoever uses it keeps it; what is spent asks for no use."""
        return self.verb in STOPS and not self.budget and not self.even_if_active

    @property
    def rests_on_a_look(self) -> bool:
        """Is it one look at use that calls for it, and no clock and no limit?"""
        return not self.budget and not self.during

    @property
    def effect(self) -> Step | None:
        """The stage that changes something; None where it only tells."""
        return next((step for step in self.steps if step.verb in EFFECTS), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What nobody touches, until an instant (None: for ever)."""

    match: Target
    reason: str
    owner: str
    until: datetime | None
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """One rule of whose deployments are; what it says of attributes that are "" is nothing.

    Attributes:
        split: teams with their shares, which add up to 1; empty: none, and `says` may
            name one team.
    """

    match: Description
    says: Mapping[str, str]
    split: Mapping[str, Decimal]
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """A folder of policy files as one document; `hash` is of everything in it.

    ``commitments`` None: nothing is said of what was bought ahead; empty: there is none.
    """

    policies: tuple[Policy, ...]
    protections: tuple[Protection, ...]
    routes: Mapping[str, Route]
    hash: str
    notes: tuple[Problem, ...] = ()
    auto_delete_after: timedelta | None = None
    alerts: Alerts = field(default_factory=Alerts)
    snooze: Snooze = field(default_factory=Snooze)
    attribution: tuple[Attribution, ...] = ()
    commitments: tuple[Commitment, ...] | None = None
    budgets: tuple[Budget, ...] = ()
