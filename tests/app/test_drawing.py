"""Charts are drawn by a real process of its own, which gets none of our environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from firewarden.app.drawing import NotDrawn, draw
from firewarden.report.charts import ranking
from firewarden.report.usage import Figures

SPEC = ranking([("exp-7", Figures(gpu_ms=1))])


def test_each_description_becomes_one_drawing() -> None:
    drawn = draw([SPEC, ranking([('<script>"&', Figures(gpu_ms=1))])])

    assert [each[:5] for each in drawn] == ["<svg ", "<svg "]
    assert "exp-7" in drawn[0]
    assert "<script" not in drawn[1]
    assert "&lt;script&gt;" in drawn[1]
    assert " style=" not in "".join(drawn), "a page refuses styles that are not its own"


def test_what_cannot_be_drawn_says_why_and_where_the_numbers_are() -> None:
    with pytest.raises(
        NotDrawn, match=r"no charts could be drawn .*; the tables hold every number"
    ):
        draw([{"mark": "no such mark"}])


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("#!/bin/sh\nkill -9 $$\n", id="killed"),
        pytest.param("#!/bin/sh\necho '[]'\n", id="too few"),
        pytest.param("#!/bin/sh\necho '[\"<b>\"]'\n", id="something else"),
        pytest.param("#!/bin/sh\necho nonsense\n", id="no JSON"),
        pytest.param(None, id="nothing to run"),
    ],
)
def test_a_process_that_fails_costs_only_the_charts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None
) -> None:
    interpreter = tmp_path / "python"
    if program is not None:
        interpreter.write_text(program, encoding="utf-8")
        interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))

    with pytest.raises(NotDrawn):
        draw([SPEC])


def test_no_secret_of_ours_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter, seen = tmp_path / "python", tmp_path / "seen"
    interpreter.write_text(f"#!/bin/sh\n/usr/bin/env > {seen}\n", encoding="utf-8")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    monkeypatch.setitem(os.environ, "FIREWORKS_API_KEY", "fw_canary")

    with pytest.raises(NotDrawn):
        draw([SPEC])

    assert "canary" not in seen.read_text(encoding="utf-8")


def test_the_engine_is_loaded_by_nothing_else() -> None:
    """It is 33 MB: the daemon must not pay for it."""
    loads = (
        "import sys, firewarden.app.usage_page, firewarden.app.daemon, firewarden.cli.main;"
        " print('vl_convert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
