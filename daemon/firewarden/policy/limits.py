"""How much may be done at once."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class OnExceed(StrEnum):
    """What happens when more is due than the limits allow."""

    TRICKLE = "trickle"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one policy may do: in one cycle, in any hour, in any 24 hours, of the fleet.

    ``per_day`` None: no limit of its own. ``share_per_hour``: of the fleet, in any hour; None:
    no such limit.
    """

    per_cycle: int = 3
    per_hour: int = 10
    per_day: int | None = None
    share_per_hour: Decimal | None = Decimal("0.2")
    on_exceed: OnExceed = OnExceed.TRICKLE


CAP_LIMITS = Limits(per_cycle=10, per_hour=60, share_per_hour=None)
"""How much a budget may do at once: one decision about one scope, and in no share of a fleet."""
