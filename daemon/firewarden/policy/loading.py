"""Policy files into one `PolicySet`; everything wrong in all of them is said at once."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from firewarden.errors import PolicyError
from firewarden.model.ids import PolicyName
from firewarden.model.verdict import Verb
from firewarden.policy.capabilities import FIREWORKS, Capabilities
from firewarden.policy.checks import check_file, check_routes
from firewarden.policy.messages import report_all
from firewarden.policy.places import Path, Tree, parse_tree
from firewarden.policy.problems import Problem, in_order, shown
from firewarden.policy.rules import (
    BUILT_IN_ROUTES,
    DEFAULT_SAVING,
    EFFECTS,
    Limits,
    OnExceed,
    Policy,
    PolicySet,
    Protection,
    RequireData,
    Step,
)
from firewarden.policy.schema import PolicyEntry, PolicyFile, ProtectionEntry
from firewarden.policy.stages import Stage
from firewarden.policy.strict import Strict

MAX_FILES = 200

_Read = tuple[Tree, PolicyFile]


def load(files: Mapping[str, str], *, capabilities: Capabilities = FIREWORKS) -> PolicySet:
    """Read policy files, given as text by path, into one document.

    Raises:
        PolicyError: with every problem of every file, sorted, each with place and mend.
    """
    read, problems = _read(files, capabilities)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise PolicyError(tuple(str(problem) for problem in errors))
    return _compose(read, problems, capabilities)


def check(
    files: Mapping[str, str], *, capabilities: Capabilities = FIREWORKS
) -> tuple[Problem, ...]:
    """Find everything wrong or remarkable in policy files; never raises."""
    return _read(files, capabilities)[1]


def _read(
    files: Mapping[str, str], capabilities: Capabilities
) -> tuple[list[_Read], tuple[Problem, ...]]:
    if len(files) > MAX_FILES:
        message = f"{len(files)} policy files, at most {MAX_FILES} are read"
        return [], (Problem(path=min(files), line=1, column=1, message=message),)
    trees = [parse_tree(path, files[path]) for path in sorted(files)]
    read = [(tree, file) for tree in trees if (file := _validate(tree)) is not None]
    unsound = any(tree.problems for tree in trees)
    _refuse_namesakes(read)
    routes = {name for _, file in read for name in file.notify}
    for tree, file in read:
        check_file(tree, file, capabilities)
        if not unsound:  # else the route may stand in what nobody can read
            check_routes(tree, file, routes)
    return read, in_order(problem for tree in trees for problem in tree.problems)


def _validate(tree: Tree) -> PolicyFile | None:
    if tree.data is None:
        if not tree.problems:
            tree.report("the file is empty", (1, 1), "begin with `version: 1`")
        return None
    try:
        return PolicyFile.model_validate(tree.data)
    except ValidationError as error:
        wrong = report_all(tree, error, PolicyFile)
    try:  # what is sound is looked at further, so that everything wrong is said at once
        return PolicyFile.model_validate(_without(tree.data, wrong))
    except ValidationError:
        return None


def _without(data: object, wrong: Collection[Path]) -> object:
    """Leave out each policy, route, protection or other block in which something is wrong."""
    if not isinstance(data, dict):
        return data
    blocks = {
        where[:2] if where[:1] and where[0] in {"policies", "notify"} else where[:1]
        for where in wrong
    }
    return {
        key: {name: inner for name, inner in value.items() if (key, name) not in blocks}
        if isinstance(value, dict)
        else value
        for key, value in data.items()
        if (key,) not in blocks
    }


def _refuse_namesakes(read: list[_Read]) -> None:
    for kind in ("policies", "notify"):
        seen: dict[str, str] = {}
        for tree, file in read:
            for name in getattr(file, kind):
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


def _compose(
    read: list[_Read], notes: tuple[Problem, ...], capabilities: Capabilities
) -> PolicySet:
    policies = tuple(policy for tree, file in read for policy in _policies(tree, file))
    protections = tuple(found for tree, file in read for found in _protections(tree, file))
    routes = {name: route for _, file in read for name, route in file.notify.items()}
    return PolicySet(
        policies=policies,
        protections=protections,
        routes=routes,
        hash=_hash(
            [policy.hash for policy in policies],
            [[_plain(found.match), str(found.until)] for found in protections],
            {name: _plain(route) for name, route in routes.items()},
        ),
        notes=notes,
        auto_delete_after=capabilities.auto_delete_after,
    )


def _policies(tree: Tree, file: PolicyFile) -> Iterator[Policy]:
    for name, entry in file.policies.items():
        limits, data = _limits(file, entry), _require_data(file, entry)
        mode = file.defaults.mode if entry.mode is None else entry.mode
        routes = file.defaults.notify if entry.notify is None else entry.notify
        saving = entry.when.saves_at_least
        steps = tuple(_step(stage, routes) for stage in entry.stages)
        yield Policy(
            name=PolicyName(name),
            hash=_hash(name, mode.label, _plain(entry), str(limits), str(data), routes),
            mode=mode,
            description=entry.description,
            match=entry.match,
            when=entry.when,
            steps=steps,
            allow=frozenset(entry.allow),
            limits=limits,
            require_data=data,
            saves_at_least=DEFAULT_SAVING if saving is None else (saving or None),
            verb=next((step.verb for step in steps if step.verb in EFFECTS), Verb.WARN),
            grace=sum((step.wait_for for step in steps), timedelta(0)),
            path=tree.path,
            line=tree.place(("policies", name), of_key=True)[0],
        )


def _step(stage: Stage, routes: tuple[str, ...]) -> Step:
    return Step(
        verb=stage.verb,
        wait_for=timedelta(0) if stage.wait is None else stage.wait.for_,
        routes=() if stage.warn is None else (stage.warn.to or routes),
    )


def _limits(file: PolicyFile, entry: PolicyEntry) -> Limits:
    built_in, default, own = Limits(), file.defaults.limits, entry.limits
    return Limits(
        per_cycle=own.per_cycle or default.per_cycle or built_in.per_cycle,
        per_hour=own.per_hour or default.per_hour or built_in.per_hour,
        share_per_hour=own.share_per_hour or default.share_per_hour or built_in.share_per_hour,
        on_exceed=OnExceed(own.on_exceed or default.on_exceed or built_in.on_exceed),
    )


def _require_data(file: PolicyFile, entry: PolicyEntry) -> RequireData:
    built_in, default, own = RequireData(), file.defaults.require_data, entry.require_data
    return RequireData(
        fresh_within=own.fresh_within or default.fresh_within or built_in.fresh_within,
        coverage=own.coverage or default.coverage or built_in.coverage,
    )


def _protections(tree: Tree, file: PolicyFile) -> Iterator[Protection]:
    for index, entry in enumerate(file.protect):
        yield Protection(
            match=entry,
            reason=entry.reason,
            owner=entry.owner,
            until=_until(entry, ZoneInfo(file.timezone)),
            path=tree.path,
            line=tree.place(("protect", index))[0],
        )


def _until(entry: ProtectionEntry, zone: ZoneInfo) -> datetime | None:
    """Give the first instant that is not protected: the *end* of a local day, or as written."""
    if entry.until is None:
        return None
    if "T" not in entry.until and " " not in entry.until:
        day = date.fromisoformat(entry.until) + timedelta(days=1)
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    instant = datetime.fromisoformat(entry.until)
    return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)


def _plain(entry: Strict) -> object:
    return entry.model_dump(
        mode="json", by_alias=True, exclude={"description", "reason", "owner"}, exclude_none=True
    )


def _hash(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_as_json)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_json(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value.normalize())
    raise TypeError(f"cannot hash {type(value).__name__}")
