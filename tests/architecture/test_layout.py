"""Where things are."""

import re
from pathlib import Path
from typing import Any

import pytest

PROMISED_TARGETS = (
    "help",
    "demo",
    "test",
    "check",
    "lint",
    "types",
    "imports",
    "bench",
    "simulate",
    "mutants",
    "audit",
    "lock",
)


def makefile_targets(root: Path) -> set[str]:
    text = (root / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):.*## ", text, flags=re.MULTILINE))


def test_the_folder_above_the_package_is_no_package(root: Path) -> None:
    """`import daemon` would otherwise work from a checkout, and hide python-daemon's package."""
    assert not (root / "daemon" / "__init__.py").exists()
    assert [path.name for path in (root / "daemon").iterdir() if path.is_dir()] == ["firewarden"]


def test_the_package_says_that_it_is_typed(root: Path) -> None:
    assert (root / "daemon" / "firewarden" / "py.typed").is_file()


def test_every_package_says_its_one_job(root: Path) -> None:
    silent = [
        path.relative_to(root)
        for path in (root / "daemon").rglob("__init__.py")
        if not path.read_text(encoding="utf-8").startswith('"""')
    ]

    assert silent == []


def test_every_folder_of_modules_is_a_package(root: Path) -> None:
    """A folder without `__init__.py` would be missed by the import contracts."""
    folders = {path.parent for path in (root / "daemon" / "firewarden").rglob("*.py")}
    exempt = {folder for folder in folders if folder.name == "versions"}  # Alembic's, by path

    assert [f for f in sorted(folders - exempt) if not (f / "__init__.py").exists()] == []


@pytest.mark.parametrize("target", PROMISED_TARGETS)
def test_every_promised_make_target_is_there_and_explained(root: Path, target: str) -> None:
    assert target in makefile_targets(root)


def test_the_first_line_of_the_readme_is_the_description(
    root: Path, pyproject: dict[str, Any]
) -> None:
    lines = (root / "README.md").read_text(encoding="utf-8").splitlines()
    prose = next(line for line in lines if line and not line.startswith(("#", "<", "!")))

    assert prose == pyproject["project"]["description"]
