"""How a notice reaches people: where it goes, and the proof that it came."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Way(StrEnum):
    """A kind of destination."""

    LOG = "log"
    TERMINAL = "terminal"
    SLACK = "slack"
    SLACK_DM = "slack_dm"
    SLACK_WEBHOOK = "slack_webhook"
    WEBHOOK = "webhook"

    @property
    def gives_receipts(self) -> bool:
        """Somebody else says that the message was taken."""
        return self not in {Way.LOG, Way.TERMINAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One place: a channel, a person, an address.

    ``address`` is a channel's name, an e-mail address, or the *name* of the route of a
    webhook: its URL is a secret and stays in memory.
    """

    way: Way
    address: str = ""

    def __str__(self) -> str:
        """The name it is stored by: ``slack:gpu-costs``, ``log``."""
        return f"{self.way.value}:{self.address}" if self.address else self.way.value

    @classmethod
    def parse(cls, stored: str) -> "Destination":
        """Read what `str` wrote."""
        way, _, address = stored.partition(":")
        return cls(way=Way(way), address=address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The proof that a destination took a message, and what a later edit needs.

    Attributes:
        at: when it was taken, by our clock.
        channel, message: the receiver's names of both (Slack's ``channel`` and ``ts``).
    """

    at: datetime
    channel: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one story's newest warning.

    Attributes:
        delivered_at: when the first destination that counts took it; None: none has yet.
        failed: every destination was tried three times, or gave up for good.
    """

    delivered_at: datetime | None = None
    failed: bool = False
