"""What docs/incidents.md says of our tests is so."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.conftest import ROOT

PAGE = (ROOT / "docs" / "incidents.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|-][^|]*) \|.* \| ([^|]*) \|$", PAGE, flags=re.MULTILINE)
LINES = [(name, held) for name, held in ROWS if held != "Held by"]
NAMED = sorted(set(re.findall(r"`(tests/[^`]*)`", PAGE)))
FAMILIES = 22
NOTHING_TO_HOLD = ("cannot apply: ", "not built: cannot happen yet")


@cache
def all_of(path: Path) -> frozenset[str]:
    """Name the tests of a file as they are asked for, without their parameters."""
    return frozenset(_named(ast.parse(path.read_text(encoding="utf-8")).body))


def _named(body: list[ast.stmt], within: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _named(node.body, f"{within}{node.name}::")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{within}{node.name}"


@pytest.mark.parametrize("named", NAMED)
def test_every_test_that_the_page_names_exists(named: str) -> None:
    file, _, test = named.partition("::")

    assert (ROOT / file).is_file()
    assert test.rpartition("::")[2].startswith("test_")
    assert test in all_of(ROOT / file)


@pytest.mark.parametrize(("name", "held"), LINES, ids=[name for name, _ in LINES])
def test_every_line_is_held_by_a_test_or_says_why_it_cannot_be(name: str, held: str) -> None:
    assert re.search(r"`tests/[^`]+::[^`]+`", held) or any(
        each in held for each in NOTHING_TO_HOLD
    ), name


def test_no_row_is_left_out() -> None:
    names = [name for name, _ in LINES]

    assert names[:52] == [*(f"R{n}" for n in range(1, 33)), *(f"H{n}" for n in range(1, 21))]
    assert len(names[52:]) == FAMILIES


def test_every_test_of_an_incident_is_on_the_page() -> None:
    """A test that is named after a family or a row holds it: whoever reads the page should know."""
    ours = {
        f"{path.relative_to(ROOT)}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in all_of(path)
        if name.startswith("test_incident_")
    }

    assert ours - set(NAMED) == set()
