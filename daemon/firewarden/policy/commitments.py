"""What a policy folder says was bought ahead, or that nothing was."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from firewarden.model.vocabulary import CommitmentKind
from firewarden.policy.fields import Count, Money, Text, Usd, as_list, as_text, chosen, refuse
from firewarden.policy.strict import Strict, WhenRead

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
            refuse(
                f"{self.kind} needs {' and '.join(f'`{name}`' for name in missing)}",
                "what each kind is made of is in the documents",
            )
        if other := sorted(given - needed - allowed - {"from"}):
            refuse(f"{self.kind} has no `{other[0]}`", "take it out", at=other[0])
        end = self.to or self.expires
        if self.from_ is not None and end is not None and end <= self.from_:
            refuse(
                "it ends before it begins",
                "the day of `to` is the first one after it",
                at="expires" if self.to is None else "to",
            )
        return self


def _rows(given: object) -> object:
    return given if given == NONE else as_list(given)


def _form(given: object) -> str:
    return NONE if given == NONE else "rows"


_Rows = Annotated[tuple[Annotated[CommitmentEntry, WhenRead()], ...], Tag("rows")]
_None = Annotated[Literal["none"], Tag(NONE)]
Commitments = Annotated[_Rows | _None, Discriminator(_form), BeforeValidator(_rows)] | None
"""None: nothing is said; ``none``: it is said that there are none."""
