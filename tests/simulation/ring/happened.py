"""What happened in a life that may happen: over many seeds each has to, or they prove little."""

from collections import Counter
from collections.abc import Iterator

from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.vocabulary import Verb
from firewarden.ports import CrashPoint
from firewarden.providers.simulated.fault_kinds import KINDS
from firewarden.store.requests import read_asked
from tests.simulation.ring.book import Book
from tests.simulation.ring.people import ANSWERS, SLACK_FAULTS, WHATEVER
from tests.simulation.stages import START

DEATHS = ("any instant", "asked to stop")
EVENTS = (
    "a policy stands down after two reversals",
    "a request of restore is done",
    "a request of restore is refused",
    "a request of undelete is done",
    "a stop is put back on a wake",
    "deleted",
    "found done by reading",
    "found unchanged by reading",
    "gone while our bounds stood",
    "grown no further",
    "parked",
    "restored",
    "scaled to zero",
    "set",
    "told of limits",
    "told that it is not known",
    "told that the evidence is doubted",
    "undone by a person",
    *(f"an incident is {state}" for state in ("cancelled", "done", "failed")),
    *(f"an intent is {outcome}" for outcome in ("applied", "expired", "failed", "refused")),
)


def wanted() -> set[str]:
    """Name all that has to happen over many seeds."""
    return {
        *(f"fault: {kind}" for kind in KINDS),
        *(f"killed: {point}" for point in CrashPoint),
        *(f"killed: {how}" for how in DEATHS),
        *(f"people: {what}" for what in {*WHATEVER, *ANSWERS, "undelete"} - {"leave", "slack"}),
        *(f"Slack: {kind}" for kind in SLACK_FAULTS),
        *EVENTS,
    }


def happened(book: Book) -> Counter[str]:
    """Count what happened."""
    life = book.life
    found = Counter({f"fault: {row['kind']}": row["fired"] for row in life.faults})
    found.update({f"killed: {how}": count for how, count in life.passed.items()})
    found.update(f"people: {doing.what}" for doing, _ in life.people.done)
    found.update(f"Slack: {kind}" for kind in life.people.slack_failed)
    found.update(_events(book))
    return +found


_DONE = {
    Verb.SCALE_TO_ZERO: "scaled to zero",
    Verb.PARK: "parked",
    Verb.DELETE: "deleted",
    Verb.SET_AUTOSCALING: "set",
    Verb.HOLD_GROWTH: "grown no further",
    Verb.RESTORE: "restored",
}
_RELEASED = {
    Released.HUMAN: "undone by a person",
    Released.GONE: "gone while our bounds stood",
    Released.RESTORED: "a stop is put back on a wake",
}
_TOLD = {
    "deployment.contested": "a policy stands down after two reversals",
    "policy.limit_hit": "told of limits",
    "policy.unknown_held": "told that it is not known",
    "policy.brake": "told that the evidence is doubted",
}


def _events(book: Book) -> Iterator[str]:
    for intent in book.intents:
        yield from _of_intent(intent)
    for incident in book.incidents:
        if incident.state.is_closed:
            yield f"an incident is {incident.state}"
    for notice in book.life.stage.heard.notices:
        if notice.kind in _TOLD:
            yield _TOLD[notice.kind]
    with book.life.ledger() as ledger:
        asked = read_asked(ledger.session, ledger.account, since=START)
    for request in asked:
        if request.outcome is not None:
            yield f"a request of {request.verb} is {request.outcome}"


def _of_intent(intent: Intent) -> Iterator[str]:
    yield f"an intent is {intent.outcome}"
    if intent.detail.startswith("found"):
        yield intent.detail
    if intent.outcome is Outcome.APPLIED and intent.verb in _DONE:
        yield _DONE[intent.verb]
    if intent.released in _RELEASED:
        yield _RELEASED[intent.released]
