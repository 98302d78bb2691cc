"""The words of the true-up: how a day of the bill stands, and what it changes in the books."""

from dataclasses import dataclass
from enum import StrEnum


class DayState(StrEnum):
    """How a local day stands against the provider's bill."""

    OPEN = "open"
    """Too young, or not yet answered alike twice."""

    SETTLED = "settled"
    ADJUSTED = "adjusted"
    DISPUTED = "disputed"


class RowState(StrEnum):
    """How one deployment's day on one accelerator stands against its row of the bill."""

    EQUAL = "equal"
    ADJUSTED = "adjusted"
    DISPUTED = "disputed"
    """Both numbers stand; ours is used."""

    UNATTRIBUTED = "unattributed"
    """Billed, and nobody metered anything of that name."""

    RESERVED = "reserved"
    """Left out of the bill by a declared commitment; ours is used."""


class Cause(StrEnum):
    """What most likely made a difference."""

    NONE = ""
    GAP = "gap"
    PRICE = "price"
    RULE = "rule"
    """The provider counts otherwise, or something came and went between two looks."""

    RESERVATION = "reservation"
    UNWATCHED = "unwatched"
    """It is of a time before the first poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What an adjustment adds to a cost and to its bounds, in micro-USD."""

    micro_usd: int = 0
    low_micro_usd: int = 0
    high_micro_usd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What is added to the metered GPU-ms, to their bounds, and to the cost.

    With it point and bounds are what was billed. ``money`` None: it has no known price.
    """

    gpu_ms: int = 0
    low_ms: int = 0
    high_ms: int = 0
    money: Money | None = Money()

    @property
    def is_nothing(self) -> bool:
        """It changes no number."""
        return not (self.gpu_ms or self.low_ms or self.high_ms or self.money not in (None, Money()))


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledMoney:
    """What the provider says the GPU time of one accelerator cost on one day UTC.

    It names no deployments, and leaves out what has no price.
    """

    accelerator_type: str
    gpu_ms: int
    micro_usd: int
