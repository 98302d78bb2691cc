"""What must hold of bounds that were set: put back once, and never over a person's (S7, S9)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from firewarden.model.action import POLICY, Intent, Outcome, Released
from firewarden.model.ids import Uid
from firewarden.model.vocabulary import PutBack, Verb
from firewarden.policy.durations import parse_duration
from firewarden.providers.simulated.instants import to_ms
from tests.simulation.ring.book import Book, Call
from tests.simulation.ring.living import END
from tests.simulation.ring.watching import Truth
from tests.simulation.stages import MINUTE

PUT_BACK_WITHIN = 15 * MINUTE
"""So long after a wake the old bounds are there again, a slow provider and limits included."""


SET_BOUNDS = {"raise", "widen", "put back"}
"""What people do to the bounds of a deployment."""


def wrong_put_back(book: Book) -> Iterator[str]:
    """S7, S9: what was stopped and woken has its old bounds again, once; what is theirs stays."""
    for uid, intents in _by_uid(book).items():
        set_by_us = [each for each in intents if each.effect.sets_bounds]
        for number, intent in enumerate(set_by_us):
            if intent.verb is Verb.RESTORE and intent.actor == POLICY:
                yield from _overwritten(book, intent, set_by_us[:number])
        if set_by_us:
            yield from _forgotten(book, uid, set_by_us)


def wrong_undone(book: Book) -> Iterator[str]:
    """S7: where somebody is said to have set other bounds than ours, somebody has."""
    for intent in book.intents:
        if intent.released is Released.HUMAN and not _is_undone(book, intent):
            yield f"S7: nobody has undone intent {intent.action_id}"


def _is_undone(book: Book, intent: Intent) -> bool:
    until, path = intent.released_at or END, intent.uid.rpartition("@")[0]
    by_people = (
        doing.at
        for doing, _ in book.life.people.done
        if doing.what in SET_BOUNDS and path.endswith(f"/{doing.name}")
    )
    by_fault = (
        each.at + parse_duration(book.option_of(each, "after"))
        for each in book.asked
        if each.fault == "reverted" and each.path.endswith(path)
    )
    # What takes a change back strikes it when it is made, and shows later.
    return any(intent.planned_at <= at <= until for at in (*by_people, *by_fault))


def _by_uid(book: Book) -> dict[Uid, list[Intent]]:
    found: defaultdict[Uid, list[Intent]] = defaultdict(list)
    for intent in book.intents:
        if intent.outcome in {Outcome.APPLIED, Outcome.FAILED}:
            found[intent.uid].append(intent)
    return found


def _overwritten(book: Book, restore: Intent, earlier: Sequence[Intent]) -> Iterator[str]:
    """Say so where it was put back although it was not as we had left it."""
    call = next((each for each in book.first_calls if _is_of(each, restore)), None)
    if call is None or call.change.read is None:
        return
    chain: list[Intent] = []
    for each in earlier:
        if _took_effect(book, each):
            chain = [] if each.verb is Verb.RESTORE else [*chain, each]
    if not chain:
        yield f"S9: intent {restore.action_id} puts back what was put back"
    elif all(each.outcome is Outcome.APPLIED for each in chain):
        yield from _not_ours(restore, chain, call.change.read)


def _not_ours(restore: Intent, chain: Sequence[Intent], read: Truth) -> Iterator[str]:
    """Say which bound *restore* sets that was not, when it was read, as *chain* had set it."""
    floor, ceiling = chain[0].before.min_replica_count, chain[0].before.max_replica_count
    for each in chain:
        effect = each.effect
        floor = floor if effect.min_replica_count is None else effect.min_replica_count
        ceiling = ceiling if effect.max_replica_count is None else effect.max_replica_count
    for found, ours, wanted in (
        (read.floor, floor, restore.effect.min_replica_count),
        (read.ceiling, ceiling, restore.effect.max_replica_count),
    ):
        if wanted is not None and found != ours:
            yield f"S7: intent {restore.action_id} puts {wanted} over {found}; ours was {ours}"


def _took_effect(book: Book, intent: Intent) -> bool:
    return any(_is_of(call, intent) for call in book.effects)


def _is_of(call: Call, intent: Intent) -> bool:
    return call.change.intent is not None and call.change.intent.action_id == intent.action_id


def _forgotten(book: Book, uid: Uid, intents: Sequence[Intent]) -> Iterator[str]:
    """Say so where the newest stop was woken long ago, and it serves with our bounds still."""
    newest, inc = intents[-1], book.incarnations.get(uid)
    if inc is None or inc.is_gone or not inc.ready_count:
        return
    if newest.verb is not Verb.SCALE_TO_ZERO or newest.put_back is not PutBack.ON_WAKE:
        return
    if newest.released is not None or not _took_effect(book, newest):
        return
    since = to_ms(END - PUT_BACK_WITHIN)
    if not list(inc.gpus.changes(since, to_ms(END))):
        yield f"S9: {uid} was woken and not put back"
