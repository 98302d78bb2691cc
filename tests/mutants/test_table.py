"""The table fits the code: every change can be made, and every test that has to notice is there."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.mutants.kinds import Edit, Mutant
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "daemon/firewarden"
LEAST = 30
PROMISES = {f"S{number}" for number in (*range(1, 11), 12, 18)}

each_mutant = pytest.mark.parametrize(
    "mutant", [pytest.param(each, id=each.name) for each in MUTANTS]
)


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def changed(*edits: Edit) -> dict[str, str]:
    """Make *edits* one after the other, and give the files that they change."""
    files: dict[str, str] = {}
    for edit in edits:
        text = files.get(edit.file, read(PACKAGE / edit.file))
        assert text.count(edit.old) == 1, f"{edit.file}: {edit.old!r}"
        assert edit.old != edit.new
        files[edit.file] = text.replace(edit.old, edit.new)
    return files


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({each.name for each in MUTANTS}) == len(MUTANTS) >= LEAST


def test_no_promise_is_left_out() -> None:
    assert {each.promise for each in MUTANTS} >= PROMISES


@each_mutant
def test_what_is_changed_stands_there_exactly_once_and_stays_python(mutant: Mutant) -> None:
    for file, text in changed(*mutant.off, mutant.edit).items():
        compile(text, file, "exec")


@each_mutant
def test_the_tests_that_have_to_notice_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        wanted = rf"{name}\(" if name else "test_"
        assert re.search(rf"^(async )?def {wanted}", read(ROOT / file), re.MULTILINE), test
