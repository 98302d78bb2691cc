"""The evidence brake: when too much changes in one look, the look is doubted, not the fleet."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.metering.silence import FEW, SILENCE_FOR, SILENCE_WITHIN

_NEIGHBOURS = 3
"""Scrapes between the newest use and the first quiet look that still count as one turn."""


def find_brake(situation: Situation, live: Iterable[Seen]) -> str:
    """Say why one scrape or listing cannot be believed; "" where nothing speaks against it.

    *live* are the deployments with ready replicas. Doubted is a listing from which half of
    the fleet vanished; a scrape in which, with what vanished, more than max(3, half of those
    with evidence) turned quiet; and silence in the whole account that came over 3 or more
    deployments within a quarter of an hour. It is found again in every cycle from the stored
    evidence, so a restart does not release it: it ends when the evidence differs, or a person
    ends it. What was quiet in a silence that ended proves no idle time afterwards
    (`awakenings`).
    """
    vanished = len(situation.absent)
    fleet_size = len(situation.fleet.deployments) + vanished
    if vanished > 1 and 2 * vanished >= fleet_size:
        return f"{vanished} of {fleet_size} deployments vanished from the listing"
    known = [seen for seen in live if seen.quiet.newest_at is not None]
    at, turned = _turned_together(situation, known)
    if at is not None and turned + vanished > max(FEW, (len(known) + vanished) // 2):
        return f"{turned} deployments turned quiet in the same scrape, {at:%H:%M:%S} UTC"
    return _fell_silent(situation, known)


def _turned_together(situation: Situation, known: Sequence[Seen]) -> tuple[datetime | None, int]:
    """Find the scrape in which most deployments went from use to quiet, and how many."""
    within = _NEIGHBOURS * situation.metrics_every
    turns: Counter[datetime] = Counter()
    for seen in known:
        since, used = seen.quiet.quiet_since, seen.quiet.active_at
        if since is None or used is None or not timedelta(0) < since - used <= within:
            continue
        if not _is_released(situation, since):
            turns[since] += 1
    return max(turns.items(), key=lambda turn: (turn[1], turn[0]), default=(None, 0))


def _fell_silent(situation: Situation, known: Sequence[Seen]) -> str:
    """Say so where nothing at all is in use any more, and much was until just before."""
    if any(seen.quiet.active_at == seen.quiet.newest_at for seen in known):
        return ""  # the newest that is known of it is use: blindness is not silence
    used = [seen.quiet.active_at for seen in known if seen.quiet.active_at is not None]
    last = max(used, default=None)
    if last is None or _is_released(situation, last) or situation.now - last > SILENCE_FOR:
        return ""
    together = sum(last - each <= SILENCE_WITHIN for each in used)
    if together < FEW:
        return ""
    return f"all {together} deployments in use until {last:%H:%M:%S} UTC went quiet together"


def _is_released(situation: Situation, at: datetime) -> bool:
    released = situation.brake_released_at
    return released is not None and at <= released
