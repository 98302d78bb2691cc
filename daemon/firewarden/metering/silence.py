"""An account that fell silent as a whole, and woke: what was quiet meanwhile proves little."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from firewarden.model.activity import Use
from firewarden.model.ids import Uid
from firewarden.model.usage import ActivityRun

FEW = 3
"""So many deployments that fall silent together are doubted, not the deployments."""

SILENCE_WITHIN = timedelta(minutes=15)
"""Deployments whose use ended this close to each other ended together."""

SILENCE_FOR = timedelta(hours=6)
"""A whole account that fell silent is doubted for so long; then it is believed to be unused."""


def awakenings(runs: Iterable[ActivityRun]) -> Iterator[datetime]:
    """Find the scrapes with which use came back after a silence of the account, in order.

    A silence: no scrape shows use of anything, for at most `SILENCE_FOR`, after at least `FEW`
    deployments had been in use until within `SILENCE_WITHIN` of its beginning, and were quiet
    in it. A metrics endpoint that answers with zeros looks like that, and nothing else tells
    it from nobody calling. *runs*: all of one account, of whatever order.
    """
    ended: dict[Uid, datetime] = {}
    quiet: dict[Uid, datetime] = {}
    reach: datetime | None = None
    goes_on = False
    for run in sorted(runs, key=lambda each: each.since):
        if run.use is Use.QUIET:
            quiet[run.uid] = run.since
        if run.use is not Use.ACTIVE:
            continue
        if not goes_on and reach is not None and reach < run.since <= reach + SILENCE_FOR:
            fallen = [uid for uid, until in ended.items() if until >= reach - SILENCE_WITHIN]
            if sum(_is_between(ended[uid], quiet.get(uid), run.since) for uid in fallen) >= FEW:
                yield run.since
        if run.until is None:
            goes_on = True
        else:
            ended[run.uid] = run.until
            reach = run.until if reach is None else max(reach, run.until)


def _is_between(since: datetime, at: datetime | None, until: datetime) -> bool:
    return at is not None and since <= at < until
