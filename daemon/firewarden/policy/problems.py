"""What is wrong with a policy file: where, what, and the mend; secrets masked."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "note"]

_NEAR = 2
_LONGEST_WORD = 64
_LISTED = 30
_SHOWN = 60
_SECRET = re.compile(
    r"""(?x)
    xox[a-z]-[\w-]{4,} | xapp-[\w-]{4,}                        # Slack tokens
    | \b(?:fw|sk|pk|ghp|gho|glpat|key|token)[_-][\w-]{8,}      # provider and other API keys
    | https?://hooks\.\S+                                      # an incoming webhook is a secret
    | (?<=://)[^/@\s]+(?=@)                                    # user:password@
    | \b(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{32,}={0,2}     # anything long and mixed
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding in one file; lines and columns count from 1.

    A ``note`` is worth reading, an ``error`` keeps the file from being used.
    """

    path: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        """One line: ``path:line:column: message (suggestion)``."""
        mend = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.path}:{self.line}:{self.column}: {self.message}{mend}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort by file, line and column, each finding once."""
    return tuple(
        sorted(set(problems), key=lambda p: (p.path, p.line, p.column, p.message, p.suggestion))
    )


def masked(text: str) -> str:
    """Replace whatever looks like a key, a token or a password by ``****``."""
    return _SECRET.sub("****", text)


def covered(text: str) -> str:
    """Replace it letter by letter, so that everything behind it stays where it is."""
    return _SECRET.sub(lambda found: "*" * len(found[0]), text)


def shown(value: object) -> str:
    """Print *value* inside a message: short, on one line, without secrets."""
    text = masked(str(value))
    text = "".join(letter if letter.isprintable() else "·" for letter in text[: _SHOWN + 1])
    return f"`{text[:_SHOWN]}…`" if len(text) > _SHOWN else f"`{text}`"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Name the choices nearest to *word* within two typing errors, else all of them."""
    known = sorted(choices)
    if near := nearest(word, known):
        return f"did you mean {' or '.join(near[:3])}?"
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f"known here: {', '.join(known[:_LISTED])}{more}" if known else ""


def nearest(word: str, choices: Iterable[str]) -> list[str]:
    """Give those of *choices* that are nearest to *word*; none where all are further than two."""
    folded = word.casefold()
    if not _NEAR < len(folded) <= _LONGEST_WORD:
        return []
    distances = {choice: _distance(folded, choice.casefold()) for choice in choices}
    least = min(distances.values(), default=_NEAR + 1)
    if least > _NEAR:
        return []
    return [choice for choice, distance in distances.items() if distance == least]


def _distance(one: str, other: str) -> int:
    """Count insertions, deletions, substitutions and swaps of neighbours; stops caring at 3."""
    if abs(len(one) - len(other)) > _NEAR or len(set(one) ^ set(other)) > 2 * _NEAR:
        return _NEAR + 1  # each change takes one letter away and brings one, at most
    before: Sequence[int] = ()
    row: Sequence[int] = range(len(other) + 1)
    for i, letter in enumerate(one, start=1):
        following = [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]
