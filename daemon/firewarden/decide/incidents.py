"""The story of each deployment under each policy, one cycle on.

A story that is due is handed to whoever acts; where its policy only observes or warns, its
last word is "would be".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from firewarden.decide import notices
from firewarden.decide.docket import Docket
from firewarden.decide.limits import is_real
from firewarden.decide.proceedings import Proceedings
from firewarden.decide.situation import Situation
from firewarden.decide.stages import Stages
from firewarden.decide.stories import is_too_soon, says_again
from firewarden.decide.turns import Turns
from firewarden.model.action import Released
from firewarden.model.notice import Notice
from firewarden.model.verdict import Incident, Truth, Verdict
from firewarden.model.vocabulary import Blocker, Mode
from firewarden.policy.money import is_rung
from firewarden.policy.rules import EFFECTS, PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What one cycle changes: incidents in their new state, what to tell, the docket after.

    Attributes:
        due: those whose effect is to be carried out now, the longest due first.
        rehearsed: those whose effect would be, if their policies went so far.
        limited: those that have to wait, each with the limit that says so.
    """

    changed: tuple[Incident, ...]
    notices: tuple[Notice, ...]
    docket: Docket
    due: tuple[Incident, ...] = ()
    rehearsed: tuple[Incident, ...] = ()
    limited: tuple[tuple[Incident, str], ...] = ()


def step(
    situation: Situation, verdicts: Sequence[Verdict], docket: Docket, policy_set: PolicySet
) -> Steps:
    """Carry every incident one cycle on, and open those that a verdict calls for.

    *verdicts* are those of `judge` for the same situation: what has none is false. The
    same cycle again changes nothing.
    """
    if situation.ceiling is Mode.DISABLED:
        return Steps(changed=(), notices=(), docket=docket)
    policies = {one.name: one for one in policy_set.policies if one.mode is not Mode.DISABLED}
    book = Proceedings(
        situation=situation,
        docket=docket,
        policies=policies,
        deletes_after=policy_set.auto_delete_after,
    )
    stages = Stages(book=book)
    by_pair = {(verdict.uid, verdict.policy): verdict for verdict in verdicts}
    for pair, incident in docket.opened.items():
        stages.carry_on(incident, by_pair.pop(pair, None))
    for verdict in by_pair.values():
        if _opens(verdict, book):
            stages.open(verdict)
    turns = Turns(book=book, reasons={(one.uid, one.policy): one.reason for one in verdicts})
    turns.take(stages.due)
    doubt = _doubt(verdicts)
    if doubt and docket.braked is not True:
        book.tell(notices.braked(doubt, situation))
    elif not doubt and docket.braked is not False:
        book.tell(notices.brake_over(situation))
    changed = tuple(book.changed.values())
    return Steps(
        changed=changed,
        notices=tuple(book.notices),
        docket=docket.after(changed, braked=bool(doubt)),
        due=tuple(turns.calls),
        rehearsed=tuple(turns.rehearsed),
        limited=turns.limited,
    )


def _doubt(verdicts: Sequence[Verdict]) -> str:
    """Say why the evidence is doubted, if that held any verdict back."""
    for verdict in verdicts:
        if verdict.blocked_by is Blocker.EVIDENCE_BRAKE:
            return verdict.blocked_because
    return ""


def _opens(verdict: Verdict, book: Proceedings) -> bool:
    """Does *verdict* call for a story: it is true, nothing blocks it, and it is a new one?"""
    if verdict.policy not in book.policies:
        return False
    if verdict.truth is not Truth.TRUE or verdict.blocked_by is not None:
        return False
    return not _is_told(verdict, book)


def _is_told(verdict: Verdict, book: Proceedings) -> bool:
    """Has this very stretch run to its end before, under this policy or a like one?"""
    failed = book.docket.failed.get((verdict.uid, verdict.policy))
    if failed is not None and is_too_soon(failed, book.policies[verdict.policy], now=book.now):
        return True
    names = [verdict.policy]
    if verdict.verb in EFFECTS and not is_rung(verdict.policy):
        of_use = (one for one in book.policies.values() if one.verb in EFFECTS and not one.budget)
        names = [one.name for one in of_use]
    return any(
        says_again(verdict, done, book.situation) and not _is_to_be_done_again(done, book)
        for done in book.docket.done_for(verdict.uid, names)
    )


def _is_to_be_done_again(done: Incident, book: Proceedings) -> bool:
    """Does what a budget stopped run again, by no person's hand? Its limit has not moved."""
    if not is_rung(done.policy) or not is_real(done):
        return False
    intent = book.situation.deeds.call_of(done)
    return intent is None or intent.released is not Released.HUMAN
