"""What the YAML parser stumbled over, in words that name the mend."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ruamel.yaml.error import MarkedYAMLError

from firewarden.policy.problems import shown

Place = tuple[int, int]
Finding = tuple[str, Place, str]
"""A message, the line and column it is about, and the mend."""

_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters: terminals obey them
    "\u2028\u2029"  # line breaks to the parser, and to hardly any editor
    "\u202a-\u202e\u2066-\u2069"  # turn the letters around them: what is read is not what stands
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
HALF = re.compile("[\ud800-\udfff]")
"""What no text may hold that is to be written anywhere; an escape in quotes can make it."""

_NO_UTF_8 = "[\udc80-\udcff]"
"""How a byte that is no UTF-8 comes out of decoding with ``surrogateescape``."""

_BREAK = r"\r\n|\r|\n"
_GLUED = r"(?a)\s*(?:- +)*(\w+)(:?) *(?<!: )[{\[]"
"""A key whose colon is missing, or the space behind it, before a brace."""

_ODD_INDENT = r" *([^\S ])"


def lines_of(text: str) -> list[str]:
    """Part *text* at its line breaks, as the parser counts them."""
    return re.split(_BREAK, text.removeprefix("\ufeff"))


def unreadable(text: str) -> Finding | None:
    """Find the first character that no policy file may hold; None: there is none."""
    text = text.removeprefix("\ufeff")
    found = _UNREADABLE.search(text)
    if found is None:
        return None
    before = lines_of(text[: found.start()])
    place = (len(before), len(before[-1]) + 1)
    if re.match(_NO_UTF_8, found[0]):
        return "not UTF-8", place, "save the file as UTF-8"
    code = f"U+{ord(found[0]):04X}"
    return f"not YAML: the character {code} cannot be seen, and is not read", place, "take it out"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stumble:
    """What the parser says: where it noticed, and where that began which it was reading."""

    said: str
    noticed: Place
    began: Place
    lines: list[str]

    @property
    def before(self) -> str:
        """The line in which it was noticed, up to there."""
        line, column = self.noticed
        return self.lines[line - 1][: column - 1] if line <= len(self.lines) else ""

    @property
    def letter(self) -> str:
        """The character at which it was noticed; "" at the end."""
        line, column = self.noticed
        return self.lines[line - 1][column - 1 : column] if line <= len(self.lines) else ""


def explained(error: MarkedYAMLError, text: str) -> Finding:
    """Say what is wrong where *error* was noticed, or where that began."""
    mark = error.problem_mark or error.context_mark
    noticed = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
    opened = error.context_mark
    stumble = _Stumble(
        said=f"{error.problem or '?'} {error.context or ''}".strip(),
        noticed=noticed,
        began=noticed if opened is None else (opened.line + 1, opened.column + 1),
        lines=lines_of(text),
    )
    message, place, mend = _odd_indent(stumble.lines, noticed[0]) or _worded(stumble)
    return f"not YAML: {message}", place, mend


def _odd_indent(lines: list[str], last: int) -> Finding | None:
    """Find what looks like spaces before a line, and is none: YAML counts spaces alone."""
    for number in (last, last - 1):
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        found = re.match(_ODD_INDENT, line)
        if found is not None and line.strip():
            what = "a tab" if found[1] == "\t" else f"the character U+{ord(found[1]):04X}"
            message = f"{what} stands in the indentation"
            return message, (number, found.start(1) + 1), "indent with spaces"
    return None


def _worded(stumble: _Stumble) -> Finding:
    glued = re.match(_GLUED, stumble.before)
    if glued is not None and "<block end>" in stumble.said:
        what = "a space is" if glued[2] else "a `:` is"
        place = (stumble.noticed[0], glued.start(1) + 1)
        return f"{what} missing behind `{glued[1]}{glued[2]}`", place, f"write `{glued[1]}: …`"
    for pattern, words in _WORDS.items():
        if re.search(pattern, stumble.said):
            return words(stumble)
    return shown(stumble.said), stumble.noticed, "look at the quotes and brackets before this"


def _bad_start(stumble: _Stumble) -> Finding:
    if stumble.letter == "\t":
        return "a tab stands here", stumble.noticed, "write a space instead"
    message = f"no text can begin with {shown(stumble.letter)}"
    return message, stumble.noticed, "put the text in quotes"


def _unclosed(stumble: _Stumble) -> Finding:
    opening, closing = ("{", "}") if "'}'" in stumble.said.partition("but")[0] else ("[", "]")
    message = (
        f"a comma is missing here, or the `{opening}` of line {stumble.began[0]} is not closed"
    )
    return message, stumble.noticed, f"write a comma, or `{closing}` where it ends"


def _unknown_escape(stumble: _Stumble) -> Finding:
    message = f"{shown(chr(92) + stumble.letter)} means nothing in double quotes"
    return message, stumble.noticed, "write the text in single quotes"


def _not_open(stumble: _Stumble) -> Finding:
    return (
        f"nothing is open that {shown(stumble.letter)} could close",
        stumble.noticed,
        "take it out",
    )


def _stray_colon(stumble: _Stumble) -> Finding:
    before = stumble.before
    if ": " in before:
        return "a second `:` in one value", stumble.noticed, "put the text in quotes"
    return (
        "this line goes on with the value of the line before",
        (stumble.noticed[0], len(before) - len(before.lstrip()) + 1),
        "end that line with `:`, or indent this one like it",
    )


def _said(message: str, mend: str) -> Callable[[_Stumble], Finding]:
    return lambda stumble: (message, stumble.noticed, mend)


def _said_of_start(message: str, mend: str) -> Callable[[_Stumble], Finding]:
    return lambda stumble: (message, stumble.began, mend)


_WORDS: dict[str, Callable[[_Stumble], Finding]] = {
    "cannot start any token": _bad_start,
    r"expected ',' or '[}\]]'": _unclosed,
    "unknown escape character": _unknown_escape,
    "scanning a quoted scalar": _said_of_start(
        "the quote that opens here is not closed", "close it at the end of the text"
    ),
    r"<block end>, but found '[}\]]'": _not_open,
    "<block end>, but found '(<block|[-?])": _said(
        "this line is indented unlike those around it",
        "as many spaces as the line beside which it belongs",
    ),
    "expected <block end>": _said(
        "something stands behind the end of the value", "put all of the text in quotes"
    ),
    "values are not allowed here": _stray_colon,
    "could not find expected ':'": _said_of_start("a key without a `:`", "write `key: value`"),
    "sequence entries are not allowed": _said(
        "a list with `- ` cannot begin here", "begin it on a line of its own"
    ),
    "expected the node content": _said(
        "a value is missing before this", "write it, or take the comma out"
    ),
    "(scanning a|parsing a) tag|undefined tag": _said_of_start(
        "tags are not read", "put text that begins with `!` in quotes"
    ),
    "scanning an (anchor|alias)": _said_of_start(
        "anchors and aliases are not read", "put text that begins with `*` or `&` in quotes"
    ),
}
"""By what the parser says; the first that is found in it counts."""
