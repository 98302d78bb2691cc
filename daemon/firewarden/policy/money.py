"""Budgets as the judge takes them: whose money, how much, who hears when, what is done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import Blocker, First, Mode, Severity, Verb
from firewarden.policy.limits import CAP_LIMITS, Limits


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
        is_money: USD, else GPU-hours. at_once: GPUs that run at one time; it has no window.
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
    at_once: bool = False
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
