"""Policies as the judge takes them: every default filled in, every name resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from firewarden.model.commitment import Commitment
from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import (
    Blocker,
    First,
    Mode,
    ProviderDelete,
    PutBack,
    Severity,
    Verb,
)
from firewarden.policy.calendar import Schedule
from firewarden.policy.joining import Alerts, Snooze
from firewarden.policy.match import Description, Match, Target
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


class OnExceed(StrEnum):
    """What happens when more is due than the limits allow."""

    TRICKLE = "trickle"
    HOLD = "hold"


AWAKE_FOR = timedelta(hours=2)
"""So long what was woken in the hours of a policy is left running, unless it says otherwise."""

READY_WITHIN = timedelta(minutes=20)
"""So long before its hours end a deployment is put back, unless the policy says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one policy may do: in one cycle, in any hour, in any 24 hours, of the fleet.

    ``per_day`` None: no limit of its own. ``share_per_hour``: of the fleet, in any hour; None:
    no such limit.
    """

    per_cycle: int = 3
    per_hour: int = 10
    per_day: int | None = None
    share_per_hour: Decimal | None = Decimal("0.2")
    on_exceed: OnExceed = OnExceed.TRICKLE


CAP_LIMITS = Limits(per_cycle=10, per_hour=60, share_per_hour=None)
"""How much a budget may do at once: one decision about one scope, and in no share of a fleet."""


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
class Threshold:
    """When somebody hears of a budget, and how loudly: by a share of it, or by its burn.

    Attributes:
        at: share of the limit; None: it is about the burn.
        is_forecast: of what is expected at the window's end, with at least this *probability*,
            *sustained* for so long.
        burn: multiple of the window's even pace, *over* a stretch and *also* a shorter one.
    """

    severity: Severity
    at: Decimal | None = None
    is_forecast: bool = False
    probability: Decimal = Decimal("0.9")
    sustained: timedelta = timedelta(hours=12)
    burn: Decimal | None = None
    over: timedelta = timedelta(0)
    also: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What a budget does to its scope once a share of the limit is used, or about to be.

    Attributes:
        at: share of the limit.
        first: whom it takes first, as long as what is left does not fit.
        acts_unanswered: where a person is asked, no answer within `expires` means yes.
    """

    at: Decimal
    verb: Verb
    mode: Mode
    first: First = First.LONGEST_IDLE
    expires: timedelta = timedelta(minutes=15)
    acts_unanswered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be spent on what, in a stretch of time in a zone.

    Attributes:
        scope: patterns by key: ``name``, ``model``, ``accelerator`` and attributes; empty: all.
        each: an attribute of which every value has a budget of its own; "": one for all.
        untagged: whose it is where `each` finds nobody; "": nobody's, and watched as such.
        is_money: USD, else GPU-hours.
        amounts: by value of `each`, and under ``default`` what all others have, if anything.
        per: a unit of `UNITS`; rolling: a length; dates: first day and the first after it.
        planned: amounts for windows by label, instead of every other.
        rungs: what it does, by the share at which; each is a `Policy` of its own, `rung_name`.
        stop_early: it acts so early that the limit is not passed meanwhile.
        restores: how what it stopped is put back when the next window begins: by itself, or
            once a person has said so; None: never.
        limits: how much its rungs may do at once. allow: built-in protections lifted for them.
        hash: changes with whatever counts; an edit begins a new version.
    """

    name: str
    description: str
    scope: Mapping[str, tuple[str, ...]]
    each: str
    untagged: str
    is_money: bool
    amounts: Mapping[str, Decimal]
    thresholds: tuple[Threshold, ...]
    timezone: str
    per: str = ""
    rolling: timedelta | None = None
    dates: tuple[date, date] | None = None
    planned: Mapping[str, Decimal] = field(default_factory=dict)
    routes: tuple[str, ...] = ()
    rungs: tuple[Rung, ...] = ()
    stop_early: bool = False
    restores: Mode | None = None
    limits: Limits = CAP_LIMITS
    allow: frozenset[Blocker] = frozenset()
    hash: str = ""
    path: str = ""
    line: int = 0


def rung_name(budget: Budget, rung: Rung) -> PolicyName:
    """Name the policy that *rung* is; no name that people give has a slash."""
    return PolicyName(f"{budget.name}/{rung.verb}")


def is_rung(policy: PolicyName) -> bool:
    """Tell whether *policy* is the rung of a budget."""
    return "/" in policy


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
