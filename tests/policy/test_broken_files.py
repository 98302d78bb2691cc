"""What `validate` says of a file with one mistake, and that its mend mends."""

import re

import pytest

from firewarden.policy.checking import check
from firewarden.policy.problems import Problem
from firewarden.report.problems import problem_lines
from tests.policy import broken

FILE = "p.yaml"
CASES = [pytest.param(text, words, id=name) for name, (text, words) in broken.ALL.items()]


def errors(text: str) -> list[Problem]:
    """What keeps the file from being used."""
    return [each for each in check({FILE: text}) if each.severity == "error"]


@pytest.mark.parametrize(("text", "words"), CASES)
def test_one_mistake_is_one_error_with_its_place_and_a_mend(text: str, words: str) -> None:
    (problem,) = errors(broken.broken(text))

    assert words in str(problem)
    assert (problem.line, problem.column) == broken.place(text), problem
    assert problem.suggestion


@pytest.mark.parametrize(("text", "words"), CASES)
def test_a_mistake_is_one_line_and_the_line_it_is_in(text: str, words: str) -> None:
    file = broken.broken(text)
    told, line, caret = problem_lines(errors(file), {FILE: file})

    assert told.isprintable()
    assert re.match(rf"{re.escape(FILE)}:\d+:\d+: error: .*\(.+\)$", told)
    assert line.isprintable()
    assert re.fullmatch(r" +\| *\^", caret)


@pytest.mark.parametrize(("text", "words"), CASES)
def test_what_is_mended_is_valid(text: str, words: str) -> None:
    assert errors(broken.mended(text)) == []


def test_no_two_mistakes_are_alike() -> None:
    texts = [text for text, _ in broken.ALL.values()]

    assert len(set(texts)) == len(texts)
    assert len(texts) == sum(
        len(table) for table in (broken.SYNTAX, broken.SHAPES, broken.VALUES, broken.SENSE)
    )
