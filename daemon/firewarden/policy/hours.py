"""The hours of a policy: the schedules that its files name, and what they decide."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from firewarden.model.vocabulary import PutBack
from firewarden.policy.calendar import AWAKE_FOR, READY_WITHIN, Schedule
from firewarden.policy.durations import format_duration
from firewarden.policy.places import Path, Tree
from firewarden.policy.problems import did_you_mean, shown
from firewarden.policy.schema import PolicyEntry, PolicyFile


def check_hours(tree: Tree, file: PolicyFile, schedules: Mapping[str, Schedule]) -> None:
    """Note every schedule that is named and does not exist, and hours too short to act in."""
    for where, names in _named(file):
        for name in names or ():
            if name not in schedules:
                tree.report(
                    f"no schedule is called {shown(name)}",
                    tree.place(where, of_key=True),
                    did_you_mean(name, schedules),
                )

    for name, entry in file.policies.items():
        during = [schedules[each] for each in entry.during or () if each in schedules]
        lead = _lead_of(entry)
        if during and lead and all(each.lasts <= lead for each in during):
            tree.report(
                f"its hours are no longer than the {format_duration(lead)} before their end at "
                "which all is put back",
                tree.place(("policies", name, "during"), of_key=True),
                "longer hours, or a shorter lead",
            )


def _lead_of(entry: PolicyEntry) -> timedelta:
    """Give how long before its hours end *entry* puts back; none where it does not."""
    restore = entry.puts_back_at_end
    if restore is None and entry.restore is not PutBack.AT_END:
        return timedelta(0)
    return READY_WITHIN if restore is None or restore.lead is None else restore.lead


def _named(file: PolicyFile) -> Iterator[tuple[Path, tuple[str, ...] | None]]:
    yield ("defaults", "except_during"), file.defaults.except_during
    for name, entry in file.policies.items():
        yield ("policies", name, "during"), entry.during
        yield ("policies", name, "except_during"), entry.except_during
        for index, stage in enumerate(entry.stages):
            if stage.wait is not None:
                yield ("policies", name, "stages", index), stage.wait.within


def hours_of(
    entry: PolicyEntry, file: PolicyFile, schedules: Mapping[str, Schedule]
) -> dict[str, Any]:
    """Give what *entry* says of its hours, for `Policy`."""
    forbidden = file.defaults.except_during if entry.except_during is None else entry.except_during
    before = (stage.warn.before for stage in entry.stages if stage.warn and stage.warn.before)
    return {
        "during": tuple(schedules[name] for name in entry.during or ()),
        "except_during": tuple(schedules[name] for name in forbidden),
        "leads_in": max(before, default=timedelta(0)),
        "lead": _lead_of(entry),
        "even_if_active": entry.even_if_active,
        "awake_for": entry.awake_for or AWAKE_FOR,
    }


def plain_hours(value: object) -> object:
    """Give what decides of a schedule, for a hash."""
    if isinstance(value, tuple):
        return [
            {**asdict(each), "weekdays": sorted(each.weekdays), "verbs": sorted(each.verbs)}
            for each in value
        ]
    return value
