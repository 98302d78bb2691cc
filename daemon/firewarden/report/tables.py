"""Tables on a terminal, in which every cell is plain text whatever is in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from firewarden.report.text import brief, clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its heading, whether it holds numbers, whether it may be cut to fit."""

    name: str
    number: bool = False
    shrink: bool = False


def make_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    total: Sequence[str] | None = None,
) -> Table:
    """Lay *rows* out under *columns*; *total* is set apart below them.

    Cells are never read as markup, and hold no control characters.
    """
    table = Table(
        box=SIMPLE_HEAD,
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        pad_edge=False,
        show_footer=total is not None,
    )
    for place, column in enumerate(columns):
        table.add_column(
            Text(column.name),
            Text(brief(total[place])) if total is not None else "",
            justify="right" if column.number else "left",
            overflow="ellipsis" if column.shrink else "fold",
            no_wrap=column.shrink or column.number,
        )
    for row in rows:
        table.add_row(*(Text(brief(cell)) for cell in row))
    return table


def line(text: str, *, style: str = "") -> Text:
    """One line of plain text, cleaned of control characters."""
    return Text(clean(text), style=style)
