"""What a policy folder says about budgets: whose money, how much of it, and who hears when."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import ATTRIBUTES, UNITS, Severity, Verb
from firewarden.policy.durations import Duration
from firewarden.policy.fields import (
    NamePatterns,
    Names,
    Patterns,
    Share,
    Text,
    as_list,
    as_text,
    chosen,
    one_or_more,
    refuse,
)
from firewarden.policy.strict import Strict

DEFAULT = "default"
"""In a map of amounts: what every value has that has none of its own."""

FORECAST = "forecast"
"""The basis of a threshold on what is expected at the window's end."""

_FORESEEN = ("week", "month", "quarter", "year")
_LONGEST_SUSTAINED = timedelta(days=1)
_ACTS = (Verb.HOLD_GROWTH, Verb.SCALE_TO_ZERO, Verb.PARK)
_MOST = 1_000_000_000
_MOST_PERCENT = 1_000


def _amount(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        refuse("a number is expected", "for example 5000 or 12.50")
    amount = Decimal(given)
    if not 0 < amount <= _MOST:
        refuse(f"must lie above 0 and be at most {_MOST}")
    return amount


def _amounts(given: object) -> dict[str, Decimal]:
    if not isinstance(given, dict):
        return {DEFAULT: _amount(given)}
    if not given:
        refuse("the map is empty", "for example {research: 5000, default: 1000}")
    return {as_text(name): _amount(value) for name, value in given.items()}


def _percent(given: object) -> Decimal:
    text = given.removesuffix("%") if isinstance(given, str) and given.endswith("%") else ""
    try:
        number = Decimal(text)
    except ArithmeticError:
        refuse("not a share of the limit", "write a number and a percent sign, for example 80%")
    if not 0 < number <= _MOST_PERCENT:
        refuse(f"must lie above 0% and be at most {_MOST_PERCENT}%")
    return number / 100


def _multiple(given: object) -> Decimal:
    amount = _amount(given)
    if amount <= 1:
        refuse("a burn of the even pace or less is no news", "for example 14.4")
    return amount


def _unit(given: object) -> str:
    return chosen(given, UNITS, "unit of time")


def _each(given: object) -> str:
    return chosen(given, ATTRIBUTES, "attribute")


def _basis(given: object) -> str:
    return chosen(given, ("actual", FORECAST), "basis")


def _day(given: object) -> date:
    try:
        return date.fromisoformat(as_text(given))
    except ValueError:
        refuse("not a day", 'for example "2026-12-15"')


def _do(given: object) -> Severity:
    text = as_text(given)
    if text in _ACTS:
        refuse(f"`{text}` is not supported in this version", "info, warn or page tell of it")
    return Severity(chosen(text, list(Severity), "thing to do"))


def _planned(given: object) -> dict[str, Decimal]:
    if not isinstance(given, dict) or not given:
        refuse("a map of windows is expected", 'for example {"2026-12": 8000}')
    return {as_text(name): _amount(value) for name, value in given.items()}


def _accelerators(given: object) -> tuple[str, ...]:
    return tuple(as_text(item) for item in one_or_more(given))


class ScopeEntry(Strict):
    """What a budget is about: keys are ANDed, the items of a list ORed.

    It is asked of deployments that are long gone, too. So only what the ledger keeps of each
    of them can be asked for.
    """

    later: ClassVar[frozenset[str]] = frozenset(
        {"tags", "state", "placement", "region", "shape", "not", "any"}
    )

    name: NamePatterns | None = None
    model: NamePatterns | None = None
    accelerator: Annotated[tuple[str, ...] | None, BeforeValidator(_accelerators)] = None
    team: Patterns | None = None
    owner: Patterns | None = None
    project: Patterns | None = None
    env: Patterns | None = None
    service: Patterns | None = None
    cost_center: Patterns | None = None
    all_: bool = Field(default=False, alias="all")
    each: Annotated[str | None, BeforeValidator(_each)] = None
    untagged: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.model_fields_set - {"untagged"}
        if not given or (given == {"all_"} and not self.all_):
            refuse("nothing says what it is about", "everything is `all: true`, written out")
        if self.all_ and given - {"all_", "each"}:
            refuse("`all` stands alone, or beside `each`")
        if self.untagged is not None and self.each is None:
            refuse("`untagged` says whose it is where `each` finds nobody", "write `each` too")
        if self.each is not None and self.each in given:
            refuse(f"`each: {self.each}` and `{self.each}` in one scope", "take one of them out")
        return self


class LimitEntry(Strict):
    """How much, of what, in which stretch of time."""

    usd: Annotated[dict[str, Decimal] | None, BeforeValidator(_amounts)] = None
    gpu_hours: Annotated[dict[str, Decimal] | None, BeforeValidator(_amounts)] = None
    per: Annotated[str | None, BeforeValidator(_unit)] = None
    rolling: Duration | None = None
    from_: Annotated[date | None, BeforeValidator(_day)] = Field(default=None, alias="from")
    to: Annotated[date | None, BeforeValidator(_day)] = None
    planned: Annotated[dict[str, Decimal] | None, BeforeValidator(_planned)] = None

    later: ClassVar[frozenset[str]] = frozenset({"gpus"})

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.usd is None) == (self.gpu_hours is None):
            refuse("either `usd` or `gpu_hours` is limited", "for example {usd: 5000, per: month}")
        once = self.from_ is not None or self.to is not None
        if [self.per is not None, self.rolling is not None, once].count(True) != 1:
            refuse("exactly one of `per`, `rolling`, and `from` with `to` says in which time")
        if once and (self.from_ is None or self.to is None):
            refuse("`from` and `to` are needed together")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            refuse("it ends before it begins", "the day of `to` is the first one after it")
        if self.planned is not None and self.per is None:
            refuse("`planned` names windows of `per`", "write `per`, or take `planned` out")
        return self

    @property
    def amounts(self) -> dict[str, Decimal]:
        """The limit of each value, and under `DEFAULT` that of all others."""
        return (self.usd if self.usd is not None else self.gpu_hours) or {}


