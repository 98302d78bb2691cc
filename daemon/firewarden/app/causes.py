"""Why the provider or the ledger could not be used, in one word: for metrics and readiness."""

from typing import Final

from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    ProviderRejected,
    ProviderUnavailable,
    StoreError,
    WorldError,
)

UNAVAILABLE: Final = "unavailable"
INCOMPLETE: Final = "incomplete"
"""An answer came, and not all of it."""

CAUSES: Final = (
    "throttled",
    "refused",
    "suspended",
    UNAVAILABLE,
    "rejected",
    INCOMPLETE,
    "database",
)
"""All there are: none of them holds a word from outside."""


def cause_of(error: WorldError) -> str:
    """Say which of `CAUSES` *error* is."""
    match error:
        case StoreError():
            return "database"
        case KeyRefused():
            return "refused"
        case AccountSuspended():
            return "suspended"
        case ProviderRejected():
            return "rejected"
        case ProviderUnavailable(throttled=True):
            return "throttled"
        case _:
            return UNAVAILABLE
