"""What was asked of the simulated control plane, call by call."""

from collections import deque
from dataclasses import dataclass

from firewarden.providers.simulated.instants import instant_text
from firewarden.providers.simulated.plan import Json

_MOST = 500_000
_LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request; *at* in milliseconds, *fault* the id of the fault that touched the answer."""

    at: int
    method: str
    path: str
    query: str
    status: int
    fault: str = ""
    body: bytes = b""

    def written(self) -> Json:
        """Write it for ``/_log``; the body only of what may change something."""
        row: Json = {
            "at": instant_text(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "fault": self.fault or None,
        }
        if self.body and self.method != "GET":
            row["body"] = self.body[:_LONGEST_BODY].decode("utf-8", "replace")
        return row


class Log:
    """The newest requests, in order: half a million of them, or *most*."""

    def __init__(self, *, most: int = _MOST) -> None:
        self._entries: deque[Entry] = deque(maxlen=most)

    def add(self, entry: Entry) -> None:
        """Remember *entry*."""
        self._entries.append(entry)

    def since(self, at: int) -> list[Entry]:
        """Give what was asked at *at* or later."""
        return [entry for entry in self._entries if entry.at >= at]
