"""What must hold of each change at the very instant it was sent: S1, S2, S4, S5, S7, S8, S10."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from firewarden.metering.evidence import FROZEN_AFTER
from firewarden.model.action import POLICY, Intent
from firewarden.model.people import OverrideKind
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import STOPS
from firewarden.providers.simulated.seeds import digest
from tests.simulation.ring.book import Asked, Book, Call, before
from tests.simulation.ring.casting import NEVER
from tests.simulation.ring.watching import Truth
from tests.simulation.stages import MINUTE

LOOKED_WITHIN = timedelta(seconds=10)
"""A target is read, and its use scraped, at most so long before it is changed."""

UNDER_WAY = timedelta(seconds=45)
"""What reading, calling and reading back may take besides, where the provider is slow."""

HOLE = 3 * MINUTE
LYING = {"stale-get", "list-get-disagree"}
"""Single reads that are false: nobody can see by them what has changed."""

BLINDING = {"metrics-empty", "metrics-nan", "metrics-absent"}
UNDECIDED = {"slow", "hang"}


def wrong_calls(book: Book) -> Iterator[str]:
    """Say of every call what should not have been."""
    first = {id(call) for call in book.first_calls}
    for call in book.calls:
        for wrong in _wrong(book, call, is_first=id(call) in first):
            yield f"{call.at:%H:%M:%S} {call.change.name} {call.change.call}: {wrong}"


def _wrong(book: Book, call: Call, *, is_first: bool) -> Iterator[str]:
    intent = call.change.intent
    if intent is None:
        yield "S2: there is not exactly one open intent for it"
        return
    if not _is_meant(call, intent):
        yield f"S5: {call.change.query} {call.change.body} is not what {intent.effect} says"
    if call.change.lease_epoch != intent.epoch:
        yield f"S10: lease {call.change.lease_epoch}, intent {intent.epoch}"
    if intent.verb in STOPS and not call.change.has_whole:
        yield "S8: the whole deployment is not stored"
    if is_first:
        yield from _of_target(book, call, intent)
    if intent.actor == POLICY:
        yield from _of_people(call, intent)
        if is_first:
            yield from _of_reasons(book, call, intent)


def _of_reasons(book: Book, call: Call, intent: Intent) -> Iterator[str]:
    yield from _of_warning(book, call, intent)
    if intent.verb in STOPS:
        yield from _of_use(book, call, intent)
        yield from _of_listing(book, call)


def _is_meant(call: Call, intent: Intent) -> bool:
    """Does the request say what its intent says, and nothing else?"""
    effect, change = intent.effect, call.change
    match change.call:
        case "PATCH":
            body = dict(change.body)
            window = effect.scale_to_zero_window
            wanted = {
                "minReplicaCount": effect.min_replica_count,
                "maxReplicaCount": effect.max_replica_count,
                "autoscalingPolicy": window and f"{window // timedelta(seconds=1)}s",
            }
            policy = body.pop("autoscalingPolicy", None)
            if isinstance(policy, dict):
                body["autoscalingPolicy"] = policy.get("scaleToZeroWindow")
            is_named = bool(body.pop("baseModel", ""))
            return is_named and body == {
                key: each for key, each in wanted.items() if each is not None
            }
        case "PATCH :scale":
            return change.body == {"replicaCount": effect.replica_count}
        case "DELETE":
            return effect.delete
        case what:
            return what == "POST :undelete" and effect.undelete


def _of_target(book: Book, call: Call, intent: Intent) -> Iterator[str]:
    """S1, S4: it is the very deployment of the verdict, as it was then, and just read."""
    read = call.change.read
    if read is None or call.at - read.at > LOOKED_WITHIN + UNDER_WAY:
        yield "S4: it was not read right before"
        return
    if _is_lied_to(book, call):
        return
    if read.uid != intent.uid:
        yield f"S1: its name is {read.uid}'s"
    if intent.verb is Verb.UNDELETE:
        return
    if read.is_gone:
        yield "S1: it is gone"
    yield from _moved(intent, read)
    if intent.actor == POLICY and call.change.name in NEVER:
        yield "S1: it is never to be touched"


def _moved(intent: Intent, read: Truth) -> Iterator[str]:
    found = {
        "min_replica_count": read.floor,
        "max_replica_count": read.ceiling,
        "desired_replica_count": read.desired,
        "ready_replica_count": read.ready,
    }
    for name, now in found.items():
        was = intent.evidence.get(name, str(now))
        if was != str(now):
            yield f"S4: {name} was {was} and is {now}"


def _is_lied_to(book: Book, call: Call) -> bool:
    """Was one of the last looks at it false?"""
    path = f"/deployments/{call.change.name}"
    looks = [each for each in before(book.asked, call.at) if each.path.endswith(path)]
    since = call.at - LOOKED_WITHIN - UNDER_WAY
    return any(each.fault in LYING for each in looks if each.at >= since)


def _of_people(call: Call, intent: Intent) -> Iterator[str]:
    """S7: nobody has said that it is to be left alone."""
    for word in call.change.holds:
        if word.since > intent.planned_at:
            continue
        if word.kind is OverrideKind.PAUSE:
            yield "S7: everything is paused"
        if word.uid == intent.uid and intent.verb is not Verb.RESTORE:
            yield f"S7: a person's {word.kind} stands"
    read = call.change.read
    if read is not None and read.is_protected and intent.verb is not Verb.RESTORE:
        yield "S7: its own tag protects it"


def _of_warning(book: Book, call: Call, intent: Intent) -> Iterator[str]:
    """S8: people have seen on Slack, or it was in the log, that it would be done; long enough."""
    policy = book.policies[intent.policy]
    if intent.opened_at is None or intent.verb is Verb.RESTORE:
        return
    story = [each for each in book.incidents if _is_of(each, intent)]
    warned_at = story[0].warned_at if story else None
    if warned_at is None or warned_at + policy.grace > call.at:
        yield f"S8: warned at {warned_at}, grace {policy.grace}"
    routes = {route for step in policy.steps for route in step.routes}
    if routes and not any(
        not each.hidden
        and call.change.name in " ".join([each.text, *each.edits])
        and intent.opened_at <= each.at + UNDER_WAY
        and each.at + policy.grace <= call.at
        for each in book.life.people.slack.messages
    ):
        yield "S8: nobody was told on Slack in time"


def _is_of(incident: Incident, intent: Intent) -> bool:
    own = (incident.uid, incident.policy, incident.opened_at)
    return own == (intent.uid, intent.policy, intent.opened_at)


def _of_use(book: Book, call: Call, intent: Intent) -> Iterator[str]:
    """S1, S4: nobody has called it, and somebody has looked all the time."""
    idle_for = book.policies[intent.policy].when.idle_for
    if idle_for is None or intent.uid not in book.incarnations:
        return
    since = call.at - idle_for
    looks = [each for each in before(book.scrapes, call.at) if each.at > since]
    for scrape in looks:
        count = book.shown(intent.uid, scrape)
        if count and not _is_newly_frozen(book, scrape):
            yield f"S1: the scrape of {scrape.at:%H:%M:%S} should show {count} requests"
    good = [since, *(each.at for each in looks if _tells(book, each, call.change.name))]
    for earlier, later in pairwise([*good, call.at]):
        if later - earlier > HOLE + UNDER_WAY:
            yield f"S1: nobody knows of its use from {earlier:%H:%M:%S} to {later:%H:%M:%S}"
    if call.at - good[-1] > LOOKED_WITHIN + UNDER_WAY:
        yield f"S4: its use was looked at {good[-1]:%H:%M:%S} for the last time"


def _is_newly_frozen(book: Book, scrape: Asked) -> bool:
    """Is it the same text as before, and nobody can know yet?"""
    run = 0
    for each in reversed(before(book.scrapes, scrape.at)):
        if each.fault != "metrics-frozen":
            break
        run += 1
    return 0 < run < FROZEN_AFTER


def _tells(book: Book, scrape: Asked, name: str) -> bool:
    """Can it tell of the use of *name* at all?"""
    if scrape.fault in BLINDING or (scrape.status != 200 and scrape.fault != "slow"):
        return False
    if scrape.fault != "metrics-partial":
        return True
    meant = book.meant_by(scrape)
    return meant != name if meant else digest(0, "partial", name) % 2 == 0


def _of_listing(book: Book, call: Call) -> Iterator[str]:
    """S1: the last listing was whole, as far as anybody can know.

    A slow one may be given up by whoever asked: the ledger tells. One that leaves out a
    deployment that nobody has met yet seems whole, and says nothing false of the others.
    """
    answered = [
        each
        for each in before(book.listings, call.at)
        if each.fault not in UNDECIDED or book.is_look(each)
    ]
    if not answered or answered[-1].is_whole:
        return
    last = answered[-1]
    if not _is_of_the_unmet(book, last):
        yield f"S1: the listing of {last.at:%H:%M:%S} was struck by {last.fault}"


def _is_of_the_unmet(book: Book, listing: Asked) -> bool:
    """Was the only deployment that *listing* leaves out met later, if ever?"""
    if listing.fault != "missing-item" or not (name := book.meant_by(listing)):
        return False
    there = [uid for uid, inc in book.incarnations.items() if inc.deployment_id == name]
    return max(map(book.met_at, there)) > listing.at
