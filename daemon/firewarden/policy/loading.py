"""Policy files into one `PolicySet`."""

from collections.abc import Mapping

from firewarden.errors import PolicyError
from firewarden.policy.capabilities import FIREWORKS, Capabilities
from firewarden.policy.checking import read
from firewarden.policy.composing import compose
from firewarden.policy.rules import PolicySet


def load(files: Mapping[str, str], *, capabilities: Capabilities = FIREWORKS) -> PolicySet:
    """Read policy files, given as text by path, into one document.

    Raises:
        PolicyError: with every problem of every file, sorted, each with place and mend.
    """
    sound, problems = read(files, capabilities)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise PolicyError(tuple(str(problem) for problem in errors))
    return compose(sound, problems, capabilities)
