"""Words of the ledger's many rows as small numbers; a number is never given to another word."""

from collections.abc import Mapping
from typing import Final

from firewarden.model.activity import Use
from firewarden.model.usage import Evidence

USE: Final[Mapping[Use, int]] = {Use.ACTIVE: 1, Use.QUIET: 2, Use.UNKNOWN: 3}
USE_OF: Final[Mapping[int, Use]] = {code: use for use, code in USE.items()}

EVIDENCE: Final[Mapping[Evidence, int]] = {
    Evidence.POLL: 1,
    Evidence.READ: 2,
    Evidence.CREATED: 3,
    Evidence.DELETED: 4,
    Evidence.ABSENT: 5,
    Evidence.FIRST_SIGHT: 6,
    Evidence.GAP: 7,
}
EVIDENCE_OF: Final[Mapping[int, Evidence]] = {code: word for word, code in EVIDENCE.items()}

UNPRICED: Final = -1
"""Stands where a price would be part of a key; no price is negative."""


def to_price(micro_usd: int | None) -> int:
    """Micro-USD per GPU-hour for a key; None (unpriced) is not zero."""
    if micro_usd is None:
        return UNPRICED
    if micro_usd < 0:
        raise ValueError(f"a price cannot be negative: {micro_usd} micro-USD per GPU-hour")
    return micro_usd


def from_price(stored: int) -> int | None:
    """Micro-USD per GPU-hour, None where it is unpriced."""
    return None if stored == UNPRICED else stored
