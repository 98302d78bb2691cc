"""The first thing people hear of an account: what is watched, what it burns, what may be done."""

from datetime import UTC, datetime, timedelta

from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.decide.worth import usd
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Mode, Severity
from firewarden.policy.rules import EFFECTS, PolicySet

_MAY = {
    Mode.DISABLED: "Disabled: nothing is judged",
    Mode.OBSERVE: "Observe: it cannot change anything",
    Mode.WARN: "Warn: it tells what it would do, and changes nothing",
    Mode.APPROVE: "Approve: it changes what a person has said yes to",
    Mode.ENFORCE: "Enforce: policies that enforce are carried out",
}


def hello(situation: Situation, policy_set: PolicySet) -> Notice:
    """Say it, once for each account; *situation* is of its first complete listing."""
    fleet = situation.fleet.deployments.values()
    burns = [Seen(one, situation).burn_micro_usd for one in fleet]
    burn = usd(sum(each for each in burns if each is not None))
    unpriced = sum(each is None for each in burns)
    owners = map(situation.attributions.of, fleet)
    unowned = sum(not (one.owner or one.values("team")) for one in owners)
    parts = [
        f"firewarden watches {situation.fleet.account}: {len(burns)} deployments, {burn:,.2f} USD/h"
        + (f" and {unpriced} unpriced" if unpriced else ""),
        _MAY[situation.ceiling],
    ]
    if (at := _first_verdicts(situation, policy_set)) is not None:
        parts.append(f"First verdicts from {at.astimezone(UTC):%H:%M} UTC")
    if unowned:
        parts.append(f"{unowned} have neither an owner nor a team")
    return Notice(
        account=situation.fleet.account,
        kind="hello",
        key=f"hello:{situation.fleet.account}",
        severity=Severity.INFO,
        at=situation.now,
        text=". ".join(parts),
        facts={
            "deployment_count": str(len(burns)),
            "burn_usd_per_hour": f"{burn:.2f}",
            "unpriced_count": str(unpriced),
            "unowned_count": str(unowned),
            "mode": situation.ceiling.label,
        },
        once=True,
    )


def _first_verdicts(situation: Situation, policy_set: PolicySet) -> datetime | None:
    """Tell when the first policy can know enough of what nobody has watched before."""
    spans = [
        policy.when.idle_for
        for policy in policy_set.policies
        if policy.mode > Mode.DISABLED and policy.verb in EFFECTS and policy.when.idle_for
    ]
    return situation.now + min(spans, default=timedelta(0)) if spans else None
