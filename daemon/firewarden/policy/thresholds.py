"""When somebody hears of a budget, and what is done then."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import First, Mode, Severity, Verb
from firewarden.policy.durations import Duration
from firewarden.policy.fields import Count, ModeWord, Share, as_amount, chosen, refuse
from firewarden.policy.strict import Strict

FORECAST = "forecast"
"""The basis of a threshold on what is expected at the window's end."""

_LONGEST_SUSTAINED = timedelta(days=1)
_ACTS = (Verb.HOLD_GROWTH, Verb.SCALE_TO_ZERO, Verb.PARK)
_VERBS = ", ".join(_ACTS)
_MOST_PERCENT = 1_000


def _percent(given: object) -> Decimal:
    text = given.removesuffix("%") if isinstance(given, str) and given.endswith("%") else ""
    try:
        number = Decimal(text)
    except ArithmeticError:
        refuse("not a share of the limit", "write a number and a percent sign, for example 80%")
    if not 0 < number <= _MOST_PERCENT:
        refuse(f"must lie above 0% and be at most {_MOST_PERCENT}%", "for example 80%")
    return number / 100


def _multiple(given: object) -> Decimal:
    amount = as_amount(given)
    if amount <= 1:
        refuse("a burn of the even pace or less is no news", "for example 14.4")
    return amount


def _basis(given: object) -> str:
    return chosen(given, ("actual", FORECAST), "basis")


def _do(given: object) -> Severity | Verb:
    text = chosen(given, [*Severity, *_ACTS], "thing to do")
    return Verb(text) if text in _ACTS else Severity(text)


def _first(given: object) -> First:
    return First(chosen(given, list(First), "order"))


class ThresholdEntry(Strict):
    """One share of the limit, or one burn, at which somebody hears of it or something is done."""

    at: Annotated[Decimal | None, BeforeValidator(_percent)] = None
    basis: Annotated[str, BeforeValidator(_basis)] = "actual"
    probability: Share | None = None
    sustained: Duration | None = None
    burn: Annotated[Decimal | None, BeforeValidator(_multiple)] = None
    over: Duration | None = None
    and_: Duration | None = Field(default=None, alias="and")
    do: Annotated[Severity | Verb, BeforeValidator(_do)]
    first: Annotated[First | None, BeforeValidator(_first)] = None
    mode: ModeWord | None = None
    expires: Duration | None = None
    otherwise: Literal["hold", "act"] | None = None

    @property
    def acts(self) -> bool:
        """It changes deployments, and does not only tell."""
        return isinstance(self.do, Verb)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.at is None) == (self.burn is None):
            refuse("either `at` or `burn` says when", "for example {at: 80%, do: warn}")
        if self.burn is None and (self.over is not None or self.and_ is not None):
            refuse(
                "`over` and `and` belong to `burn`",
                "take them out",
                at="and" if self.over is None else "over",
            )
        if self.burn is not None and (self.over is None or self.and_ is None):
            refuse("`burn` needs two windows", "for example {burn: 14.4, over: 1h, and: 5m}")
        if self.over is not None and self.and_ is not None and self.and_ >= self.over:
            refuse(
                "`and` is the shorter of the two windows", "for example over: 1h, and: 5m", at="and"
            )
        is_forecast = self.at is not None and self.basis == FORECAST
        if not is_forecast and (self.probability is not None or self.sustained is not None):
            refuse(
                "`probability` and `sustained` belong to `at` with `basis: forecast`",
                "take them out, or write `basis: forecast`",
                at="sustained" if self.probability is None else "probability",
            )
        if self.burn is not None and "basis" in self.model_fields_set:
            refuse("`basis` belongs to `at`", "take it out", at="basis")
        if self.sustained is not None and self.sustained > _LONGEST_SUSTAINED:
            refuse(
                "longer than a day: the window would be over before it is told",
                "at most 24h",
                at="sustained",
            )
        return self

    @model_validator(mode="after")
    def _acts_on_what_is_spent(self) -> Self:
        own = self.model_fields_set & {"first", "mode", "expires", "otherwise"}
        if own and not self.acts:
            refuse(
                f"`{min(own)}` belongs to a verb",
                f"take it out, or do one of: {_VERBS}",
                at=min(own),
            )
        if self.acts and (self.at is None or self.basis == FORECAST):
            refuse("only what is spent stops anything", "for example {at: 100%, do: park}")
        if {"expires", "otherwise"} & own and self.mode is not Mode.APPROVE:
            refuse(
                "`expires` and `otherwise` belong to `mode: approve`",
                "write it, or take them out",
                at="otherwise" if self.expires is None else "expires",
            )
        if self.first is not None and self.do is Verb.HOLD_GROWTH:
            refuse(
                "nothing is first: all of the scope stops growing at once",
                "take `first` out",
                at="first",
            )
        return self


class CapLimitsEntry(Strict):
    """How much a budget may do at once."""

    per_cycle: Count | None = None
    per_hour: Count | None = None


class BudgetRestore(Strict):
    """When what a budget has stopped is put back, and who says so."""

    at: Literal["window_start"]
    mode: ModeWord = Mode.ENFORCE

    @model_validator(mode="after")
    def _puts_back(self) -> Self:
        if self.mode not in {Mode.APPROVE, Mode.ENFORCE}:
            refuse(
                "it is put back by itself, or once a person says so",
                "enforce or approve",
                at="mode",
            )
        return self
