"""Notices as messages of Slack: what the first line says, what follows, what can be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.slack.messages import LONGEST_LINE, Message, foreign, when
from firewarden.notify.slack.steps import command, next_step

_MARKS: Final = {Severity.INFO: "🔹", Severity.WARN: "⚠️", Severity.PAGE: "🔴"}
_KINDS: Final = {
    "hello": "👁",
    "idle.acted": "✅",
    "idle.cancelled": "↩️",
    "action.pending": "🔴",
    "deployment.restored": "♻️",
    "deployment.needs_owner": "❓",
    "policy.limit_hit": "✋",
    "policy.brake": "✋",
    "policy.breaker": "✋",
}
_OVER: Final = "✅"
_CHANGES: Final = frozenset({"idle.acted", "deployment.restored"})

_WILL: Final = {
    "scale_to_zero": "scales to zero",
    "park": "is parked",
    "delete": "is deleted",
    "set_autoscaling": "gets other bounds",
    "hold_growth": "may grow no more",
}
_WOULD: Final = {
    "scale_to_zero": "would scale to zero",
    "park": "would be parked",
    "delete": "would be deleted",
    "set_autoscaling": "would get other bounds",
    "hold_growth": "could grow no more",
}
_DONE: Final = {
    "scale_to_zero": "scaled to zero",
    "park": "parked",
    "delete": "deleted",
    "set_autoscaling": "got other bounds",
    "hold_growth": "may grow no more",
}
_BOUNDS: Final = {
    "min_replica_count": "min",
    "max_replica_count": "max",
    "desired_replica_count": "replicas",
}
_ASIDE: Final = frozenset({"deployment_id", "policy", "mode", "verb", "reason", "action_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A message in the thread of its story; *broadcast*: the channel shows it too."""

    message: Message
    broadcast: bool = False


def compose(notice: Notice) -> Message:
    """Write the message that stands for the present state of the story of *notice*."""
    match notice.kind:
        case "idle.warn" if not notice.resolved:
            return _warning(notice)
        case "idle.acted":
            return _acted(notice)
        case "idle.cancelled":
            return Message(headline=_plain_line(notice), notes=_about(notice))
        case _:
            return _any(notice)


def compose_alone(notice: Notice) -> Message:
    """Write it where no message of its story is there: with what else the thread would say."""
    message = compose(notice)
    return Message(
        headline=message.headline,
        lines=(*message.lines, *_change(notice)),
        notes=message.notes,
    )


def reply_to(notice: Notice) -> Reply | None:
    """Write what the thread gets when the message of the story is edited.

    An edit tells nobody that it was made: what asks for attention is shown to the channel.
    """
    if not notice.resolved and notice.severity is not Severity.INFO:
        return Reply(message=Message(headline=_plain_line(notice)), broadcast=True)
    if notice.kind in _CHANGES and (lines := _change(notice)):
        return Reply(message=Message(headline=lines[0], lines=lines[1:]))
    return None


def _warning(notice: Notice) -> Message:
    facts = notice.facts
    parts = [f"🟡 {_name(notice)} {foreign(facts.get('reason', ''))}".rstrip(), *_size(facts)]
    if outlook := _outlook(notice):
        parts.append(outlook)
    lines = [
        foreign(facts[key], longest=LONGEST_LINE) for key in ("evidence", "wakes") if facts.get(key)
    ]
    lines += _evidence(facts)
    if (doomed := _instant(facts.get("provider_deletes_at", ""))) is not None:
        lines.append(f"Fireworks deletes it {when(doomed, now=notice.at)} if nobody calls it.")
    keep = f"keep it: {command('snooze', notice, '--for', '4h')}"
    return Message(headline=" · ".join(parts), lines=tuple(lines), notes=(keep, *_about(notice)))


def _acted(notice: Notice) -> Message:
    verb = notice.facts.get("verb", "")
    if notice.facts.get("mode", "enforce") not in {"enforce", "approve"} or verb not in _DONE:
        return Message(headline=_plain_line(notice), notes=_about(notice))
    parts = [f"✅ {_name(notice)} {_DONE[verb]} {when(notice.at, now=notice.at)}"]
    if saves := _dollars(notice.facts):
        parts.append(f"saves {saves}" if _is_declared(notice.facts) else f"saves up to {saves}")
    lines = []
    if (doomed := _instant(notice.facts.get("provider_deletes_at", ""))) is not None:
        lines.append(f"Fireworks deletes it {when(doomed, now=notice.at)} if nobody calls it.")
    back = command("undelete" if verb == "delete" else "restore", notice)
    return Message(
        headline=" · ".join(parts), lines=tuple(lines), notes=(f"undo it: {back}", *_about(notice))
    )


