"""How much of the provider's answers is read, and for how long it is waited for."""

from dataclasses import dataclass
from datetime import timedelta

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a provider that misbehaves can cost us.

    Time-outs are real seconds, counted by the event loop and never compressed: how long a
    socket may stay silent has nothing to do with how fast a simulated day goes by.

    Attributes:
        call_s: for one request, from its sending to the last byte of the answer.
        change_s: likewise for one that changes something, and for the read right before it.
        scrape_s: likewise for the metrics, which can be 100 MB.
        walk_s: for a whole listing, all its pages and retries.
        connect_s: for a connection alone.
        page_bytes, body_bytes, scrape_bytes: decoded bytes of one page of a listing, of any
            other answer, of one scrape.
        pages, items: of one listing.
        metrics_every: how often the metrics are wanted; at most twice a minute whatever it says.
    """

    call_s: float = 30.0
    change_s: float = 10.0
    scrape_s: float = 60.0
    walk_s: float = 120.0
    connect_s: float = 10.0
    page_bytes: int = 8 * MIB
    body_bytes: int = 4 * MIB
    scrape_bytes: int = 256 * MIB
    pages: int = 1_000
    items: int = 100_000
    metrics_every: timedelta = timedelta(seconds=30)
