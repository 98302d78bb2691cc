"""One message of Slack: lines of its markup, as blocks that keep Slack's limits, or plain."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from slack_sdk.models.blocks import ContextBlock, MarkdownTextObject, SectionBlock

from firewarden.report.text import clean

MOST_BLOCKS: Final = 12
MOST_LETTERS: Final = 12_000
"""Of a whole message; Slack refuses a longer one, and its library counts only single blocks."""

LONGEST_BLOCK: Final = SectionBlock.text_max_length
LONGEST_LINE: Final = 2_800
LONGEST_NAME: Final = 200
_REPEATED: Final = " (may be repeated)"
_MORE: Final = "…"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message in Slack's markup, everything foreign in it escaped.

    Attributes:
        headline: its first line, and what a telephone shows of it.
        lines: what follows, the important first.
        notes: what stands small at its end.
    """

    headline: str
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def marked(self) -> "Message":
        """Say that it may be there already."""
        return replace(self, headline=self.headline + _REPEATED)

    @property
    def text(self) -> str:
        """What a notification shows: the headline, as the first block has it."""
        return _cut(self.headline, LONGEST_BLOCK)

    @property
    def plain(self) -> str:
        """All of it as text alone, for a Slack that refuses our blocks."""
        return _cut("\n".join((self.headline, *self.lines, *self.notes)), MOST_LETTERS)

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The same as blocks; what does not fit is left out, from the end."""
        left = MOST_LETTERS - len(self.text) - sum(len(_cut(each)) for each in self.notes)
        shown = []
        for line in map(_cut, self.lines[: MOST_BLOCKS - 2]):
            left -= len(line)
            if left < 0:
                break
            shown.append(_section(line))
        notes = [MarkdownTextObject(text=_cut(each)) for each in self.notes]
        ends = [ContextBlock(elements=notes)] if notes else []
        return [block.to_dict() for block in (_section(self.text), *shown, *ends)]


def foreign(text: str, *, longest: int = LONGEST_NAME) -> str:
    """Write text that came from outside so that it names nobody and links to nothing.

    At most *longest* letters of it as they are sent: ``&`` is five of them.
    """
    safe = [_ESCAPES.get(letter, letter) for letter in clean(text[: longest + 1])]
    if sum(map(len, safe)) <= longest:
        return "".join(safe)
    ends = accumulate(map(len, safe))
    return "".join(part for part, end in zip(safe, ends, strict=True) if end < longest) + _MORE


def code(text: str) -> str:
    """Write *text* to be copied; a backtick in it would end what is to be copied."""
    copied = foreign(text.replace("`", "'"))
    return f"`{copied}`"


def when(at: datetime, *, now: datetime) -> str:
    """Write an instant in the reader's own zone, or in UTC where that cannot be shown."""
    shown, fallback = "{time}", f"{at.astimezone(UTC):%H:%M} UTC"
    if abs(at - now) >= timedelta(hours=20):
        shown, fallback = "{date_short} {time}", f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"<!date^{int(at.timestamp())}^{shown}|{fallback}>"


def _section(line: str) -> SectionBlock:
    return SectionBlock(text=MarkdownTextObject(text=line))


def _cut(text: str, longest: int = LONGEST_BLOCK) -> str:
    return text if len(text) <= longest else text[: longest - 1] + _MORE
