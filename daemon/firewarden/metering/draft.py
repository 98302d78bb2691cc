"""A change of the ledger while it comes together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from firewarden.model.ids import Uid
from firewarden.model.usage import Gap, Known, LedgerChange, Segment


@dataclass(slots=True)
class Draft:
    """A `LedgerChange` in the making."""

    met: list[Known] = field(default_factory=list)
    closed: list[Segment] = field(default_factory=list)
    opened: list[Segment] = field(default_factory=list)
    amended: list[Segment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    dirty: set[tuple[datetime, Uid]] = field(default_factory=set)
    tags: list[tuple[Uid, Mapping[str, str]]] = field(default_factory=list)

    def done(self) -> LedgerChange:
        """Give what has come together."""
        return LedgerChange(
            met=tuple(self.met),
            closed=tuple(self.closed),
            opened=tuple(self.opened),
            amended=tuple(self.amended),
            gaps=tuple(self.gaps),
            dirty=frozenset(self.dirty),
            tags=tuple(self.tags),
        )
