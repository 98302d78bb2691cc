"""When one story of a deployment is over, and when another begins."""

from firewarden.decide.seen import Seen
from firewarden.model.verdict import Incident, Verdict
from firewarden.policy.rules import EFFECTS


def began_again(seen: Seen, done: Incident) -> bool:
    """Was it used or made ready since *done* ended? For what only tells: did it change?"""
    ages, uid = seen.situation.ages, seen.uid
    since = [seen.quiet.active_at, ages.ready_since(uid)]
    if done.verb not in EFFECTS:
        since += [ages.at_zero_since(uid), ages.starting_since(uid), ages.state_since(uid)]
    return any(at is not None and at > (done.closed_at or done.opened_at) for at in since)


def is_same_story(done: Incident, verdict: Verdict) -> bool:
    """Does *done* say what *verdict* would say again?

    An edited policy, or one that may go further than before, begins a story of its own.
    """
    if done.verb is not verdict.verb or done.mode < verdict.mode:
        return False
    return done.policy != verdict.policy or done.policy_hash == verdict.policy_hash
