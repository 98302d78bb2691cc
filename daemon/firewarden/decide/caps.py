"""What budgets call for in one cycle: whom to stop, and how far that can go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from firewarden.model.ids import PolicyName, Uid
from firewarden.model.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One deployment that a rung calls for.

    ``since``: the beginning of the budget's window. ``until``: its end, after which nobody is
    called for any more; None: it has none of its own. ``rank``: whose turn it is, from 0.
    """

    reason: str
    since: datetime
    until: datetime | None = None
    rank: int = 0

    def holds(self, now: datetime) -> bool:
        """Is it still the window that it was made for?"""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far the highest rung of a budget can go, of what its scope spends an hour now.

    USD an hour, or GPUs.

    Attributes:
        stoppable: of what it may stop. protected: of what it may not touch.
        why_soft: why it cannot keep the limit whatever its scope does, in a few words; "" where
            it can: it stops early, waits for nobody's answer, and reaches all of the scope.
    """

    stoppable: Decimal
    protected: Decimal
    why_soft: str

    def __str__(self) -> str:
        """Say it in a sentence that begins with "the limit is"."""
        return f"soft: {self.why_soft}" if self.why_soft else "hard"

    @property
    def is_hard(self) -> bool:
        """It keeps the limit whatever its scope does."""
        return not self.why_soft


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What all budgets call for.

    Attributes:
        called: by the deployment and the policy that the rung is.
        reaches: by the budget's name and value, of budgets that do something.
        notices: what people should hear of rungs that are reached.
    """

    called: Mapping[tuple[Uid, PolicyName], Call] = field(default_factory=dict)
    reaches: Mapping[tuple[str, str], Reach] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
