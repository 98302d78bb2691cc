"""What the bill has added to what was metered, wherever spend is told: once, at its day's noon."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from firewarden.app.queries import Ledger
from firewarden.app.trueup import edges, noon
from firewarden.store.history import first_poll
from firewarden.store.trueup import Adjusted, read_adjustments, read_verdicts

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruedUp:
    """What is known of a stretch by its bill, read once, to be asked for any part of it.

    Attributes:
        watched_since: before it everything is the bill's own.
        judged: beginning and end of each day that was compared with its bill, in order.
        adjusted: every adjustment with the instant it counts at, in that order.
    """

    watched_since: datetime | None
    judged: tuple[tuple[datetime, datetime], ...]
    adjusted: tuple[tuple[datetime, Adjusted], ...]

    def between(self, since: datetime, until: datetime) -> Iterator[Adjusted]:
        """Give the adjustments that count in ``[since, until)``.

        Each does at the noon of its day: once, in whatever zone and however a stretch is cut.
        """
        first = bisect_left(self.adjusted, since, key=_at)
        for at, adjusted in self.adjusted[first:]:
            if at >= until:
                return
            yield adjusted

    def until(self, since: datetime, until: datetime) -> datetime:
        """Tell up to when, from *since* on, each day was compared with its bill, without a hole."""
        reached = max(since, self.watched_since or since)
        first = max(0, bisect_left(self.judged, reached, key=_at) - 1)
        for begin, end in self.judged[first:]:
            if begin > reached or reached >= until:
                break
            reached = max(reached, end)
        return since if reached == self.watched_since else min(reached, until)


def read_trued_up(ledger: Ledger, since: datetime, until: datetime) -> TruedUp:
    """Read what the bill says of ``[since, until)``."""
    first, last = since.date() - _DAY, until.date() + _DAY
    session, account = ledger.session, ledger.account
    poll = first_poll(session, account)
    verdicts = read_verdicts(session, account, first=first, last=last)
    found = read_adjustments(session, account, first=first, last=last)
    return TruedUp(
        watched_since=poll.answered_at if poll else None,
        judged=tuple(sorted(edges(day, ZoneInfo(each.timezone)) for day, each in verdicts.items())),
        adjusted=tuple(sorted(((noon(each.day, each.timezone), each) for each in found), key=_at)),
    )


def _at(timed: tuple[datetime, object]) -> datetime:
    return timed[0]
