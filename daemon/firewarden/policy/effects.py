"""What an effect asks of its policy: the words that go with it, and means of the provider."""

from dataclasses import dataclass

from firewarden.model.vocabulary import Blocker, Mode, PutBack, Verb
from firewarden.policy.capabilities import Capabilities
from firewarden.policy.durations import format_duration
from firewarden.policy.people import CLI
from firewarden.policy.places import Path, Tree
from firewarden.policy.problems import Severity
from firewarden.policy.schema import PolicyEntry
from firewarden.policy.stages import Stage

_ENDING = frozenset({Verb.PARK, Verb.DELETE})
"""Verbs after which no request wakes it."""

_OF_ENDINGS = (Blocker.NOT_AT_ZERO, Blocker.UNKNOWN_ENV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One policy under examination: where it stands, and the mode it asks for."""

    tree: Tree
    where: Path
    entry: PolicyEntry
    mode: Mode

    def report(
        self, *inner: str | int, message: str, mend: str, severity: Severity = "error"
    ) -> None:
        """Note one problem at the key *inner* of the policy."""
        place = self.tree.place((*self.where, *inner), of_key=True)
        self.tree.report(message, place, mend, severity=severity)


def check_effect(subject: Subject, capabilities: Capabilities) -> None:
    """Note what the provider has no means for, and words that do not go with the effect."""
    stage = subject.entry.effect
    if stage is not None:
        _check_means(subject, stage, capabilities)
    _check_allow(subject, stage)
    _check_put_back(subject, stage)
    _check_provider_delete(subject, stage, capabilities)
    _check_approval(subject, stage)


def _check_means(subject: Subject, stage: Stage, capabilities: Capabilities) -> None:
    at = ("stages", subject.entry.effect_at)
    if why := _lacking(stage, capabilities):
        subject.report(*at, message=f"this provider {why}", mend=f"take {stage.verb} out")
    bounds, least = stage.set_autoscaling, capabilities.least_zero_window
    if bounds is None or bounds.scale_to_zero_window is None:
        return
    if least is None or bounds.scale_to_zero_window < least:
        subject.report(
            *at,
            "set_autoscaling",
            "scale_to_zero_window",
            message="this provider has no window of its own that could be set"
            if least is None
            else "the provider's own window cannot be so short",
            mend="take it out" if least is None else f"at least {format_duration(least)}",
        )


def _lacking(stage: Stage, capabilities: Capabilities) -> str:
    if stage.park is not None:
        return "" if capabilities.hard_stop else "cannot keep from waking what is parked"
    if stage.delete is not None:
        return "" if capabilities.undelete else "cannot bring back what was deleted"
    if stage.sets_min_to_zero and not capabilities.wakeable_zero:
        return "cannot wake what is at zero"
    if stage.scale_to_zero is None and not capabilities.bounds:
        return "has no bounds to set"
    return ""


def _check_allow(subject: Subject, stage: Stage | None) -> None:
    if stage is not None and stage.verb in _ENDING:
        return
    for index, blocker in enumerate(subject.entry.allow):
        if blocker in _OF_ENDINGS:
            subject.report(
                "allow",
                index,
                message=f"{blocker} protects only from delete and park",
                mend="take it out",
            )


def _check_put_back(subject: Subject, stage: Stage | None) -> None:
    restore = subject.entry.restore
    if restore is None:
        return
    if stage is None or stage.delete is not None:
        what = "delete" if stage is not None else "a warning"
        subject.report("restore", message=f"nothing is put back after {what}", mend="take it out")
    elif subject.entry.puts_back_at_end is not None and restore is not PutBack.AT_END:
        subject.report(
            "restore", message=f"{restore}, and yet the last stage says at_end", mend="take it out"
        )
    elif restore is PutBack.ON_WAKE and stage.scale_to_zero is None:
        subject.report(
            "restore",
            message=f"what {stage.verb} has set does not end with a wake",
            mend="never; people put it back with `firewarden restore`",
        )


def _check_provider_delete(
    subject: Subject, stage: Stage | None, capabilities: Capabilities
) -> None:
    if subject.entry.provider_delete is None:
        return
    if capabilities.auto_delete_after is None:
        subject.report(
            "provider_delete", message="this provider deletes nothing", mend="take it out"
        )
    elif stage is None or not stage.sets_min_to_zero:
        subject.report(
            "provider_delete",
            message="only what sets min to 0 starts the provider's own delete clock",
            mend="take it out",
        )


def _check_approval(subject: Subject, stage: Stage | None) -> None:
    approval = subject.entry.approval
    if approval is None:
        return
    if stage is None:
        subject.report("approval", message="there is nothing to approve", mend="take it out")
    elif subject.mode is Mode.ENFORCE:
        subject.report(
            "approval",
            message="in mode enforce nobody is asked",
            mend="mode: approve, or take approval out",
        )
    if approval.by is not None and CLI not in approval.by:
        subject.report(
            "approval",
            "by",
            message="nobody of these can approve: this version asks on the command line only",
            mend=f"add {CLI}: whoever can run `firewarden approve`",
            severity="error" if subject.mode is Mode.APPROVE else "note",
        )
