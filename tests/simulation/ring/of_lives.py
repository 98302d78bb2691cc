"""What must hold of a whole life once it is over: S2, S3, S6, S7, S9, S17, S18, liveness."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from firewarden.decide.deeds import REVERSALS, ROUNDS_A_DAY
from firewarden.metering.segments import name_of
from firewarden.metering.silence import awakenings
from firewarden.metering.trail import NEIGHBOURS_WITHIN
from firewarden.model.action import POLICY, Outcome, Released
from firewarden.model.ids import Uid
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.policy.limits import Limits
from firewarden.policy.rules import STOPS, Policy
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import to_ms
from firewarden.providers.simulated.render import create_time
from tests.simulation.ring.book import Asked, Book, of_policies, rolling
from tests.simulation.ring.casting import NEVER
from tests.simulation.ring.living import END, SETTLED
from tests.simulation.ring.of_calls import LOOKED_WITHIN
from tests.simulation.ring.striking import ASKED_FOR, TAIL
from tests.simulation.stages import HOUR, MINUTE
from tests.support.oracles import MS, instant

UNTOUCHED_FOR = 50 * MINUTE
"""So long a deployment must have been ready and idle until the end to be missed at zero."""

WAITING = {Verb.SCALE_TO_ZERO, Verb.PARK}
"""What is done to that which runs: not before its use was looked at once more."""

MOSTLY = 0.9
"""Of what is asked for at a steady pace, so much comes: jitter moves it, a start begins it anew."""


def wrong_intents(book: Book) -> Iterator[str]:
    """S2: every intent has an outcome, and had it only after its last call."""
    last = {
        call.change.intent.action_id: call.at
        for call in book.calls
        if call.change.intent is not None
    }
    for intent in book.intents:
        number = intent.action_id
        if intent.outcome is Outcome.PLANNED or intent.finished_at is None:
            yield f"S2: intent {number} of {intent.planned_at:%H:%M:%S} is open"
        elif intent.finished_at + MS < last.get(number, intent.planned_at):
            yield f"S2: intent {number} was finished before its call"


def wrong_repeats(book: Book) -> Iterator[str]:
    """S3: what was to be done once came about once, across all deaths."""
    done: Counter[tuple[object, ...]] = Counter()
    for call in book.calls:
        intent = call.change.intent
        if intent is not None and call.took_effect:
            story = intent.opened_at or intent.request_id or intent.action_id
            done[intent.uid, intent.policy, intent.verb, story, call.change.call] += 1
    for what, count in done.items():
        if count > 1:
            yield f"S3: {count} times: {what}"


def wrong_limits(book: Book) -> Iterator[str]:
    """S6: in any hour and between any two listings no more than is allowed."""
    attempts: defaultdict[str, list[datetime]] = defaultdict(list)
    for call in of_policies(book.effects):
        assert call.change.intent is not None
        attempts[call.change.intent.policy].append(call.at)
    for name, at in attempts.items():
        yield from _over(book, name, at, book.policies[name].limits)
    together = sorted(each for at in attempts.values() for each in at)
    yield from _over(book, "all together", together, _generous(book))


def _generous(book: Book) -> Limits:
    limits = [policy.limits for policy in book.policies.values()]
    return Limits(
        per_cycle=max(each.per_cycle for each in limits),
        per_hour=max(each.per_hour for each in limits),
        share_per_hour=max(each.share_per_hour or Decimal(1) for each in limits),
    )


def _over(book: Book, name: str, at: Sequence[datetime], limits: Limits) -> Iterator[str]:
    if (most := rolling(at, HOUR)) > limits.per_hour:
        yield f"S6: {name}: {most} in an hour"
    good = [each.at for each in book.listings if each.is_whole]
    for since, until in pairwise(good):
        if (most := sum(since < each <= until for each in at)) > limits.per_cycle:
            yield f"S6: {name}: {most} in the cycle of {since:%H:%M:%S}"
    for first in at:
        own = [each for each in at if first <= each < first + HOUR]
        size = max(book.live_count(each.at) for each in book.listings if _near(each, own))
        if len(own) > max(1, int(size * (limits.share_per_hour or 1))):
            yield f"S6: {name}: {len(own)} of {size} from {first:%H:%M:%S}"


def _near(listing: Asked, at: Sequence[datetime]) -> bool:
    return at[0] - 10 * MINUTE <= listing.at <= at[-1]


def wrong_pace(book: Book) -> Iterator[str]:
    """S17, S18: it never stops asking, and never asks what it was asked to leave alone."""
    tail = [each for each in book.asked if each.at >= SETTLED]
    for name, rows in (
        ("polls", [each for each in tail if each.is_listing]),
        ("scrapes", [each for each in tail if each.is_scrape]),
    ):
        wanted = TAIL / book.life.script.every
        if len(rows) < MOSTLY * wanted:
            yield f"S17: {len(rows)} {name} in the tail, {wanted:.0f} were to come"
    for told in book.asked:
        if told.fault == "throttle":
            yield from _too_soon(book, told)


def _too_soon(book: Book, told: Asked) -> Iterator[str]:
    faults = {
        f"{each.kind}-{number}": each
        for number, each in enumerate(book.life.script.faults, start=1)
    }
    seconds = ASKED_FOR.get(str(faults[told.fault_id].rows.get("retry_after", "")), 0)
    until = min(
        [told.at + timedelta(seconds=seconds), *(at for at in book.life.began if at > told.at)]
    )
    for each in book.asked:
        if told.at < each.at < until - MS and (each.is_scrape or not told.is_scrape):
            yield f"S18: {each.path} at {each.at:%H:%M:%S}, {until:%H:%M:%S} was asked for"


def wrong_end(book: Book) -> Iterator[str]:
    """Liveness: what has been idle for most of the tail is at zero, or has a good reason.

    Every idle clock starts over where the whole account falls silent and wakes, or where nobody
    knows of its use for a while: few deployments at a steady pace look like a frozen endpoint.
    """
    holes = (later for at, later in pairwise(book.believed) if later - at > NEIGHBOURS_WITHIN)
    if any(at > END - UNTOUCHED_FOR for at in (*awakenings(book.runs), *holes)):
        return
    since, until = to_ms(END - UNTOUCHED_FOR), to_ms(END)
    for uid, inc in book.incarnations.items():
        is_still = not list(inc.gpus.changes(since, until)) and not inc.traffic.count(since, until)
        if inc.is_gone or not inc.ready_count or not is_still or _is_left_alone(inc):
            continue
        name = "parked" if inc.deployment_id == "park-1" else "idle-to-zero"
        if not _is_excused(book, uid, book.policies[name]):
            yield f"it should be at zero: {uid}"


def _is_left_alone(inc: Incarnation) -> bool:
    name = inc.deployment_id
    is_tagged = "custom/firewarden.protect" in inc.fields.get("annotations", {})
    return (
        is_tagged or name in NEVER or name == "mute" or name.startswith(("tune", "grow", "stale"))
    )


def _is_excused(book: Book, uid: Uid, policy: Policy) -> bool:
    """People overruled it twice, it woke too often, it failed lately, or the limits are used up."""
    own = [each for each in book.intents if each.uid == uid]
    undone = {each.released_at for each in own if each.released is Released.HUMAN}
    stops = [each for each in own if each.verb in STOPS and each.outcome is Outcome.APPLIED]
    if len(undone) >= REVERSALS or len(stops) >= ROUNDS_A_DAY:
        return True
    stories = [each for each in book.incidents if (each.uid, each.policy) == (uid, policy.name)]
    if any(
        each.state is IncidentState.FAILED
        and each.closed_at is not None
        and END - each.closed_at < HOUR + 25 * MINUTE
        for each in stories
    ):
        return True
    if any(_is_let_be(book, each) for each in stories):
        return True
    is_due = any(each.state is IncidentState.ACTING for each in stories)
    return is_due and any(_is_used_up(book, each) for each in (policy.name, ""))


def _is_let_be(book: Book, story: Incident) -> bool:
    """A person had set other bounds before it was seen stopped; it was not used or made anew since.

    That is one stretch of idling, and it has its answer.
    """
    inc, end = book.incarnations[story.uid], story.closed_at
    is_overruled = any(
        (each.uid, each.policy, each.opened_at) == (story.uid, story.policy, story.opened_at)
        and each.released is Released.HUMAN
        and each.released_at is not None
        and end is not None
        and each.released_at <= end
        for each in book.intents
    )
    if not is_overruled or end is None:
        return False
    since, until = to_ms(end), to_ms(END)
    return not list(inc.gpus.changes(since, until)) and not inc.traffic.count(since, until)


def _is_used_up(book: Book, name: str) -> bool:
    """Has the policy called *name*, or all together, done all that it may in an hour?"""
    done = [
        each
        for each in book.intents
        if each.outcome.is_attempt
        and each.actor == POLICY
        and each.verb is not Verb.RESTORE
        and name in {"", each.policy}
        and each.finished_at is not None
        and END - each.finished_at < HOUR + 3 * book.life.script.every
    ]
    limits = book.policies[name].limits if name else _generous(book)
    # What has just become more leaves no cycle in which more could have been done.
    size = min(book.live_count(END - count * book.life.script.every) for count in range(4))
    share = max(1, int(size * (limits.share_per_hour or 1)))
    return len(done) >= min(limits.per_hour, share)


def wrong_plans(book: Book) -> Iterator[str]:
    """S19: until the next cycle that is begun which the plan says after this one, and no more.

    What runs is stopped right after a scrape that was believed; without one it waits. What is
    begun may still be refused by what was read since, and what somebody has meddled with
    since, or stopped by a pause, need not be begun at all.
    """
    intents = [
        (each.planned_at, name_of(each.uid).rpartition("/")[2])
        for each in book.intents
        if each.actor == POLICY and each.verb is not Verb.RESTORE
    ]
    for (since, planned), (until, _) in pairwise(book.life.plans):
        is_seen = any(since - LOOKED_WITHIN <= at < until for at in book.believed)
        due = {each.deployment_id for each in planned if is_seen or each.verb not in WAITING}
        begun = {name for at, name in intents if since <= at < until}
        if not due - set(_meddled_with(book, since, until)) <= begun <= due:
            yield f"S19: planned at {since:%H:%M:%S}: {sorted(due)}; begun: {sorted(begun)}"


def _meddled_with(book: Book, since: datetime, until: datetime) -> Iterator[str]:
    """Name what is another, or stopped by itself, or not to be touched, since a plan was made."""
    for doing, _ in book.life.people.done:
        if since <= doing.at < until:
            yield from book.life.script.cast.names if doing.what == "pause" else [doing.name]
    for inc in book.incarnations.values():
        is_new = since <= instant(create_time(inc)) < until
        if is_new or list(inc.gpus.changes(to_ms(since), to_ms(until))):
            yield inc.deployment_id
