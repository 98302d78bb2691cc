"""What is printed: one object or one view on stdout, everything else on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from firewarden.cli.options import Format

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from firewarden.report.encode import JsonObject

_PIPE_WIDTH = 200

Advance = Callable[[str, float], None]
"""Told what is being done, and the share of it that is done (0 to 1)."""


def show(
    payload: "Callable[[], JsonObject]",
    view: "Callable[[], RenderableType]",
    *,
    as_format: Format,
    json: bool,
) -> None:
    """Print the JSON object or the view, whichever was asked for."""
    if json or as_format is Format.JSON:
        show_json(payload())
    else:
        console().print(view())


def show_json(payload: "JsonObject") -> None:
    """Print one JSON object on stdout."""
    from firewarden.report.encode import to_json

    typer.echo(to_json(payload))


def console(*, stderr: bool = False) -> "Console":
    """Make a console that reads no markup; a pipe gets wide lines instead of cut ones."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        width=None if terminal else _PIPE_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def rendered(text: "Text", on: "Console") -> str:
    """Give one line with the colours that *on* has, however long it is."""
    with on.capture() as captured:
        on.print(text, soft_wrap=True, end="")
    return captured.get()


def say(text: str) -> None:
    """Print one line for people on stderr."""
    from firewarden.report.text import clean

    typer.echo(clean(text), err=True)


@contextmanager
def progress() -> "Iterator[Advance]":
    """Draw a progress bar on stderr while the block runs; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda what, done: bar.update(task, description=what, completed=done)


def _unseen(what: str, done: float) -> None:
    """Take what a progress bar would have shown."""
