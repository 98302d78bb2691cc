"""What a policy file must keep beyond its schema: sense, safety, what the provider can do."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from firewarden.model.vocabulary import Blocker, Verb
from firewarden.policy.capabilities import Capabilities
from firewarden.policy.durations import format_duration
from firewarden.policy.effects import Subject, check_effect
from firewarden.policy.match import Match
from firewarden.policy.places import Path, Tree
from firewarden.policy.problems import did_you_mean, shown
from firewarden.policy.schema import PolicyEntry, PolicyFile, RequireDataEntry, When

KNOWN_ACCELERATORS = (
    "NVIDIA_A100_40GB",
    "NVIDIA_A100_80GB",
    "NVIDIA_A10G_24GB",
    "NVIDIA_L4_24GB",
    "NVIDIA_H100_80GB",
    "NVIDIA_H200_141GB",
    "NVIDIA_B200_180GB",
    "NVIDIA_B300_288GB",
    "NVIDIA_GB200",
    "NVIDIA_GB300",
    "AMD_MI300X_192GB",
    "AMD_MI325X_256GB",
    "AMD_MI350X_288GB",
)
"""Fireworks gateway spec 4.259.0 and newer; a growing list, so others are only remarked on."""

_OLDEST_EVIDENCE = timedelta(minutes=30)
_LEAST_COVERAGE_PERCENT = 50
_MIND_SCRAPES = 2

Say = Callable[[Path, str, str], None]


def check_file(tree: Tree, file: PolicyFile, capabilities: Capabilities) -> None:
    """Note everything wrong in one file that its schema let through."""

    def say(where: Path, message: str, mend: str) -> None:
        tree.report(message, tree.place(where, of_key=True), mend)

    def note(where: Path, message: str, mend: str) -> None:
        tree.report(message, tree.place(where, of_key=True), mend, severity="note")

    for name, entry in file.policies.items():
        where: Path = ("policies", name)
        _check_when(entry, (*where, "when"), say, capabilities)
        _check_data(entry.require_data, (*where, "require_data"), say, capabilities)
        _remark(entry, where, note, capabilities)
        mode = file.defaults.mode if entry.mode is None else entry.mode
        check_effect(Subject(tree=tree, where=where, entry=entry, mode=mode), capabilities)
    _check_data(file.defaults.require_data, ("defaults", "require_data"), say, capabilities)
    for name, budget in file.budgets.items():
        last = max(budget.rungs, key=lambda rung: rung.at or 0, default=None)
        if budget.stop_early and last is not None and last.do is Verb.SCALE_TO_ZERO:
            note(
                ("budgets", name, "stop_early"),
                "a request wakes what the last rung stops, so the limit may be passed",
                "park keeps it stopped until it is put back",
            )


def _check_when(entry: PolicyEntry, where: Path, say: Say, capabilities: Capabilities) -> None:
    shortest = _MIND_SCRAPES * capabilities.scrape_every
    for inner, at in _conditions(entry.when, where):
        for key in ("idle_for", "quiet_for"):
            duration = getattr(inner, key)
            if duration is not None and duration < shortest:
                say(
                    (*at, key),
                    f"{key} is shorter than two looks at use",
                    f"at least {format_duration(shortest)}",
                )
        _check_reachable(inner, at, say)
        _check_provider(entry, inner, at, say, capabilities)


def _conditions(when: When, where: Path) -> Iterator[tuple[When, Path]]:
    yield when, where
    if when.not_ is not None:
        yield from _conditions(when.not_, (*where, "not"))
    for index, inner in enumerate(when.any_ or ()):
        yield from _conditions(inner, (*where, "any", index))


def _check_reachable(when: When, where: Path, say: Say) -> None:
    running = _running(when)
    if when.at_zero_for is not None and running:
        say(
            (*where, "at_zero_for"),
            f"at_zero_for and {running[0]} are never true together",
            "put them under any, or into two policies",
        )


def _running(when: When) -> list[str]:
    """Name the conditions that are never true at zero."""
    return [
        key
        for key in ("idle_for", "quiet_for", "replicas_at_least", "gpus_at_least")
        if getattr(when, key) is not None
    ]


def _check_provider(
    entry: PolicyEntry, when: When, where: Path, say: Say, capabilities: Capabilities
) -> None:
    deadline = capabilities.auto_delete_after
    if deadline is None:
        if when.provider_deletes_within is not None:
            say((*where, "provider_deletes_within"), "this provider deletes nothing", "take it out")
        return
    if when.at_zero_for is None or entry.match.max_replicas == (0,):
        return
    waits = sum((stage.lasts for stage in entry.stages), timedelta(0))
    if when.at_zero_for + waits >= deadline:
        say(
            (*where, "at_zero_for"),
            f"Fireworks deletes these after {deadline.days} days without traffic",
            f"with all waits use at most {deadline.days - 1}d, or match parked ones "
            "(max_replicas: 0)",
        )


def _check_data(data: RequireDataEntry, where: Path, say: Say, capabilities: Capabilities) -> None:
    fresh = data.fresh_within
    shortest = _MIND_SCRAPES * capabilities.scrape_every
    if fresh is not None and not shortest <= fresh <= _OLDEST_EVIDENCE:
        say(
            (*where, "fresh_within"),
            "fresh evidence is neither younger than two looks at use nor older than half an hour",
            f"from {format_duration(shortest)} to {format_duration(_OLDEST_EVIDENCE)}",
        )
    if data.coverage is not None and data.coverage * 100 < _LEAST_COVERAGE_PERCENT:
        say((*where, "coverage"), "less than half of the evidence proves nothing", "50% to 100%")


def _remark(entry: PolicyEntry, where: Path, note: Say, capabilities: Capabilities) -> None:
    window, idle = capabilities.zero_window, entry.when.idle_for
    if window is not None and idle is not None and idle < window and _only_min_zero(entry.match):
        note(
            (*where, "when", "idle_for"),
            f"with min 0 Fireworks stops these by itself after {format_duration(window)}",
            "its own timer may be all you need",
        )
    stuck = entry.when.failed_for is not None or entry.when.starting_for is not None
    if stuck and entry.effect is not None and Blocker.NOT_READY not in entry.allow:
        note(
            (*where, "stages"),
            "what failed or is starting is protected by not_ready, so this only warns",
            "to stop it as well: allow: [not_ready]",
        )
    deletes = entry.effect is not None and entry.effect.delete is not None
    if deletes and _running(entry.when) and Blocker.NOT_AT_ZERO not in entry.allow:
        note(
            (*where, "stages"),
            "what holds replicas is protected by not_at_zero, so this only warns",
            "at_zero_for instead; to delete it running: allow: [not_at_zero]",
        )
    for name in entry.match.accelerator or ():
        if not set(name) & set("*?[") and name.upper() not in KNOWN_ACCELERATORS:
            note(
                (*where, "match", "accelerator"),
                f"{shown(name)} is no accelerator known to this version",
                did_you_mean(name, KNOWN_ACCELERATORS),
            )


def _only_min_zero(match: Match) -> bool:
    return match.min_replicas == (0,)
