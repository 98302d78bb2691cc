"""A line with a caret: cut where it is long, counted in columns, without secrets."""

import pytest

from firewarden.report.excerpts import Excerpts

LONG = "".join(f"{number:4}" for number in range(100))


@pytest.mark.parametrize(
    ("text", "column", "line", "caret"),
    [
        pytest.param("a: b", 4, "a: b", "   ^", id="as it is"),
        pytest.param("\ta: b", 2, "→a: b", " ^", id="a tab is one column"),
        pytest.param("a:\u00a0b", 4, "a:·b", "   ^", id="what only looks like a space"),
        pytest.param("漢: b", 4, "漢: b", "    ^", id="a letter of two columns"),
        pytest.param("e\u0301: b", 5, "e\u0301: b", "   ^", id="an accent of none"),
        pytest.param("a: \x1b[2Jb", 4, "a: \ufffd[2Jb", "   ^", id="what a terminal would obey"),
        pytest.param("a: b", 5, "a: b", "    ^", id="behind the end"),
        pytest.param(LONG, 1, f"{LONG[:100]}…", "^", id="the beginning of a long line"),
        pytest.param(LONG, 201, f"…{LONG[140:240]}…", f"{' ' * 61}^", id="the middle"),
        pytest.param(LONG, 401, f"…{LONG[340:]}", f"{' ' * 61}^", id="the end"),
        pytest.param("{secret: abc, x: y}", 15, "{secret: ***, x: y}", " " * 14 + "^", id="secret"),
        pytest.param("{secret: 'env:A', x}", 19, "{secret: 'env:A', x}", " " * 18 + "^", id="none"),
    ],
)
def test_a_line_with_a_caret(text: str, column: int, line: str, caret: str) -> None:
    shown = list(Excerpts([text]).around(line=1, column=column))

    assert shown == [f"  1 | {line}", f"    | {caret}"]


def test_a_line_behind_the_end_is_empty() -> None:
    assert list(Excerpts(["a"]).around(line=2, column=1)) == ["  2 |", "    | ^"]
