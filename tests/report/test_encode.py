"""JSON and CSV for other programs."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.report.encode import to_csv, to_json
from tests.report.views import HOSTILE


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        pytest.param("=1+1", "'=1+1", id="formula"),
        pytest.param("+49", "'+49", id="plus"),
        pytest.param("-2.50", "-2.50", id="negative money"),
        pytest.param("-x", "'-x", id="minus before text"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("\uff1dcmd", "'\uff1dcmd", id="full-width formula"),
        pytest.param("\t=1", "\ufffd=1", id="control characters"),
        pytest.param(None, "", id="nothing"),
        pytest.param(True, "true", id="truth"),
        pytest.param(1.5, "1.5", id="number"),
    ],
)
def test_a_cell_is_safe_to_open_in_a_spreadsheet(value: object, cell: str) -> None:
    assert list(csv.reader(io.StringIO(to_csv(["a"], [{"a": value}])))) == [["a"], [cell]]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_no_cell_begins_a_formula_or_breaks_its_row(cells: list[str]) -> None:
    columns = [str(place) for place in range(len(cells))]
    text = to_csv(columns, [dict(zip(columns, cells, strict=True))])

    rows = list(csv.reader(io.StringIO(text)))

    assert len(rows) == 2
    assert all(not each.startswith(("=", "@", "\t", "\r")) for each in rows[1])


def test_json_shows_what_hides_in_a_name() -> None:
    text = to_json({"name": HOSTILE})

    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {"name": HOSTILE}
