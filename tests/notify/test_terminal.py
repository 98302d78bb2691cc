import io
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from firewarden.errors import FileUnusable
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.terminal import TerminalNotifier
from tests.support.clock import NOW

UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def a_notice(
    text: str = "exp-7 idle 45m",
    *,
    severity: Severity = Severity.WARN,
    resolved: bool = False,
) -> Notice:
    return Notice(
        account=AccountId("acme"),
        kind="idle.warn",
        key="idle:exp-7",
        severity=severity,
        at=NOW,
        text=text,
        resolved=resolved,
    )


def a_console(*, colour: bool = False, width: int = 80) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="256" if colour else None,
        legacy_windows=False,
    )


def printed(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        pytest.param(
            a_notice(severity=Severity.INFO), "12:00:00 • info exp-7 idle 45m\n", id="info"
        ),
        pytest.param(a_notice(), "12:00:00 ▲ warn exp-7 idle 45m\n", id="warning"),
        pytest.param(
            a_notice(severity=Severity.PAGE), "12:00:00 ■ PAGE exp-7 idle 45m\n", id="page"
        ),
        pytest.param(a_notice(resolved=True), "12:00:00 ✓ over exp-7 idle 45m\n", id="resolved"),
    ],
)
async def test_a_notice_is_one_line_with_the_time_a_symbol_and_a_word(
    notice: Notice, line: str
) -> None:
    console = a_console()

    await TerminalNotifier(console).notify(notice)

    assert printed(console) == line


@pytest.mark.parametrize("severity", list(Severity))
async def test_colour_says_nothing_that_the_words_do_not(severity: Severity) -> None:
    plain, coloured = a_console(), a_console(colour=True)

    for console in (plain, coloured):
        await TerminalNotifier(console).notify(a_notice(severity=severity))

    assert "\x1b[" in printed(coloured)
    assert re.sub(r"\x1b\[[0-9;]*m", "", printed(coloured)) == printed(plain)


async def test_the_time_is_that_of_the_account() -> None:
    console = a_console()

    await TerminalNotifier(console, timezone="Asia/Kolkata").notify(a_notice())

    assert printed(console).startswith("17:30:00 ")


async def test_a_long_notice_stays_one_line() -> None:
    console = a_console(width=40)

    await TerminalNotifier(console).notify(a_notice("word " * 100))

    assert printed(console).count("\n") == 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a\x1b[2J\x1b]0;owned\x07", id="escape sequences"),
        pytest.param("a\r12:00:00 ✓ over all is well", id="a carriage return"),
        pytest.param("a\n12:00:00 ✓ over all is well", id="a second line"),
        pytest.param("a\x9b1mb", id="an 8-bit control"),
        pytest.param("\u202eexp-7\u2066", id="reversed letters"),
        pytest.param("[bold red]a[/] :boom: https://x", id="markup"),
    ],
)
async def test_a_hostile_name_is_only_text(name: str) -> None:
    console = a_console()

    await TerminalNotifier(console).notify(a_notice(f"{name} idle 45m"))

    assert printed(console).count("\n") == 1
    assert not UNSEEN.search(printed(console))
    assert "boom" not in name or name in printed(console)


@given(text=st.text(max_size=200))
async def test_any_text_is_one_line_without_controls(text: str) -> None:
    console = a_console()

    await TerminalNotifier(console).notify(a_notice(text))

    assert printed(console).count("\n") == 1
    assert not UNSEEN.search(printed(console))


async def test_a_terminal_without_these_letters_gets_others() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=80, color_system=None)

    await TerminalNotifier(console).notify(a_notice("café idle 45m"))
    console.file.flush()

    assert raw.getvalue() == b"12:00:00 ! warn caf? idle 45m\n"


async def test_a_terminal_that_is_gone_is_an_error_that_can_be_told() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(FileUnusable, match="terminal is gone"):
        await TerminalNotifier(Console(file=Gone())).notify(a_notice())


async def test_the_date_does_not_matter_to_the_line() -> None:
    console = a_console()
    later = Notice(
        account=AccountId("acme"),
        kind="meter.gap",
        key="gap",
        severity=Severity.INFO,
        at=NOW + timedelta(days=3, seconds=5),
        text="no data",
    )

    await TerminalNotifier(console).notify(later)

    assert printed(console) == "12:00:05 • info no data\n"
