"""Which deployments are meant: what the provider says of them, and whose they are."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.model.vocabulary import ATTRIBUTES, State
from firewarden.policy.fields import (
    Counts,
    NamePatterns,
    Patterns,
    as_list,
    as_text,
    chosen,
    each_of,
    refuse,
)
from firewarden.policy.strict import Strict

PLACEMENTS = ("global", "multi_region", "region")


def _states(given: object) -> tuple[str, ...]:
    return each_of(given, lambda item: chosen(item, list(State), "state"))


def _placements(given: object) -> tuple[str, ...]:
    return each_of(given, _placement)


def _placement(given: object) -> str:
    text = as_text(given)
    kind, _, rest = text.partition(":")
    chosen(kind, PLACEMENTS, "placement")
    if not rest and ":" in text:
        refuse("nothing after the colon", "for example multi_region:US")
    return text


def _tags(given: object) -> object:
    if not isinstance(given, dict) or not given:
        refuse("a map of tags is expected", "for example {team: research}")
    return given


class Description(Strict):
    """What the provider says of a deployment: keys are ANDed, the items of a list ORed.

    ``apart`` names keys of those built on it that select nothing.
    """

    nothing: ClassVar[str] = "an empty match: nothing says what it applies to"
    apart: ClassVar[frozenset[str]] = frozenset()

    name: NamePatterns | None = None
    display_name: NamePatterns | None = None
    tags: Annotated[dict[str, Patterns] | None, BeforeValidator(_tags)] = None
    model: NamePatterns | None = None
    accelerator: Patterns | None = None
    state: Annotated[tuple[str, ...] | None, BeforeValidator(_states)] = None
    placement: Annotated[tuple[str, ...] | None, BeforeValidator(_placements)] = None
    region: Patterns | None = None
    min_replicas: Counts | None = None
    max_replicas: Counts | None = None
    shape: Patterns | None = None
    account: Patterns | None = None
    all_: bool = Field(default=False, alias="all")
    not_: "Description | None" = Field(default=None, alias="not")
    any_: Annotated[tuple["Description", ...] | None, BeforeValidator(as_list)] = Field(
        default=None, alias="any"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = self.selectors()
        if not given:
            refuse(self.nothing, "everything is `all: true`, written out")
        if "all" in given and (not self.all_ or given - {"all", "not"}):
            refuse(
                "`all` is only ever `true`, and stands alone or beside `not`",
                "take `all` out",
                at="all",
            )
        return self

    def selectors(self) -> set[str]:
        """Name the keys that are given and select."""
        return {name.rstrip("_") for name in self.model_fields_set - self.apart}

    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Give the patterns of the attributes that are asked for."""
        return {}


class Target(Description):
    """The same, and whose they are and what for; an owner is not asked for."""

    team: Patterns | None = None
    project: Patterns | None = None
    env: Patterns | None = None
    service: Patterns | None = None
    cost_center: Patterns | None = None
    not_: "Match | None" = Field(default=None, alias="not")
    any_: Annotated[tuple["Match", ...] | None, BeforeValidator(as_list)] = Field(
        default=None, alias="any"
    )

    def attributes(self) -> dict[str, tuple[str, ...]]:
        """Give the patterns of the attributes that are asked for."""
        given = self.model_fields_set - self.apart
        return {name: getattr(self, name) for name in ATTRIBUTES if name in given}


class Match(Target):
    """What a policy applies to: what the provider says, and every attribute."""

    owner: Patterns | None = None