class ThresholdEntry(Strict):
    """One instant at which somebody hears of it."""

    later: ClassVar[frozenset[str]] = frozenset({"first", "mode", "expires", "otherwise"})

    at: Annotated[Decimal | None, BeforeValidator(_percent)] = None
    basis: Annotated[str, BeforeValidator(_basis)] = "actual"
    probability: Share | None = None
    sustained: Duration | None = None
    burn: Annotated[Decimal | None, BeforeValidator(_multiple)] = None
    over: Duration | None = None
    and_: Duration | None = Field(default=None, alias="and")
    do: Annotated[Severity, BeforeValidator(_do)]

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.at is None) == (self.burn is None):
            refuse("either `at` or `burn` says when", "for example {at: 80%, do: warn}")
        if self.burn is None and (self.over is not None or self.and_ is not None):
            refuse("`over` and `and` belong to `burn`")
        if self.burn is not None and (self.over is None or self.and_ is None):
            refuse("`burn` needs two windows", "for example {burn: 14.4, over: 1h, and: 5m}")
        if self.over is not None and self.and_ is not None and self.and_ >= self.over:
            refuse("`and` is the shorter of the two windows")
        is_forecast = self.at is not None and self.basis == FORECAST
        if not is_forecast and (self.probability is not None or self.sustained is not None):
            refuse("`probability` and `sustained` belong to `at` with `basis: forecast`")
        if self.burn is not None and "basis" in self.model_fields_set:
            refuse("`basis` belongs to `at`", "take it out")
        if self.sustained is not None and self.sustained > _LONGEST_SUSTAINED:
            refuse("longer than a day: the window would be over before it is told", "at most 24h")
        return self


class BudgetEntry(Strict):
    """One named budget."""

    later: ClassVar[frozenset[str]] = frozenset({"stop_early", "restore", "allow", "cap_limits"})

    description: Text = ""
    scope: ScopeEntry
    limit: LimitEntry
    thresholds: Annotated[tuple[ThresholdEntry, ...], BeforeValidator(as_list)]
    notify: Names | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.scope.each is None and set(self.limit.amounts) != {DEFAULT}:
            refuse("amounts by name need `each` in the scope", "for example scope: {each: team}")
        if self.limit.rolling is not None and any(each.burn for each in self.thresholds):
            refuse("`burn` is a multiple of a calendar window's even pace", "use `per`")
        forecast = any(each.basis == FORECAST for each in self.thresholds)
        if forecast and self.limit.per not in _FORESEEN:
            refuse(
                "`basis: forecast` looks to the end of a longer window",
                f"per: {' or '.join(_FORESEEN)}",
            )
        return self
