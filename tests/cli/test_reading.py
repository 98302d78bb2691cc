"""`status`, `explain`, `plan`, `report` and `db` on a recorded past, without a key or a daemon."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from firewarden.app.history import METRICS_EVERY, POLL_EVERY, write_history
from firewarden.app.scaffold import shipped_policies
from firewarden.report.text import usd
from tests.cli.conftest import Invoke

Ask = Callable[..., Result]

STATUS = [
    "account",
    "deployment_id",
    "display_name",
    "base_model",
    "state",
    "ready_replica_count",
    "gpu_count",
    "accelerator_type",
    "min_replica_count",
    "max_replica_count",
    "tags",
    "attributes",
    "activity",
    "quiet_since",
    "quiet_for_seconds",
    "idle_for_seconds",
    "first_verdict_at",
    "burn_usd_per_hour",
    "month_to_date_usd",
    "protected",
    "next_action",
]
FIGURES = [
    "gpu_seconds",
    "gpu_seconds_low",
    "gpu_seconds_high",
    "idle_gpu_seconds",
    "unknown_gpu_seconds",
    "gap_gpu_seconds",
    "starting_gpu_seconds",
    "unpriced_gpu_seconds",
    "adjusted_gpu_seconds",
    "coverage",
    "state",
    "cost_usd",
    "cost_usd_low",
    "cost_usd_high",
    "idle_cost_usd",
    "idle_actionable_cost_usd",
    "adjustment_usd",
]
ACTION = [
    "deployment_id",
    "verb",
    "policy",
    "reason",
    "evidence",
    "saves_usd_per_hour",
    "list_usd_per_hour",
    "saves_basis",
    "fingerprint",
]


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that holds twelve hours of the standard fleet, up to now."""
    file = tmp_path_factory.mktemp("past") / "past.db"
    told = write_history(
        f"sqlite:///{file}", length="12h", fleet="standard", seed=1, advance=lambda *_: None
    )
    assert told.endswith("lies inside")
    return file


@pytest.fixture
def ask(invoke: Invoke, past: Path) -> Ask:
    """Run a command on that ledger, with settings that fit its pace."""

    def run(*arguments: str, **variables: str) -> Result:
        given = {
            "FIREWARDEN_DATABASE_URL": f"sqlite:///{past}",
            "FIREWARDEN_POLICIES": str(shipped_policies()),
            "FIREWARDEN_POLL_EVERY": f"{10 * POLL_EVERY.seconds}s",
            "FIREWARDEN_METRICS_EVERY": f"{METRICS_EVERY.seconds}s",
        }
        return invoke(*arguments, **(given | variables))

    return run


