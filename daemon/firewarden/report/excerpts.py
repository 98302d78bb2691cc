"""The line of a file that a problem is about, with a caret under the place; secrets masked."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from firewarden.policy.problems import covered
from firewarden.report.text import clean

_WIDEST = 100
_BEFORE = 60
"""How much of a long line is shown, and how much of that before its place."""

_OF_SECRETS = r"[\w-]*(?:secr|token|hook|passw|api_?key)[\w-]*"
_SECRET_VALUE = rf"""(?xi)
    (?<![\w-]) ["']?{_OF_SECRETS}["']? \s*:\s*  # a key that is for secrets, or nearly,
    (?!["']?(?:env|file):) (?=[^\s{{\[,}}#])    # and no place where one is kept:
    ((?:"[^"]*"? | '[^']*'?)? (?: (?!,\s*["']?[\w-]+["']?:\s) . )*)  # up to the next key
    """
_ODD_SPACE = r"[^\S \r\n]"
_OPEN_SECRET = rf"(?i)(?:^|[\s,{{\"']){_OF_SECRETS}[\"']?\s*:\s*[|>]?[-+]?\s*$"
"""The line above, where the value stands on the next one."""


def excerpt(lines: Sequence[str], *, line: int, column: int) -> Iterator[str]:
    """Write line *line* of *lines* and a caret under *column*, both counted from 1.

    A line behind the end is empty: what is missing is missing there.
    """
    text = _without_secrets(lines, line)
    begin = column - 1 - _BEFORE if len(text) > _WIDEST and column > _BEFORE else 0
    shown = _plain(text[begin : begin + _WIDEST])
    before = _plain(text[begin : column - 1])
    if begin:
        shown, before = f"…{shown}", f"…{before}"
    if begin + _WIDEST < len(text):
        shown += "…"
    number = str(line)
    yield f"  {number} | {shown}".rstrip()
    yield f"  {' ' * len(number)} | {' ' * _width(before)}^"


def _without_secrets(lines: Sequence[str], line: int) -> str:
    """Cover what is secret letter by letter, so that places stay what they are."""
    text = lines[line - 1] if line <= len(lines) else ""
    above = lines[line - 2] if 1 < line <= len(lines) + 1 else ""
    if re.search(_OPEN_SECRET, above):
        return re.sub(r"\S", "*", text)
    return covered(re.sub(_SECRET_VALUE, _cover, text))


def _cover(found: re.Match[str]) -> str:
    value = found[1]
    return found[0].removesuffix(value) + "*" * len(value)


def _plain(text: str) -> str:
    """Make it safe to print; a tab is an arrow, what only looks like a space a dot."""
    return clean(re.sub(_ODD_SPACE, "·", text.replace("\t", "→")))


def _width(text: str) -> int:
    """Count the columns of a terminal that *text* takes."""
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )
