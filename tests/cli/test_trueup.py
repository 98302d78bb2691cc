"""`trueup` and `trueup accept` on a ledger whose bill leaves out half of one day."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from firewarden.app.queries import read_ledger
from firewarden.app.scaffold import shipped_policies
from firewarden.app.settings import load_settings
from firewarden.app.trueup import due_days, open_books, true_up
from firewarden.clock.real import WallClock
from firewarden.model.trueup import BilledMoney
from firewarden.model.usage import (
    BilledDay,
    Poll,
)
from firewarden.store.accepted import record_billed_money
from firewarden.store.bill import record_bill
from firewarden.store.engine import Database
from firewarden.store.ledger import write_change, write_poll
from firewarden.store.trueup import record_answers
from tests.cli.conftest import Invoke
from tests.support.holding import ACME, CHAT, H100, held_since

DAY = timedelta(days=1)
NOW = WallClock().now().replace(microsecond=0)
TODAY = NOW.astimezone(UTC).date()
DISPUTED = TODAY - 4 * DAY

Ask = Callable[..., Result]


def poll(at: datetime) -> Poll:
    return Poll(
        account=ACME,
        asked_at=at,
        answered_at=at + timedelta(seconds=1),
        ok=True,
        complete=True,
        count=1,
    )


def billed(days_ago: int) -> BilledDay:
    return BilledDay(
        account=ACME,
        day=TODAY - days_ago * DAY,
        timezone="UTC",
        deployment_id=CHAT,
        accelerator_type=H100,
        gpu_seconds=86_400 if days_ago == 4 else 2 * 86_400,
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two GPUs for seven days, the bill of which came alike twice."""
    file = tmp_path_factory.mktemp("billed") / "billed.db"
    began = NOW - 7 * DAY
    config = file.parent / "firewarden.toml"
    config.touch()
    environ = {"FIREWARDEN_DATABASE_URL": f"sqlite:///{file}", "FIREWORKS_API_KEY": "fw"}
    settings = load_settings(config, environ, dotenv=None).settings
    with closing(Database.open(f"sqlite:///{file}", upgrade=True)) as database:
        with database.writing() as session:
            write_poll(session, poll(began))
            write_change(session, ACME, held_since(began), at=began)
            write_poll(session, poll(NOW))
            days = [TODAY - each * DAY for each in range(8)]
            rows = [billed(each) for each in range(3, 7)]
            for hours in (25, 0):
                at = NOW - timedelta(hours=hours)
                revised = record_bill(session, ACME, rows, first=days[-1], last=TODAY, at=at)
                record_answers(session, ACME, days, changed=revised.days, timezone="UTC", at=at)
            dollars = BilledMoney(accelerator_type=H100, gpu_ms=86_400_000, micro_usd=216_000_000)
            record_billed_money(
                session, ACME, DISPUTED, [dollars], revision=1, own={H100: 8_000_000}
            )
        with database.writing() as session, read_ledger(database, settings, None, now=NOW) as read:
            ledger = replace(read, session=session)
            for day in due_days(ledger):
                true_up(open_books(ledger), day)
    return file


@pytest.fixture
def ask(invoke: Invoke, recorded: Path, tmp_path: Path) -> Ask:
    """Run a command on a copy of that ledger."""
    copy = tmp_path / "billed.db"
    shutil.copy(recorded, copy)

    def run(*arguments: str) -> Result:
        return invoke(
            *arguments,
            FIREWARDEN_DATABASE_URL=f"sqlite:///{copy}",
            FIREWARDEN_POLICIES=str(shipped_policies()),
        )

    return run


def read(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_days_are_shown_from_both_sides_with_their_stable_keys(ask: Ask) -> None:
    found = read(ask("trueup", "--json"))
    days = {row["day"]: row for row in found["days"]}
    disputed = days[DISPUTED.isoformat()]

    assert disputed == {
        "day": DISPUTED.isoformat(),
        "state": "disputed",
        "revised": False,
        "metered_gpu_seconds": 172_800,
        "billed_gpu_seconds": 86_400,
        "adjusted_gpu_seconds": 0,
        "adjustment_usd": "0.00",
        "causes": ["reservation"],
        "accepted_by": None,
        "accepted_reason": None,
        "deployments": [
            {
                "deployment_id": "chat",
                "accelerator_type": H100,
                "state": "disputed",
                "cause": "reservation",
                "metered_gpu_seconds": 172_800,
                "billed_gpu_seconds": 86_400,
                "adjusted_gpu_seconds": 0,
            }
        ],
    }
    assert days[(TODAY - 5 * DAY).isoformat()]["state"] == "settled"
    assert days[(TODAY - DAY).isoformat()]["state"] == "open"
    (gpu,) = found["accelerators"]
    assert gpu["calibration"] == "0.8750"
    assert (gpu["implied_usd_per_gpu_hour"], gpu["price_differs"]) == ("9.00", True)


def test_a_table_says_the_same_and_the_way_out(ask: Ask) -> None:
    result = ask("trueup")

    assert result.exit_code == 0, result.output
    assert "48.00" in result.stdout
    assert f"firewarden trueup accept {DISPUTED}" in result.stdout


def test_an_accepted_day_is_as_billed_and_says_who_took_it(ask: Ask) -> None:
    since, until = DISPUTED.isoformat(), (DISPUTED + DAY).isoformat()
    before = read(ask("report", "--from", since, "--to", until, "--json"))["total"]
    told = ask("trueup", "accept", since, "--reason", "the invoice says so too")
    after = read(ask("report", "--from", since, "--to", until, "--json"))["total"]
    days = {row["day"]: row for row in read(ask("trueup", "--json"))["days"]}

    assert told.exit_code == 0, told.output
    assert "-24.00 GPU-h" in told.stdout
    assert (before["state"], before["gpu_seconds"]) == ("disputed", 172_800)
    assert (after["state"], after["gpu_seconds"]) == ("adjusted", 86_400)
    assert after["adjusted_gpu_seconds"] == -86_400
    assert days[since]["state"] == "adjusted"
    assert days[since]["accepted_by"].startswith("cli:")
    assert days[since]["accepted_reason"] == "the invoice says so too"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        pytest.param("yesterday", "is no day", id="no day"),
        pytest.param((TODAY - 5 * DAY).isoformat(), "is settled, not disputed", id="settled"),
        pytest.param((TODAY - DAY).isoformat(), "is open, not disputed", id="not judged yet"),
        pytest.param("2020-01-01", "is read no more", id="long ago"),
    ],
)
def test_nothing_else_can_be_accepted(ask: Ask, day: str, said: str) -> None:
    result = ask("trueup", "accept", day, "--reason", "why not")

    assert result.exit_code == 2
    assert said in result.stderr