def _any(notice: Notice) -> Message:
    """Write what has no form of its own: its line, its facts where it is not over, what to do."""
    told = () if notice.resolved else _facts(notice)
    todo = (step,) if (step := next_step(notice)) else ()
    return Message(headline=_plain_line(notice), lines=told, notes=(*todo, *_about(notice)))


def _plain_line(notice: Notice) -> str:
    mark = _KINDS.get(notice.kind, _MARKS[notice.severity])
    if notice.resolved and notice.kind not in {"idle.acted", "idle.cancelled"}:
        mark = _OVER
    return f"{mark} {foreign(notice.text, longest=LONGEST_LINE)}"


def _name(notice: Notice) -> str:
    return foreign(notice.facts.get("deployment_id") or notice.uid or notice.account)


def _size(facts: Mapping[str, str]) -> list[str]:
    """Write how large it is and what it burns, where that is known."""
    count, kind = facts.get("gpu_count", ""), facts.get("accelerator_type", "")
    model = kind.removeprefix("NVIDIA_").removeprefix("AMD_").partition("_")[0]
    gpus = f"{foreign(count)}×{foreign(model or 'GPU')}" if count else ""
    saves = _dollars(facts)
    if saves and _is_declared(facts):
        saves = f"saves {saves}"
    return [part for part in (gpus, saves or foreign(_unpriced(facts))) if part]


def _dollars(facts: Mapping[str, str]) -> str:
    saves = facts.get("saves_usd_per_hour", "")
    return "" if saves in {"", "unpriced"} else f"{foreign(saves)} USD/h"


def _is_declared(facts: Mapping[str, str]) -> bool:
    """Is it a saving at the margin, and no price that may be paid anyway?"""
    return facts.get("commitments") == "declared"


def _unpriced(facts: Mapping[str, str]) -> str:
    return "unpriced" if facts.get("saves_usd_per_hour") == "unpriced" else ""


def _outlook(notice: Notice) -> str:
    facts = notice.facts
    mode, verb = facts.get("mode", ""), facts.get("verb", "")
    words = _WILL if mode in {"enforce", "approve"} else _WOULD
    at = _instant(facts.get("acts_at", ""))
    if verb not in words:
        return ""
    told = words[verb] + ("" if at is None else f" at {when(at, now=notice.at)}")
    return f"{told} once approved" if mode == "approve" else told


def _evidence(facts: Mapping[str, str]) -> list[str]:
    """Write each ``evidence_…`` as ``name value``, all in one line."""
    named = {
        key.removeprefix("evidence_"): value
        for key, value in facts.items()
        if key.startswith("evidence_") and value
    }
    told = [f"{foreign(value)} {foreign(key.replace('_', ' '))}" for key, value in named.items()]
    return [", ".join(told)] if told else []


def _change(notice: Notice) -> tuple[str, ...]:
    """Write the bounds before and after a change of ours; empty where none was made."""
    before, after = (_bounds(notice.facts, when_) for when_ in ("before", "after"))
    told = [f"*before* {before}"] if before else []
    told += [f"*after* {after}"] if after else []
    return (" · ".join(told),) if told else ()


def _bounds(facts: Mapping[str, str], side: str) -> str:
    values = {name: facts.get(f"{side}_{key}", "") for key, name in _BOUNDS.items()}
    return ", ".join(f"{name} {foreign(value)}" for name, value in values.items() if value)


def _facts(notice: Notice) -> tuple[str, ...]:
    shown = [
        f"{foreign(key.replace('_', ' '))}: {foreign(value)}"
        for key, value in notice.facts.items()
        if value and key not in _ASIDE
    ]
    return ("\n".join(shown),) if shown else ()


def _about(notice: Notice) -> tuple[str, ...]:
    policy, mode = notice.facts.get("policy", ""), notice.facts.get("mode", "")
    told = [foreign(notice.account)]
    if policy:
        told.append(f"policy {foreign(policy)}" + (f" ({foreign(mode)})" if mode else ""))
    return (" · ".join(told),)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
