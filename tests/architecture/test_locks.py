"""The locks are whole, hashed, and name no registry."""

import re
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("run", "dev", "bench")


def locked(root: Path, lock: str) -> dict[str, str]:
    """Version by canonical name."""
    text = (root / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==([^\s;\\]+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pinned_and_hashed_packages_and_nothing_else(root: Path, lock: str) -> None:
    text = (root / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.sub(r"\\\n", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    whole = re.compile(r"[\w.-]+(\[\w+\])?==\S+ (; [^#]+? )?( *--hash=sha256:[0-9a-f]{64})+ *")

    assert entries
    assert [entry for entry in entries if not whole.fullmatch(entry)] == []


def test_tests_run_against_what_is_shipped(root: Path) -> None:
    run, dev = locked(root, "run"), locked(root, "dev")

    assert run.items() <= dev.items()


def test_every_dependency_is_locked_within_its_range(root: Path, pyproject: dict[str, Any]) -> None:
    dev = locked(root, "dev")
    groups = pyproject["dependency-groups"]
    asked = [*pyproject["project"]["dependencies"], *groups["build"], *groups["dev"]]
    for requirement in (Requirement(text) for text in asked if isinstance(text, str)):
        assert requirement.specifier.contains(dev[canonicalize_name(requirement.name)])


def test_every_dependency_has_a_reason(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("dependencies = [") : text.index("[tool.hatch.version]")]
    lines = [line for line in section.splitlines() if line.startswith('  "')]

    assert len(lines) > 20
    assert [line for line in lines if "  # " not in line] == []
