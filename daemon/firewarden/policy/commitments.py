"""What a policy folder says was bought ahead, or that nothing was."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.commitment import Commitment, CommitmentKind
from firewarden.model.price import MICRO
from firewarden.policy.fields import Count, Money, Text, Usd, as_list, as_text, chosen, refuse
from firewarden.policy.strict import Strict

NONE: Literal["none"] = "none"
_SHAPES = {
    CommitmentKind.CAPACITY: ({"accelerator", "gpus", "to"}, {"placement", "usd_per_gpu_hour"}),
    CommitmentKind.SPEND: ({"usd", "from", "to"}, set[str]()),
    CommitmentKind.CREDIT: ({"usd", "expires"}, set[str]()),
}
"""What each kind needs, and what it may have besides; ``from`` may stand in the first too."""


def _kind(given: object) -> CommitmentKind:
    return CommitmentKind(chosen(given, list(CommitmentKind), "kind of commitment"))


def _day(given: object) -> date:
    text = as_text(given)
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse("not a day", 'for example "2026-12-15"')


Day = Annotated[date, BeforeValidator(_day)]


class CommitmentEntry(Strict):
    """One thing that was bought ahead."""

    kind: Annotated[CommitmentKind, BeforeValidator(_kind)]
    accelerator: Text | None = None
    placement: Text | None = None
    gpus: Count | None = None
    usd_per_gpu_hour: Usd | None = None
    usd: Money | None = None
    from_: Day | None = Field(default=None, alias="from")
    to: Day | None = None
    expires: Day | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed, allowed = _SHAPES[self.kind]
        given = {name.rstrip("_") for name in self.model_fields_set} - {"kind"}
        if missing := sorted(needed - given):
            refuse(f"{self.kind} needs {' and '.join(f'`{name}`' for name in missing)}")
        if other := sorted(given - needed - allowed - {"from"}):
            refuse(f"{self.kind} has no `{other[0]}`", "take it out")
        end = self.to or self.expires
        if self.from_ is not None and end is not None and end <= self.from_:
            refuse("it ends before it begins", "the day of `to` is the first one after it")
        return self

    def commitment(self, zone: ZoneInfo) -> Commitment:
        """Give it with instants: days begin at midnight in *zone*, and ``to`` is not included."""
        last = self.to or self.expires
        assert last is not None  # _is_whole
        rate = self.usd_per_gpu_hour
        return Commitment(
            kind=self.kind,
            since=None if self.from_ is None else _midnight(self.from_, zone),
            until=_midnight(last, zone),
            accelerator_type=self.accelerator or "",
            placement=(self.placement or "").casefold(),
            gpus=self.gpus or 0,
            micro_usd_per_gpu_hour=None if rate is None else int(rate * MICRO),
            **({} if self.usd is None else {"usd": self.usd}),
        )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _rows(given: object) -> object:
    return given if given == NONE else as_list(given)


Commitments = Annotated[
    tuple[CommitmentEntry, ...] | Literal["none"] | None, BeforeValidator(_rows)
]
"""None: nothing is said; ``none``: it is said that there are none."""
