"""Why a deployment is judged as it is, and when it would be acted on."""

from dataclasses import replace

from firewarden.decide.docket import Docket
from firewarden.decide.judge import Judge
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.stories import began_again, is_same_story
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import Truth, Verdict
from firewarden.model.vocabulary import Blocker


def explain(
    judge: Judge, situation: Situation, deployment: Deployment, docket: Docket
) -> tuple[Verdict, ...]:
    """Give every policy's verdict about *deployment* with all its conditions.

    ``acts_at`` is what the open incident says, where there is one; else what would come of
    it if nothing changed; None where that is not known.
    """
    return tuple(
        _with_story(verdict, situation, deployment, docket)
        for verdict in judge.explain(situation, deployment)
    )


def _with_story(
    verdict: Verdict, situation: Situation, deployment: Deployment, docket: Docket
) -> Verdict:
    pair = (verdict.uid, verdict.policy)
    incident, done = docket.opened.get(pair), docket.done.get(pair)
    if incident is not None:
        limited = incident.held_by is Blocker.LIMITS and verdict.blocked_by is None
        return replace(
            verdict,
            acts_at=incident.acts_at,
            blocked_by=Blocker.LIMITS if limited else verdict.blocked_by,
            blocked_because="more is due than may be done at once"
            if limited
            else verdict.blocked_because,
        )
    if verdict.truth is not Truth.TRUE or done is None or not is_same_story(done, verdict):
        return verdict
    if began_again(Seen(deployment, situation), done):
        return verdict
    return replace(verdict, acts_at=done.closed_at)
