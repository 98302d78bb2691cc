"""Things people should hear of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from firewarden.model.ids import AccountId, Uid
from firewarden.model.vocabulary import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message about one thing.

    Attributes:
        kind: from the closed list, e.g. ``idle.warn``, ``idle.acted``, ``meter.gap``.
        key: identity of what it is about: the same key is one alert, whatever the text.
        text: one plain line, every number with its unit.
        facts: the numbers of the text for programs, ready to print.
        resolved: the condition is over; closes the alert of the same key.
        routes: names of the routes that a policy tells it by; empty: those for its severity.
        quietly: for the log and the terminal alone, whatever the routes: a policy observes.
        once: an event and no condition: told once for its key, and over at once.
        story: what it is told as a part of: one message, edited in place; "": its key.
    """

    account: AccountId
    kind: str
    key: str
    severity: Severity
    at: datetime
    text: str
    uid: Uid | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    resolved: bool = False
    routes: tuple[str, ...] = ()
    quietly: bool = False
    once: bool = False
    story: str = ""

    def ended(self, cause: str, *, at: datetime) -> "Notice":
        """Say that what it tells of is over, and why, as loudly and by the same routes."""
        text = f"over, because {cause}: {self.text}"
        return replace(self, at=at, text=text, resolved=True)
