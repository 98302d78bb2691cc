"""The line of a file that a problem is about, with a caret under the place; secrets masked."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from firewarden.policy.problems import covered
from firewarden.report.text import clean

_WIDEST = 100
_BEFORE = 60
"""How much of a long line is shown, and how much of that before its place."""

_OF_SECRETS = r"[\w-]{0,32}(?:secr|token|hook|passw|api_?key)[\w-]{0,32}"
_SECRET_VALUE = rf"""(?xi)
    (?<![\w-]) ["']?{_OF_SECRETS}["']? \s*:\s*  # a key that is for secrets, or nearly,
    (?!["']?(?:env|file):) (?=[^\s{{\[,}}#])    # and no place where one is kept:
    ((?:"[^"]*"? | '[^']*'?)? (?: (?!,\s*["']?[\w-]+["']?:\s) . )*)  # up to the next key
    """
_ODD_SPACE = r"[^\S \r\n]"
_OPEN_SECRET = rf"(?i)(?:^|[\s,{{\"']){_OF_SECRETS}[\"']?\s*:\s*[|>]?[-+]?\s*$"
"""The line above, where the value stands on the next one."""


@dataclass(slots=True)
class Excerpts:
    """The lines of one file; each is looked through for secrets once, however much is wrong."""

    lines: Sequence[str]
    _covered: dict[int, str] = field(default_factory=dict, init=False)

    def around(self, *, line: int, column: int) -> Iterator[str]:
        """Write line *line* and a caret under *column*, both counted from 1.

        A line behind the end is empty: what is missing is missing there.
        """
        text = self._without_secrets(line)
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

    def _without_secrets(self, line: int) -> str:
        """Cover what is secret letter by letter, so that places stay what they are."""
        if line not in self._covered:
            text = self.lines[line - 1] if line <= len(self.lines) else ""
            above = self.lines[line - 2] if 1 < line <= len(self.lines) else ""
            self._covered[line] = (
                re.sub(r"\S", "*", text)
                if re.search(_OPEN_SECRET, above)
                else covered(re.sub(_SECRET_VALUE, _cover, text))
            )
        return self._covered[line]


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
