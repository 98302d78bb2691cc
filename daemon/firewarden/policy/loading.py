"""Policy files into one `PolicySet`; everything wrong in all of them is said at once."""

from collections.abc import Collection, Mapping

from pydantic import ValidationError

from firewarden.errors import PolicyError
from firewarden.policy.capabilities import FIREWORKS, Capabilities
from firewarden.policy.checks import check_file
from firewarden.policy.composing import compose
from firewarden.policy.joining import Read, check_snooze, joined_routes, refuse_namesakes
from firewarden.policy.messages import report_all
from firewarden.policy.places import Path, Tree, parse_tree
from firewarden.policy.problems import Problem, in_order
from firewarden.policy.reach import check_routes
from firewarden.policy.rules import PolicySet
from firewarden.policy.schema import PolicyFile

MAX_FILES = 200


def load(files: Mapping[str, str], *, capabilities: Capabilities = FIREWORKS) -> PolicySet:
    """Read policy files, given as text by path, into one document.

    Raises:
        PolicyError: with every problem of every file, sorted, each with place and mend.
    """
    read, problems = _read(files, capabilities)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise PolicyError(tuple(str(problem) for problem in errors))
    return compose(read, problems, capabilities)


def check(
    files: Mapping[str, str], *, capabilities: Capabilities = FIREWORKS
) -> tuple[Problem, ...]:
    """Find everything wrong or remarkable in policy files; never raises."""
    return _read(files, capabilities)[1]


def _read(
    files: Mapping[str, str], capabilities: Capabilities
) -> tuple[list[Read], tuple[Problem, ...]]:
    if len(files) > MAX_FILES:
        message = f"{len(files)} policy files, at most {MAX_FILES} are read"
        return [], (Problem(path=min(files), line=1, column=1, message=message),)
    trees = [parse_tree(path, files[path]) for path in sorted(files)]
    read = [(tree, file) for tree in trees if (file := _validate(tree)) is not None]
    unsound = any(tree.problems for tree in trees)
    refuse_namesakes(read)
    routes = joined_routes(read)
    for tree, file in read:
        check_file(tree, file, capabilities)
        if not unsound:  # else the route may stand in what nobody can read
            check_routes(tree, file, routes)
    if not unsound:
        check_snooze(read)
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
