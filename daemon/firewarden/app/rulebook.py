"""The policies in force, ready to be asked; read anew when their files change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firewarden.app.policy_files import read_policy_files
from firewarden.app.telling import Telling
from firewarden.decide.judge import Judge
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """What was read from the policy files at one time, with what is made of it.

    ``files`` are their texts by path: the same texts are the same rules.
    """

    files: Mapping[str, str]
    policies: PolicySet
    judge: Judge = field(compare=False)
    telling: Telling = field(compare=False)


def read_rules(path: Path, *, known: Rulebook | None = None) -> Rulebook:
    """Read the policy file or folder at *path*; gives *known* where nothing has changed.

    Raises:
        FileUnusable, PolicyError: they cannot be read, or not be used as written.
        SettingsError: a secret of a route cannot be had.
    """
    files = read_policy_files([path])
    if known is not None and files == known.files:
        return known
    policies = load(files)
    return Rulebook(
        files=files,
        policies=policies,
        judge=Judge(policies),
        telling=Telling(policies=policies),
    )
