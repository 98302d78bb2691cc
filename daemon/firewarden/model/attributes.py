"""Whose a deployment is and what it is for: what money is grouped by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from firewarden.model.vocabulary import ATTRIBUTES

UNALLOCATED: Final = "(unallocated)"
"""What stands in a report where nobody has said whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is said of one deployment; "" is not said.

    Attributes:
        split: teams that share the bill, with shares that add up to 1; then `team` is "".
        unsure: attributes of which it could not be found out: what a rule asks for is not
            told by the provider just now.
    """

    team: str = ""
    owner: str = ""
    project: str = ""
    env: str = ""
    service: str = ""
    cost_center: str = ""
    split: Mapping[str, Decimal] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()

    def values(self, name: str) -> tuple[str, ...]:
        """Give what is said of attribute *name*: nothing, one value, or all teams of a split."""
        if name == "team" and self.split:
            return tuple(self.split)
        value: str = getattr(self, name)
        return (value,) if value else ()

    def said(self) -> dict[str, str]:
        """Give each attribute that is said, for people; the teams of a split in one word."""
        return {name: ", ".join(values) for name in ATTRIBUTES if (values := self.values(name))}
