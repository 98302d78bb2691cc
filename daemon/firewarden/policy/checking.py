"""What is wrong in policy files, said of all of them at once."""

from collections.abc import Collection, Mapping

from pydantic import ValidationError

from firewarden.policy.capabilities import FIREWORKS, Capabilities
from firewarden.policy.checks import check_file
from firewarden.policy.hours import check_hours
from firewarden.policy.joining import (
    Read,
    check_commitments,
    check_snooze,
    joined_routes,
    joined_schedules,
    refuse_namesakes,
)
from firewarden.policy.messages import report_all
from firewarden.policy.owners import refuse_contradictions
from firewarden.policy.places import Path, Tree, parse_tree
from firewarden.policy.problems import Problem, in_order
from firewarden.policy.reach import check_routes
from firewarden.policy.schema import PolicyFile

MAX_FILES = 200


def check(
    files: Mapping[str, str], *, capabilities: Capabilities = FIREWORKS
) -> tuple[Problem, ...]:
    """Find everything wrong or remarkable in policy files; never raises."""
    return read(files, capabilities)[1]


def read(
    files: Mapping[str, str], capabilities: Capabilities
) -> tuple[list[Read], tuple[Problem, ...]]:
    """Read what is sound of each file, and find what is wrong or remarkable in all of them."""
    if len(files) > MAX_FILES:
        message = f"{len(files)} policy files, at most {MAX_FILES} are read"
        return [], (Problem(path=min(files), line=1, column=1, message=message),)
    trees = [parse_tree(path, files[path]) for path in sorted(files)]
    sound = [(tree, file) for tree in trees if (file := _validate(tree)) is not None]
    unsound = any(tree.problems for tree in trees)
    refuse_namesakes(sound)
    routes, schedules = joined_routes(sound), joined_schedules(sound)
    for tree, file in sound:
        check_file(tree, file, capabilities)
        if not unsound:  # else the route may stand in what nobody can read
            check_routes(tree, file, routes)
            check_hours(tree, file, schedules)
    if not unsound:
        check_snooze(sound)
        check_commitments(sound)
        refuse_contradictions(sound)
    return sound, in_order(problem for tree in trees for problem in tree.problems)


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
    named = {"policies", "budgets", "notify", "schedules"}
    blocks = {where[:2] if where[:1] and where[0] in named else where[:1] for where in wrong}
    return {
        key: {name: inner for name, inner in value.items() if (key, name) not in blocks}
        if isinstance(value, dict)
        else value
        for key, value in data.items()
        if (key,) not in blocks
    }
