"""What one pass over an account brought back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firewarden.model.deployment import Deployment, Surroundings
from firewarden.model.ids import AccountId, Uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All deployments of an account in one listing.

    Every description in it was true at some instant of ``[asked_at, answered_at]``.
    Absence from a fleet that is not `complete` says nothing, and absence from a complete
    one is a question (ask for that one), not an answer.

    Attributes:
        complete: every page was read, the chain of tokens ended, no name came twice, and
            the count is the one the provider announced, where it announced one.
        problem: why it is not complete, in one clause; "" where it is.
    """

    account: AccountId
    asked_at: datetime
    answered_at: datetime
    complete: bool
    deployments: Mapping[Uid, Deployment]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One deployment read on its own, true at some instant of ``[asked_at, answered_at]``.

    ``deployment`` is None where the provider says there is none (404).
    ``surroundings`` is None where they could not be read: then they are unknown.
    """

    asked_at: datetime
    answered_at: datetime
    deployment: Deployment | None
    surroundings: Surroundings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account as the key sees it.

    Attributes:
        suspend_state: ``UNSUSPENDED`` or the provider's reason for the pause.
        role: role of the key's user where it could be found out, else "".
    """

    account: AccountId
    display_name: str = ""
    suspend_state: str = "UNSUSPENDED"
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One quota row: what may be held (*limit*), what is held (*usage*)."""

    quota_id: str
    limit: int
    usage: float
