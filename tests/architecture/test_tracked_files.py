"""Nothing in a tracked file that belongs to one machine, or to nobody but us."""

import re
from pathlib import Path

import pytest

# Each word is cut in two, so that this file does not find itself.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.",
    "deb.deb" + "ian",
    "index" + "-url =",
)
MACHINE = (
    "/wo" + "rk/",
    "/ro" + "ot/",
    "/ho" + "me/",
    "/opt/" + "wheels",
    "/opt/" + "pypi",
    "file:" + "///",
)
PRIVATE = ("shared" + "/", "issues " + "show", "design/" + "0", "style" + ".md", "stack" + ".md")
MARKERS = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "breakpoint" + "(")


@pytest.fixture(scope="session")
def texts(root: Path, tracked_files: list[Path]) -> dict[Path, str]:
    """Every tracked file that is text."""
    return {
        path: (root / path).read_text(encoding="utf-8", errors="replace")
        for path in tracked_files
        if path.suffix not in {".png", ".ico", ".db"}
    }


@pytest.mark.parametrize("word", [*REGISTRIES, *MACHINE, *PRIVATE, *MARKERS])
def test_no_tracked_file_holds(texts: dict[Path, str], word: str) -> None:
    assert [str(path) for path, text in texts.items() if word in text] == []


def test_text_ends_with_a_newline_and_lines_do_not_end_with_blanks(texts: dict[Path, str]) -> None:
    ragged = [
        str(path)
        for path, text in texts.items()
        if text and (not text.endswith("\n") or re.search(r"[ \t]+$", text, flags=re.MULTILINE))
    ]

    assert ragged == []


def test_nothing_large_is_tracked(root: Path, tracked_files: list[Path]) -> None:
    assert [str(path) for path in tracked_files if (root / path).stat().st_size > 600_000] == []
