"""What a policy folder says about budgets: whose money, how much, who hears, what is done."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import ATTRIBUTES, UNITS, Verb
from firewarden.policy.durations import Duration
from firewarden.policy.fields import (
    Allowed,
    NamePatterns,
    Names,
    Patterns,
    Text,
    as_amount,
    as_list,
    as_text,
    chosen,
    each,
    each_of,
    refuse,
)
from firewarden.policy.strict import Strict
from firewarden.policy.thresholds import FORECAST, BudgetRestore, CapLimitsEntry, ThresholdEntry

DEFAULT = "default"
"""In a map of amounts: what every value has that has none of its own."""

_FORESEEN = ("week", "month", "quarter", "year")
_OF_A_LADDER = {"stop_early", "restore", "cap_limits", "allow"}
_ADD_A_RUNG = "add for example {at: 100%, do: park, mode: approve}"


def _amounts(given: object) -> dict[str, Decimal]:
    if not isinstance(given, dict):
        return {DEFAULT: as_amount(given)}
    if not given:
        refuse("the map is empty", "for example {research: 5000, default: 1000}")
    return _amounts_by_name(given)


def _amounts_by_name(given: dict[object, object]) -> dict[str, Decimal]:
    amounts = each(((as_text(name), value) for name, value in given.items()), as_amount)
    return dict(zip(map(as_text, given), amounts, strict=True))


def _unit(given: object) -> str:
    return chosen(given, UNITS, "unit of time")


def _each(given: object) -> str:
    return chosen(given, ATTRIBUTES, "attribute")


def _day(given: object) -> date:
    try:
        return date.fromisoformat(as_text(given))
    except ValueError:
        refuse("not a day", 'for example "2026-12-15"')


def _planned(given: object) -> dict[str, Decimal]:
    if not isinstance(given, dict) or not given:
        refuse("a map of windows is expected", 'for example {"2026-12": 8000}')
    return _amounts_by_name(given)


def _accelerators(given: object) -> tuple[str, ...]:
    return each_of(given, as_text)


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
            refuse("`all` stands alone, or beside `each`", "take `all` out", at="all")
        if self.untagged is not None and self.each is None:
            refuse(
                "`untagged` says whose it is where `each` finds nobody",
                "write `each` too",
                at="untagged",
            )
        if self.each is not None and self.each in given:
            refuse(
                f"`each: {self.each}` and `{self.each}` in one scope",
                "take one of them out",
                at=self.each,
            )
        return self


class LimitEntry(Strict):
    """How much, of what, in which stretch of time."""

    usd: Annotated[dict[str, Decimal] | None, BeforeValidator(_amounts)] = None
    gpu_hours: Annotated[dict[str, Decimal] | None, BeforeValidator(_amounts)] = None
    gpus: Annotated[dict[str, Decimal] | None, BeforeValidator(_amounts)] = None
    per: Annotated[str | None, BeforeValidator(_unit)] = None
    rolling: Duration | None = None
    from_: Annotated[date | None, BeforeValidator(_day)] = Field(default=None, alias="from")
    to: Annotated[date | None, BeforeValidator(_day)] = None
    planned: Annotated[dict[str, Decimal] | None, BeforeValidator(_planned)] = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if [self.usd, self.gpu_hours, self.gpus].count(None) != 2:  # noqa: PLR2004 - two of three
            refuse(
                "one of `usd`, `gpu_hours` and `gpus` is limited",
                "for example {usd: 5000, per: month}, or {gpus: 64}",
            )
        if self.gpus is not None:
            if other := sorted(self.model_fields_set - {"gpus"}):
                refuse(
                    f"`gpus` are counted at one time, so it has no `{other[0].rstrip('_')}`",
                    "take it out, or limit `gpu_hours`",
                    at=other[0].rstrip("_"),
                )
            return self
        once = self.from_ is not None or self.to is not None
        if [self.per is not None, self.rolling is not None, once].count(True) != 1:
            refuse(
                "exactly one of `per`, `rolling`, and `from` with `to` says in which time",
                "for example {usd: 5000, per: month}",
            )
        if once and (self.from_ is None or self.to is None):
            refuse("`from` and `to` are needed together", "write both, or `per`")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            refuse("it ends before it begins", "the day of `to` is the first one after it", at="to")
        if self.planned is not None and self.per is None:
            refuse(
                "`planned` names windows of `per`",
                "write `per`, or take `planned` out",
                at="planned",
            )
        return self

    @property
    def amounts(self) -> dict[str, Decimal]:
        """The limit of each value, and under `DEFAULT` that of all others."""
        return self.usd or self.gpu_hours or self.gpus or {}


class BudgetEntry(Strict):
    """One named budget."""

    description: Text = ""
    scope: ScopeEntry
    limit: LimitEntry
    thresholds: Annotated[tuple[ThresholdEntry, ...], BeforeValidator(as_list)]
    notify: Names | None = None
    stop_early: bool = False
    restore: BudgetRestore | None = None
    cap_limits: CapLimitsEntry = CapLimitsEntry()
    allow: Allowed = ()

    @property
    def rungs(self) -> tuple[ThresholdEntry, ...]:
        """The thresholds at which something is done."""
        return tuple(each for each in self.thresholds if each.acts)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.scope.each is None and set(self.limit.amounts) != {DEFAULT}:
            refuse(
                "amounts by name need `each` in the scope",
                "for example scope: {each: team}",
                at="limit",
            )
        if self.limit.gpus is not None and any(
            each.acts or each.burn or each.basis == FORECAST for each in self.thresholds
        ):
            refuse(
                "a limit of `gpus` only tells: no verb, no `burn`, no forecast",
                "for example {at: 90%, do: warn}, or limit `gpu_hours`",
                at="thresholds",
            )
        if self.limit.rolling is not None and any(each.burn for each in self.thresholds):
            refuse(
                "`burn` is a multiple of a calendar window's even pace",
                "use `per`",
                at="thresholds",
            )
        forecast = any(each.basis == FORECAST for each in self.thresholds)
        if forecast and self.limit.per not in _FORESEEN:
            refuse(
                "`basis: forecast` looks to the end of a longer window",
                f"per: {' or '.join(_FORESEEN)}",
                at="limit",
            )
        return self

    @model_validator(mode="after")
    def _is_a_ladder(self) -> Self:
        verbs = [each.do for each in self.rungs]
        if len(set(verbs)) < len(verbs):
            refuse("a verb stands twice", "one threshold for each verb", at="thresholds")
        if not verbs and (own := self.model_fields_set & _OF_A_LADDER):
            refuse(
                f"`{min(own)}` says how something is done, and nothing is", _ADD_A_RUNG, at=min(own)
            )
        if self.restore is not None and self.limit.rolling is not None:
            refuse(
                "a rolling window never begins anew",
                "use `per`, or take `restore` out",
                at="restore",
            )
        for rung in self.rungs:
            if rung.do is not Verb.HOLD_GROWTH and not self._is_told_before(rung):
                refuse(
                    f"nobody hears of it before `{rung.do}`",
                    "add {at: 80%, do: warn}",
                    at="thresholds",
                )
        return self

    def _is_told_before(self, rung: ThresholdEntry) -> bool:
        told = (each for each in self.thresholds if not each.acts and each.basis != FORECAST)
        return any(each.at is not None and rung.at and each.at < rung.at for each in told)
