"""What a policy folder says about time: named hours and days that policies refer to."""

import re
from datetime import date, time
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import Verb
from firewarden.policy.calendar import Schedule
from firewarden.policy.fields import as_text, chosen, each_of, refuse
from firewarden.policy.problems import shown
from firewarden.policy.strict import Strict

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_FORBIDDEN = (Verb.SCALE_TO_ZERO, Verb.PARK, Verb.SET_AUTOSCALING, Verb.HOLD_GROWTH, Verb.DELETE)


def _days(given: object) -> frozenset[int]:
    return frozenset(day for span in each_of(given, _span) for day in span)


def _span(given: object) -> list[int]:
    text = as_text(given)
    first, dash, last = text.casefold().partition("-")
    begin = DAYS.index(chosen(first, DAYS, "day of the week"))
    end = DAYS.index(chosen(last, DAYS, "day of the week")) if dash else begin
    if end < begin:
        refuse(f"{shown(text)} goes backwards", f"write {first}-sun and mon-{last} apart")
    return list(range(begin, end + 1))


def _clock(given: object) -> time:
    text = as_text(given)
    found = _TIME.fullmatch(text)
    if found is None:
        refuse(f"{shown(text)} is no time of day", 'in quotes, from "00:00" to "23:59"')
    return time(int(found[1]), int(found[2]))


def _dates(given: object) -> tuple[tuple[date, date], ...]:
    return each_of(given, _stretch)


def _stretch(given: object) -> tuple[date, date]:
    text = as_text(given)
    first, dots, last = text.partition("..")
    try:
        begin = date.fromisoformat(first)
        end = date.fromisoformat(last) if dots else begin
    except ValueError:
        refuse(f"{shown(text)} is no day", 'for example "2026-12-24" or "2026-12-20..2027-01-03"')
    if end < begin:
        refuse(f"{shown(text)} ends before it begins", "the other way round")
    return begin, end


def _verbs(given: object) -> frozenset[str]:
    return frozenset(each_of(given, lambda item: chosen(item, _FORBIDDEN, "verb")))


class ScheduleEntry(Strict):
    """Some hours of some days."""

    later: ClassVar[frozenset[str]] = frozenset({"holidays"})

    days: Annotated[frozenset[int] | None, BeforeValidator(_days)] = None
    dates: Annotated[tuple[tuple[date, date], ...] | None, BeforeValidator(_dates)] = None
    from_: Annotated[time | None, BeforeValidator(_clock)] = Field(default=None, alias="from")
    to: Annotated[time | None, BeforeValidator(_clock)] = None
    verbs: Annotated[frozenset[str], BeforeValidator(_verbs)] = frozenset()

    @model_validator(mode="after")
    def _is_some_time(self) -> Self:
        if (self.days is None) == (self.dates is None):
            refuse("either `days` or `dates` says which days", "for example {days: mon-fri}")
        if (self.from_ is None) != (self.to is None):
            refuse("`from` and `to` are needed together", "without both it is the whole day")
        if self.from_ is not None and self.from_ == self.to:
            refuse("it ends when it begins", "for whole days leave `from` and `to` out", at="to")
        if self.days is not None and len(self.days) == len(DAYS) and self.from_ is None:
            refuse("it always holds", "give it hours, or leave it out where it is named", at="days")
        return self

    def named(self, name: str, timezone: str) -> Schedule:
        """Make it the schedule *name* by the clocks of *timezone*."""
        return Schedule(
            name=name,
            timezone=timezone,
            weekdays=self.days or frozenset(),
            dates=self.dates or (),
            begins=self.from_,
            ends=self.to,
            verbs=self.verbs,
        )
