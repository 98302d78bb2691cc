"""Several policy files as one document: names and keys that may stand in one place only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from firewarden.policy.calendar import Schedule
from firewarden.policy.commitments import NONE, CommitmentEntry
from firewarden.policy.durations import format_duration, parse_duration
from firewarden.policy.people import TONIGHT, AlertsEntry, SnoozeEntry
from firewarden.policy.places import Tree
from firewarden.policy.problems import shown
from firewarden.policy.routes import Route
from firewarden.policy.schema import PolicyFile
from firewarden.policy.strict import Strict

_Block = TypeVar("_Block", bound=Strict)

Read = tuple[Tree, PolicyFile]
"""One file: where its words stand, and what of it is sound."""

BUILT_IN_ROUTES = ("terminal", "log")
"""Always there, and used where nothing else is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Routes for what belongs to no policy; None: the log, and the terminal where there is one."""

    default: str | None = None
    page: str | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """How long people may keep a deployment from every policy.

    Attributes:
        choices: what is offered: durations as they are written, or ``tonight``.
        max: of one snooze. max_total: of one deployment's snoozes that follow one another.
    """

    choices: tuple[str, ...] = ("tonight", "4h", "1d", "7d")
    max: timedelta = timedelta(days=14)
    max_total: timedelta = timedelta(days=30)


def refuse_namesakes(read: Sequence[Read]) -> None:
    """Note every name and every key of a joined block that is given in two files."""
    for kind in ("policies", "budgets", "notify", "schedules", "alerts", "snooze"):
        seen: dict[str, str] = {}
        for tree, file in read:
            for name in _names(file, kind):
                line, column = tree.place((kind, name), of_key=True)
                if name in seen:
                    message = f"{shown(name)} is also defined at {seen[name]}"
                    tree.report(message, (line, column), "names are unique over all files")
                seen.setdefault(name, f"{tree.path}:{line}:{column}")
    for tree, file in read:
        for name in file.notify:
            if name in BUILT_IN_ROUTES:
                place = tree.place(("notify", name), of_key=True)
                tree.report(f"{shown(name)} is a route of its own", place, "choose another name")


def _names(file: PolicyFile, kind: str) -> Iterator[str]:
    block = getattr(file, kind)
    yield from block if isinstance(block, Mapping) else sorted(block.model_fields_set)


def joined_routes(read: Sequence[Read]) -> dict[str, Route]:
    """Take the routes of all files."""
    return {name: route for _, file in read for name, route in file.notify.items()}


def joined_schedules(read: Sequence[Read]) -> dict[str, Schedule]:
    """Take the schedules of all files, each by the clocks of its own."""
    return {
        name: entry.named(name, file.timezone)
        for _, file in read
        for name, entry in file.schedules.items()
    }


def check_commitments(read: Sequence[Read]) -> None:
    """Note rows that are equal, and a word that there are none beside some."""
    seen: dict[tuple[str, CommitmentEntry], str] = {}
    rows = [
        (tree, index, (file.timezone, entry))
        for tree, file in read
        if file.commitments is not None and file.commitments != NONE
        for index, entry in enumerate(file.commitments)
    ]
    for tree, index, commitment in rows:
        line, column = tree.place(("commitments", index))
        if commitment in seen:
            message = f"the same stands at {seen[commitment]}"
            tree.report(message, (line, column), "write the sum of both into one row")
        seen.setdefault(commitment, f"{tree.path}:{line}")
    for tree, file in read:
        if rows and file.commitments == NONE:
            place = tree.place(("commitments",), of_key=True)
            first = next(iter(seen.values()))
            tree.report(f"`none`, and yet there is one at {first}", place, "take this line out")


def joined_alerts(read: Sequence[Read]) -> Alerts:
    """Take each key from the file that gives it."""
    given = _merged((file.alerts for _, file in read), AlertsEntry())
    return Alerts(default=given.default, page=given.page, fallback=given.fallback)


def joined_snooze(read: Sequence[Read]) -> Snooze:
    """Take each key from the file that gives it; what nobody gives fits what is given."""
    given, built_in = _merged((file.snooze for _, file in read), SnoozeEntry()), Snooze()
    total = given.max_total or built_in.max_total
    most = given.max or min(built_in.max, total)
    fitting = tuple(each for each in built_in.choices if _fits(each, most))
    return Snooze(choices=given.choices or fitting, max=most, max_total=total)


def check_snooze(read: Sequence[Read]) -> None:
    """Note what is longer than the joined block allows."""
    snooze = joined_snooze(read)
    for tree, file in read:
        if file.snooze.max is not None and snooze.max > snooze.max_total:
            total = format_duration(snooze.max_total)
            place = tree.place(("snooze", "max"), of_key=True)
            tree.report(f"max is longer than max_total, {total}", place, "raise max_total too")
        for index, choice in enumerate(file.snooze.choices or ()):
            if not _fits(choice, snooze.max):
                most, place = format_duration(snooze.max), tree.place(("snooze", "choices", index))
                tree.report(f"{shown(choice)} is longer than max", place, f"at most {most}")


def _merged(blocks: Iterable[_Block], empty: _Block) -> _Block:
    for block in blocks:
        empty = empty.model_copy(update=block.model_dump(exclude_unset=True))
    return empty


def _fits(choice: str, most: timedelta) -> bool:
    """Tonight always does: it is cut where it is too long."""
    return choice == TONIGHT or parse_duration(choice) <= most
