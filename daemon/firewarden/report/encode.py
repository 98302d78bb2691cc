"""JSON and CSV as other programs read them."""

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firewarden.report.text import clean

JsonObject = Mapping[str, Any]

_FORMULA = frozenset("=+-@")


def to_json(value: JsonObject) -> str:
    """Write one object, ASCII only: whatever hides in a name stays visible and harmless."""
    return json.dumps(value, indent=2, allow_nan=False)


def to_csv(columns: Sequence[str], rows: Iterable[JsonObject]) -> str:
    """Write a header and rows by RFC 4180, safe to open in a spreadsheet.

    Text that a spreadsheet would run as a formula gets a leading apostrophe, control
    characters are replaced; None is an empty cell. Numbers are written as they are.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = clean(str(value))
    # A spreadsheet takes the full-width forms of these signs for the signs themselves.
    first = unicodedata.normalize("NFKC", text[:1])
    return f"'{text}" if first in _FORMULA and not _is_number(text) else text


def _is_number(text: str) -> bool:
    """Money is a decimal string, and may be negative: that is no formula."""
    return text.removeprefix("-").replace(".", "", 1).isdecimal() and text.isascii()
