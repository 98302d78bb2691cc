"""Every banned call, made once on purpose and seen to fail."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.conftest import ROOT

BANNED = {
    "asyncio.sleep": "import asyncio\nasyncio.sleep(1)",
    "asyncio.timeout": "import asyncio\nasyncio.timeout(1)",
    "daemon": "import daemon",
    "datetime.date.today": "import datetime\ndatetime.date.today()",
    "datetime.datetime.now": "from datetime import UTC, datetime\ndatetime.now(UTC)",
    "datetime.datetime.today": "from datetime import datetime\ndatetime.today()",
    "datetime.datetime.utcnow": "from datetime import datetime\ndatetime.utcnow()",
    "time.monotonic": "import time\ntime.monotonic()",
    "time.monotonic_ns": "import time\ntime.monotonic_ns()",
    "time.perf_counter": "from time import perf_counter\nperf_counter()",
    "time.sleep": "from time import sleep\nsleep(1)",
    "time.time": "import time as wall\nwall.time()",
    "time.time_ns": "import time\ntime.time_ns()",
    "unittest.mock": "from unittest.mock import Mock",
}
PLACES = ("daemon/firewarden/decide/x.py", "daemon/firewarden/app/x.py", "tests/decide/test_x.py")


def ruff(code: str, *, where: str) -> subprocess.CompletedProcess[str]:
    """Check *code* as though it stood in the file *where*, by the checkout's own rules."""
    command = [
        str(Path(sys.executable).parent / "ruff"),
        "check",
        "--no-cache",
        "--select",
        "TID251",
    ]
    return subprocess.run(
        [*command, "--stdin-filename", str(ROOT / where), "-"],
        cwd=ROOT,
        input=f"{code}\n",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("banned", BANNED)
def test_a_banned_call_is_refused(banned: str, where: str) -> None:
    linted = ruff(BANNED[banned], where=where)

    assert linted.returncode == 1
    assert f"TID251 `{banned}` is banned" in linted.stdout


@pytest.mark.parametrize("where", PLACES)
def test_the_same_place_without_a_banned_call_passes(where: str) -> None:
    assert (
        ruff(
            "from datetime import UTC, datetime\nprint(datetime(2026, 1, 1, tzinfo=UTC))",
            where=where,
        ).returncode
        == 0
    )


@pytest.mark.parametrize("banned", ["datetime.datetime.now", "time.sleep", "asyncio.sleep"])
def test_the_clock_is_the_home_of_time(banned: str) -> None:
    assert ruff(BANNED[banned], where="daemon/firewarden/clock/x.py").returncode == 0


def test_every_banned_name_has_a_row_here(pyproject: dict[str, Any]) -> None:
    assert set(pyproject["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]) == set(
        BANNED
    )


def test_every_exception_to_the_rules_is_explained(root: Path) -> None:
    """`select = ["ALL"]`, and each code that is left out says why on its line."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy")]
    codes = [line for line in section.splitlines() if line.startswith('  "')]

    assert codes
    assert [line for line in codes if "#" not in line] == []
