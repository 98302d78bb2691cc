"""What can be done next about a notice: one line to be copied, at the end of its message."""

import re
from typing import Final

from firewarden.model.notice import Notice
from firewarden.notify.slack.messages import code

_TAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)

OF_ONE: Final = {
    "action.pending": ("say yes", "approve"),
    "budget.action_pending": ("say yes", "approve"),
    "budget.restorable": ("put it back", "restore"),
}
"""By kind, where it is about one deployment: what for, and the command that takes its name."""

OF_ALL: Final = {
    "bill.adjusted": ("see both sides", "trueup"),
    "bill.disputed": ("see both sides", "trueup"),
    "bill.price": ("see both sides", "trueup"),
    "bill.unattributed": ("see both sides", "trueup"),
    "budget.action_pending": ("see where it stands", "budgets"),
    "budget.burn": ("see where it stands", "budgets"),
    "budget.forecast": ("see where it stands", "budgets"),
    "budget.threshold": ("see where it stands", "budgets"),
    "commitment.ending": ("see what is used", "report"),
    "commitment.undershoot": ("see what is used", "report"),
    "commitment.unused": ("see what is used", "report"),
    "cost.anomaly": ("see who used it", "report"),
    "delivery.degraded": ("find out why", "doctor"),
    "delivery.undelivered": ("find out why", "doctor"),
    "hello": ("see the fleet", "status"),
    "meter.gap": ("see what it may have cost", "report"),
    "meter.stalled": ("find out why", "doctor"),
    "meter.trouble": ("find out why", "doctor"),
    "policy.brake": ("have it believed, once you have looked", "resume"),
    "policy.invalid": ("find the place", "validate"),
    "policy.limit_hit": ("see what waits", "plan"),
    "provider.pause_forecast": ("see what could be stopped", "plan"),
    "provider.refused": ("find out why", "doctor"),
    "provider.suspended": ("find out why", "doctor"),
    "provider.throttled": ("find out why", "doctor"),
}
"""By kind, where it is about no one deployment, or a command about all says more."""

ONE: Final = ("see why", "explain")
ALL: Final = ("see what is firing", "alerts")
"""What there is for any other kind."""

_REAL: Final = frozenset({"approve", "enforce"})


def next_step(notice: Notice) -> str:
    """Write what can be done about *notice*; "" where it is over, or a test."""
    facts = notice.facts
    if notice.resolved or notice.kind == "notify.test":
        is_undone = notice.kind == "budget.action_done" and facts.get("mode") in _REAL
        return f"undo it: {command('restore', notice)}" if is_undone else ""
    one, every = OF_ONE.get(notice.kind), OF_ALL.get(notice.kind)
    if facts.get("deployment_id") and (one or not every):
        what, verb = one or ONE
        return f"{what}: {command(verb, notice)}"
    what, verb = every or ALL
    return f"{what}: {code(f'firewarden {verb}')}"


def command(verb: str, notice: Notice, *options: str) -> str:
    """Write a line to be copied into a shell: a name that means something there is left out."""
    name = notice.facts.get("deployment_id", "")
    return code(" ".join(("firewarden", verb, name if _TAME.fullmatch(name) else "NAME", *options)))
