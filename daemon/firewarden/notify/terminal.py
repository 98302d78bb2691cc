"""Notices on a terminal, one line each."""

from zoneinfo import ZoneInfo

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from firewarden.errors import FileUnusable
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.report.text import clean

_ORANGE = "bold color(166)"
_BLUE = "bold color(32)"
"""Orange and blue are told apart by colour-blind eyes too, and both read on black and white."""

_MARKS = {
    Severity.INFO: ("•", "*", "info", _BLUE),
    Severity.WARN: ("▲", "!", "warn", _ORANGE),
    Severity.PAGE: ("■", "#", "PAGE", f"{_ORANGE} reverse"),
}
_RESOLVED = ("✓", "+", "over", _BLUE)

_SYSTEMS = {
    "standard": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
    "windows": ColorSystem.WINDOWS,
}


class TerminalNotifier:
    """Prints each notice as one line: the time, a symbol and a word for how bad, the text.

    Colour only repeats what symbol and word say. Names come from outside: what could move
    the cursor, colour the line or fake a second one is taken out.
    """

    def __init__(self, console: Console, *, timezone: str = "UTC") -> None:
        """Print on *console*, with times of *timezone*."""
        self._console = console
        self._zone = ZoneInfo(timezone)

    async def notify(self, notice: Notice) -> None:
        """Print *notice*.

        Raises:
            FileUnusable: the terminal is gone.
        """
        try:  # not by Console.print, which ends the whole process when a pipe is broken
            self._console.file.write(self._compose(notice))
            self._console.file.flush()
        except OSError as error:
            raise FileUnusable("the terminal is gone", mend="read the log") from error

    def _compose(self, notice: Notice) -> str:
        symbol, plain, word, style = _RESOLVED if notice.resolved else _MARKS[notice.severity]
        local = notice.at.astimezone(self._zone)
        mark = f"{self._fit(symbol, plain)} {word}"
        if colours := self._colours():
            mark = Style.parse(style).render(mark, color_system=colours)
        return f"{local:%H:%M:%S} {mark} {self._fit(clean(notice.text), '')}\n"

    def _colours(self) -> ColorSystem | None:
        name = self._console.color_system
        return None if name is None or self._console.no_color else _SYSTEMS[name]

    def _fit(self, text: str, otherwise: str) -> str:
        """Give *text* in letters that the terminal has, or *otherwise*, or question marks."""
        try:
            text.encode(self._console.encoding)
        except UnicodeEncodeError:
            encoding = self._console.encoding
            return otherwise or text.encode(encoding, "replace").decode(encoding)
        return text