def read(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_status_tells_the_fleet_with_its_stable_keys(ask: Ask) -> None:
    found = read(ask("status", "--json"))

    assert list(found) == ["account", "observed_at", "complete", "mode", "deployments"]
    assert (found["account"], found["complete"], found["mode"]) == ("acme", True, "observe")
    rows = {row["deployment_id"]: row for row in found["deployments"]}
    assert all(list(row) == STATUS for row in rows.values())
    assert len(rows) == 24
    assert rows["x900-preview"]["burn_usd_per_hour"] is None
    assert rows["vip-direct"]["protected"]
    assert rows["llama-forgotten"]["burn_usd_per_hour"] == "64.00"
    assert rows["vision-stuck"]["activity"] == "starting"
    assert rows["sandbox"]["burn_usd_per_hour"] in {"0.00", "8.00"}
    held = rows["launch-reserve"]["next_action"]
    assert list(held) == ["verb", "at", "policy", "blocked_by"]


def test_a_table_says_the_same_to_people(ask: Ask) -> None:
    result = ask("status")

    assert result.exit_code == 0
    assert "acme: 24 deployments" in result.stdout
    assert "1 deployment unpriced" in result.stdout
    assert "mode observe" in result.stdout


def test_a_report_sums_to_its_total_to_the_nano_dollar(ask: Ask) -> None:
    found = read(ask("report", "--from", "12h", "--group-by", "deployment,accelerator", "--json"))

    assert list(found) == [
        "from",
        "to",
        "group_by",
        "timezone",
        "currency",
        "complete",
        "rows",
        "total",
    ]
    assert list(found["total"]) == FIGURES
    assert all(list(row) == ["deployment_id", "accelerator", *FIGURES] for row in found["rows"])
    for name in ("cost_usd", "cost_usd_low", "cost_usd_high", "idle_cost_usd"):
        nanos = [
            int(row[name].replace(".", "").ljust(len(row[name].partition(".")[0]) + 9, "0"))
            for row in found["rows"]
            if row[name] is not None
        ]
        total = found["total"][name]
        whole = int(total.replace(".", "").ljust(len(total.partition(".")[0]) + 9, "0"))
        assert sum(nanos) == whole
    assert sum(row["gpu_seconds"] for row in found["rows"]) == pytest.approx(
        found["total"]["gpu_seconds"]
    )


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_periods_add_up_to_the_whole(ask: Ask, unit: str, zone: str) -> None:
    ends = ("--from", "2026-01-01T00:00:00Z", "--timezone", zone, "--json")
    if unit == "hour":
        ends = ("--from", "30h", *ends[2:])
    whole = read(ask("report", "--group-by", "model", *ends))
    parts = read(ask("report", "--group-by", unit, *ends))

    for name in ("gpu_seconds", "idle_gpu_seconds", "unknown_gpu_seconds"):
        assert parts["total"][name] == pytest.approx(whole["total"][name], abs=0.001)


def test_what_was_billed_before_the_first_poll_is_in_it(ask: Ask) -> None:
    found = read(ask("report", "--from", "20d", "--group-by", "day", "--json"))

    states = [row["state"] for row in found["rows"]]
    assert states[0] == "backfilled"
    assert states[-1] == "estimated"
    assert found["rows"][0]["unknown_gpu_seconds"] == found["rows"][0]["gpu_seconds"]


def stretch(ask: Ask) -> list[str]:
    """Name a stretch that stays what it is while the clock goes on."""
    found = read(ask("report", "--from", "12h", "--json"))
    return ["report", "--from", found["from"], "--to", found["to"]]


def test_ndjson_has_the_rows_of_the_json_one_a_line(ask: Ask) -> None:
    same = stretch(ask)
    lines = ask(*same, "--format", "ndjson").stdout.splitlines()

    assert [json.loads(line) for line in lines] == read(ask(*same, "--json"))["rows"]


def test_focus_adds_up_to_what_the_report_says(ask: Ask) -> None:
    same = stretch(ask)
    result = ask(*same, "--format", "focus", "--group-by", "team")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    total = read(ask(*same, "--json"))["total"]

    assert rows
    differs = sum(Decimal(row["BilledCost"]) for row in rows) - Decimal(total["cost_usd"])
    assert abs(differs) < Decimal("1e-6"), "each row is rounded to the nano-dollar"
    unpriced = total["unpriced_gpu_seconds"] > 0
    assert ("have no known price and are in no row" in result.stderr) is unpriced


def test_the_page_has_the_total_and_every_row_of_the_json(ask: Ask) -> None:
    same = stretch(ask)
    result = ask(*same, "--format", "html")
    found = read(ask(*same, "--json"))

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("<figure>") == 3
    assert f">{usd(Decimal(found['total']['cost_usd']))}<" in result.stdout
    names = re.findall(r'data-label="deployment"><span>([^<]*)</span>', result.stdout)
    assert names == [*(row["deployment_id"] for row in found["rows"]), "total"]
    assert read(ask(*same, "--format", "html", "--json")) == found


def test_the_csv_has_a_row_each(ask: Ask) -> None:
    result = ask("report", "--from", "12h", "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) >= 20
    assert list(rows[0]) == ["deployment_id", *FIGURES]


def test_explain_tells_each_condition(ask: Ask) -> None:
    found = read(ask("explain", "llama-forgotten", "--json"))

    assert list(found) == ["deployment_id", "at", "policies"]
    (idle,) = [each for each in found["policies"] if each["policy"] == "idle-to-zero"]
    assert list(idle) == ["policy", "mode", "verdict", "blocked_by", "acts_at", "conditions"]
    conditions = {each["condition"]: each for each in idle["conditions"]}
    assert list(conditions["idle_for"]) == [
        "condition",
        "value",
        "threshold",
        "verdict",
        "sample_age_seconds",
    ]
    assert conditions["idle_for"]["threshold"] == 45 * 60


@pytest.mark.parametrize("name", ["chat-prod", "Chat", "accounts/acme/deployments/chat-prod"])
def test_a_deployment_goes_by_id_display_name_and_full_name(ask: Ask, name: str) -> None:
    assert read(ask("explain", name, "--json"))["deployment_id"] == "chat-prod"


def test_one_policy_alone_can_be_explained(ask: Ask) -> None:
    found = read(ask("explain", "chat-prod", "--policy", "failed", "--json"))

    assert [each["policy"] for each in found["policies"]] == ["failed"]


def test_a_plan_has_its_stable_keys(ask: Ask) -> None:
    found = read(ask("plan", "--json"))

    assert list(found) == ["plan_id", "created_at", "account", "policy_hash", "actions", "held"]
    assert all(list(each) == ACTION for each in found["actions"])
    assert all(list(each) == [*ACTION, "blocked_by"] for each in found["held"])
    held = {each["deployment_id"]: each["blocked_by"] for each in found["held"]}
    assert held["launch-reserve"] == "protected"
    text = ask("plan").stdout
    assert "held back" in text
    assert "launch-reserve  4×H100  idle" in text


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        pytest.param(
            ("explain", "chat-prd"), {}, 2, "did you mean chat-prod", id="mistyped deployment"
        ),
        pytest.param(
            ("explain", "chat-prod", "--policy", "x"), {}, 2, "choose from: ", id="policy"
        ),
        pytest.param(
            ("report", "--group-by", "colour"), {}, 2, "choose from: deployment", id="group"
        ),
        pytest.param(
            ("report", "--group-by", "day,hour"), {}, 2, "two units of time", id="two units"
        ),
        pytest.param(("report", "--from", "yesterday"), {}, 2, "is no instant", id="instant"),
        pytest.param(
            ("report", "--from", "1d", "--to", "2d"), {}, 2, "ends before it begins", id="order"
        ),
        pytest.param(("report", "--timezone", "Mars"), {}, 2, "no such time zone", id="zone"),
        pytest.param(
            ("report", "--from", "2000-01-01", "--group-by", "hour"), {}, 2, "more than 10,000",
            id="too many rows",
        ),
        pytest.param(("status", "--account", "x"), {}, 2, "choose from: acme", id="account"),
        pytest.param(
            ("status",), {"FIREWARDEN_DATABASE_URL": "sqlite:///none.db"}, 1,
            "there is no ledger", id="no ledger",
        ),
        pytest.param(
            ("plan",), {"FIREWARDEN_POLICIES": "nowhere"}, 1, "nowhere", id="no policies"
        ),
        pytest.param(
            ("db", "check"),
            {"FIREWARDEN_DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:9/none"}, 1,
            "does not answer", id="unreachable database",
        ),
        pytest.param(
            ("status",), {"FIREWARDEN_DATABASE_URL": "mysql://x"}, 2, "sqlite:///", id="url"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_one_line(
    ask: Ask,
    folder: Path,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    code: int,
    words: str,
) -> None:
    result = ask(*arguments, **variables)

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert "secret" not in result.stderr
    assert list(folder.iterdir()) == []


def test_a_report_needs_no_policies(ask: Ask) -> None:
    assert read(ask("report", "--json", FIREWARDEN_POLICIES="nowhere"))["rows"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("nowhere", "nowhere", id="no folder"),
        pytest.param("bad.yaml", "bad.yaml:2:1", id="a broken file"),
    ],
)
def test_the_fleet_is_shown_without_policies_and_says_so(
    ask: Ask, folder: Path, name: str, words: str
) -> None:
    (folder / "bad.yaml").write_text("version: 1\npolicy: {}\n")

    result = ask("status", "--json", FIREWARDEN_POLICIES=name)

    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["deployments"]
    assert len(rows) == 24
    assert {row["next_action"] for row in rows} == {None}
    assert result.stderr.startswith("warning: no policy is judged: ")
    assert words in result.stderr


def test_a_ledger_of_a_newer_firewarden_is_refused(ask: Ask, past: Path, folder: Path) -> None:
    newer = folder / "newer.db"
    assert ask("db", "backup", str(newer)).exit_code == 0
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE firewarden_revision SET version_num = '9999'")
    connection.close()

    for command in (("status",), ("db", "upgrade"), ("db", "check")):
        result = ask(*command, FIREWARDEN_DATABASE_URL=f"sqlite:///{newer}")

        assert result.exit_code == 1
        assert "which this firewarden does not know; run the newer firewarden" in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_sound_ledger_is_found_sound_and_can_be_copied(ask: Ask, folder: Path) -> None:
    assert read(ask("db", "check", "--json"))["ok"]
    assert ask("db", "backup", "copy.db").stdout == "copied to copy.db\n"

    again = ask("db", "backup", "copy.db")

    assert again.exit_code == 1
    assert "copy.db: cannot be made (File exists)" in again.stderr
    copied = ask("status", "--json", FIREWARDEN_DATABASE_URL="sqlite:///copy.db")
    assert len(read(copied)["deployments"]) == 24


def test_a_past_without_a_stop_has_saved_nothing_and_says_what_would_be(ask: Ask) -> None:
    found = read(ask("report", "savings", "--from", "12h", "--json"))

    assert (found["account"], found["savings"], found["basis"]) == ("acme", [], "up_to")
    assert (found["settled_usd"], found["measured_usd"]) == ("0.00", "0.00")
    assert Decimal(found["projected_usd_per_hour"]) > 0
    told = ask("report", "savings", "--from", "12h", "--each")
    assert "nothing was stopped, so nothing was saved; the plan would save" in told.stdout


def test_what_is_old_is_removed_and_no_figure_changes(ask: Ask, past: Path, folder: Path) -> None:
    aged = folder / "aged.db"
    assert ask("db", "backup", str(aged)).exit_code == 0
    url = {"FIREWARDEN_DATABASE_URL": f"sqlite:///{aged}"}
    with sqlite3.connect(aged) as connection:
        for table, at in (("poll", "asked_at"), ("scrape", "answered_at")):
            moved = f"{at} - 200 * 86400000 AS {at}"
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            taken = ", ".join(moved if column == at else column for column in columns)
            connection.execute(f"INSERT INTO {table} SELECT {taken} FROM {table}")
    connection.close()
    report = ("report", "--json", "--from", "1d")
    before = read(ask(*report, **url))["total"]

    foretold = read(ask("db", "prune", "--dry-run", "--json", **url))
    told = ask("db", "prune", **url)

    assert (foretold["dry_run"], foretold["accounts"][0]["account"]) == (True, "acme")
    removed = foretold["accounts"][0]["removed"]
    assert removed["polls"] > 100
    assert removed["scrapes"] > 200
    assert told.exit_code == 0
    assert told.stdout.startswith(f"acme: removed {removed['polls']:,} polls, ")
    assert told.stderr == "the database does not shrink: it fills the room again\n"
    assert read(ask("db", "prune", "--json", **url))["accounts"][0]["removed"] == {
        "polls": 0, "scrapes": 0, "runs": 0, "letters": 0,
    }  # fmt: skip
    assert read(ask(*report, **url))["total"] == before


def test_an_empty_ledger_is_made_and_says_that_it_is_empty(ask: Ask, folder: Path) -> None:
    url = {"FIREWARDEN_DATABASE_URL": "sqlite:///new.db"}

    assert ask("db", "upgrade", **url).exit_code == 0
    result = ask("status", **url)

    assert result.exit_code == 2
    assert "the ledger holds no account yet; let `firewarden run` observe one" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("--history", "30d"), "give both", id="no database"),
        pytest.param(("--database", "sqlite:///x.db"), "give both", id="no length"),
        pytest.param(
            ("--history", "soon", "--database", "sqlite:///x.db"), "not a duration", id="length"
        ),
    ],
)
def test_a_past_that_cannot_be_written_is_one_line(
    invoke: Invoke, folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = invoke("simulate", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_past_is_never_written_over_another(invoke: Invoke, past: Path) -> None:
    result = invoke("simulate", "--history", "1h", "--database", f"sqlite:///{past}")

    assert result.exit_code == 2
    assert "already holds the history of acme" in result.stderr
