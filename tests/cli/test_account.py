"""`survey` and `doctor` against a simulated account over real HTTP."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firewarden.app.scaffold import scaffold
from tests.cli.conftest import Invoke
from tests.cli.processes import Simulator, simulating

DOCTOR = (
    "key",
    "account",
    "role",
    "suspension",
    "listing",
    "metrics",
    "clock",
    "database",
    "policies",
    "commitments",
    "listen",
)


def asked(simulator: Simulator) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{simulator.url}/_log") as answer:
        found: list[dict[str, Any]] = json.load(answer)["requests"]
    return found


def test_a_survey_says_what_runs_burns_and_was_billed(
    invoke: Invoke, simulator: Simulator, folder: Path
) -> None:
    result = invoke("survey", "--json", "--html", "page.html", **simulator.variables)

    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found) == [
        "account",
        "observed_at",
        "complete",
        "timezone",
        "role",
        "currency",
        "burn_usd_per_hour",
        "unpriced_deployment_count",
        "findings",
        "deployments",
        "bill",
        "prices",
        "notes",
    ]
    assert (found["account"], found["complete"], found["notes"]) == ("acme", True, [])
    assert len(found["deployments"]) == 24
    assert any(row["cost_usd"] for row in found["bill"]["rows"])
    assert found["unpriced_deployment_count"] == 1
    assert result.stderr == "wrote page.html\n"
    assert "<script" not in (folder / "page.html").read_text()
    assert {each.name for each in folder.iterdir()} == {"page.html"}, "no database is made"


@pytest.fixture(scope="module")
def sinful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """An account of little but what a survey should find."""
    with simulating(tmp_path_factory.mktemp("sins"), "--fleet", "sins") as served:
        yield served


@pytest.mark.parametrize("fleet", ["simulator", "sinful"])
def test_a_survey_finds_every_sin_with_its_dollars(
    invoke: Invoke, fleet: str, request: pytest.FixtureRequest
) -> None:
    simulator: Simulator = request.getfixturevalue(fleet)
    found = json.loads(invoke("survey", "--json", **simulator.variables).stdout)["findings"]
    with urllib.request.urlopen(f"{simulator.url}/_truth") as answer:
        sins = json.load(answer)["sins"]

    dollars = [float(each["usd_per_month"]) for each in found if each["usd_per_month"]]
    assert dollars == sorted(dollars, reverse=True)
    assert all(each["evidence"] and each["command"] and each["basis"] for each in found)
    assert sins
    for sin in sins:
        of_kind = [each for each in found if each["kind"] == KINDS[sin["kind"]]]
        assert stakes_in(of_kind, sin["subject"]) == [float(sin["usd_per_month"] or 0)], sin


KINDS = {
    "always_on": "always_on",
    "deleted_this_week": "provider_deletes",
    "failed_holds_gpus": "failed_holding",
    "long_starting": "starting_long",
    "no_owner": "unowned",
    "price_plan": "contract_price",
    "quota_nearly_used": "quota",
    "trainer_gone": "trainer_gone",
    "unpriced": "unpriced",
}
"""What the survey calls what the simulator has put in."""


def stakes_in(findings: list[dict[str, Any]], subject: str) -> list[float]:
    """Give the dollars of *subject* in *findings*; those of a plan or quota have their own."""
    parts = [part for each in findings for part in each["deployments"]]
    of_one = [part["usd_per_month"] for part in parts if part["deployment_id"] == subject]
    of_all = [0.0 for each in findings if each["subject"] == subject and not of_one]
    return [*(float(usd or 0) for usd in of_one), *of_all]


def test_looking_is_all_that_survey_and_doctor_do(invoke: Invoke, simulator: Simulator) -> None:
    invoke("survey", **simulator.variables)
    invoke("doctor", **simulator.variables)

    assert {request["method"] for request in asked(simulator)} == {"GET"}


def test_doctor_is_content_with_a_fresh_folder(
    invoke: Invoke, simulator: Simulator, folder: Path
) -> None:
    scaffold(folder)
    before = {each.name for each in folder.iterdir()}

    result = invoke("doctor", "--json", **simulator.variables, FIREWARDEN_LISTEN="127.0.0.1:0")

    checks = json.loads(result.stdout)["checks"]
    assert [check["name"] for check in checks] == list(DOCTOR)
    assert [check for check in checks if not check["ok"]] == []
    assert result.exit_code == 0
    assert {each.name for each in folder.iterdir()} == before, "nothing is left behind"


@pytest.mark.parametrize(
    ("variables", "name", "code", "words"),
    [
        pytest.param({"FIREWORKS_API_KEY": "fw_wrong_key"}, "key", 2, "401", id="wrong key"),
        pytest.param(
            {"FIREWORKS_API_KEY": "fw_simulated_suspended"}, "suspension", 1, "suspended",
            id="suspended",
        ),
        pytest.param(
            {"FIREWORKS_API_KEY": "fw_simulated_many"}, "account", 2, "acme, globex",
            id="several accounts",
        ),
        pytest.param({"FIREWORKS_ACCOUNT_ID": "acne"}, "account", 2, "acne", id="unknown account"),
        pytest.param(
            {"FIREWARDEN_POLICIES": "nowhere"}, "policies", 1, "nowhere", id="no policies"
        ),
        pytest.param(
            {"FIREWARDEN_DATABASE_URL": "sqlite:///file/ledger.db"},
            "database",
            1,
            "cannot be made",
            id="unwritable",
        ),
        pytest.param(
            {"FIREWARDEN_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}, "database", 1,
            "does not answer", id="unreachable",
        ),
    ],
)  # fmt: skip
def test_doctor_tells_what_is_wrong_and_the_mend(
    invoke: Invoke,
    simulator: Simulator,
    folder: Path,
    variables: dict[str, str],
    name: str,
    code: int,
    words: str,
) -> None:
    scaffold(folder)
    (folder / "file").write_text("in the way")
    given = simulator.variables | {"FIREWARDEN_LISTEN": "127.0.0.1:0"} | variables

    result = invoke("doctor", "--json", **given)

    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == code
    assert [each for each, check in checks.items() if not check["ok"]] == [name]
    assert words in checks[name]["detail"]
    assert checks[name]["mend"]
    assert "fw_" not in result.output


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        pytest.param({"FIREWORKS_API_KEY": "fw_wrong_key"}, 2, "401", id="wrong key"),
        pytest.param(
            {"FIREWORKS_API_KEY": "fw_simulated_suspended"}, 1, "suspended", id="suspended"
        ),
        pytest.param(
            {"FIREWORKS_API_KEY": "fw_simulated_many"}, 2, "acme, globex", id="several accounts"
        ),
        pytest.param({"FIREWORKS_API_KEY": ""}, 2, "FIREWORKS_API_KEY", id="no key"),
        pytest.param(
            {"FIREWORKS_ACCOUNT_ID": "acne"}, 2, "check its spelling", id="unknown account"
        ),
        pytest.param(
            {"FIREWORKS_BASE_URL": "http://127.0.0.1:9"}, 1, "127.0.0.1", id="nobody answers"
        ),
    ],
)
def test_a_survey_that_cannot_be_is_one_line(
    invoke: Invoke,
    simulator: Simulator,
    folder: Path,
    variables: dict[str, str],
    code: int,
    words: str,
) -> None:
    result = invoke("survey", **(simulator.variables | variables))

    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr
    assert list(folder.iterdir()) == []


def test_a_page_that_cannot_be_written_is_one_line_after_the_survey(
    invoke: Invoke, simulator: Simulator, folder: Path
) -> None:
    (folder / "file").write_text("in the way")

    result = invoke("survey", "--html", "file/page.html", **simulator.variables)

    assert result.exit_code == 1
    assert "findings" in result.stdout
    assert result.stderr.startswith("error: file/page.html: cannot be written (Not a directory)")


def test_a_survey_goes_on_without_what_cannot_be_read(
    invoke: Invoke, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    faults = folder / "faults.toml"
    faults.write_text('[[fault]]\nkind = "server-error"\non = "bill"\n')
    with simulating(tmp_path_factory.mktemp("faulty"), "--faults", str(faults)) as faulty:
        result = invoke("survey", "--json", **faulty.variables)

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["bill"]["rows"] == []
    assert any(note.startswith("bill could not be read") for note in found["notes"])


def test_an_account_that_cannot_be_read_keeps_no_other_from_being_checked(
    invoke: Invoke, simulator: Simulator, folder: Path
) -> None:
    scaffold(folder)
    accounts = "".join(f'[[accounts]]\nid = "{name}"\n' for name in ("acne", "acme", "globex"))
    (folder / "firewarden.toml").write_text(accounts)
    variables = simulator.variables | {
        "FIREWORKS_API_KEY": "fw_simulated_many",
        "FIREWARDEN_LISTEN": "127.0.0.1:0",
    }

    result = invoke("doctor", "--json", **variables)

    checks = json.loads(result.stdout)["checks"]
    told = [check["detail"].partition(",")[0] for check in checks if check["name"] == "account"]
    assert result.exit_code == 2
    assert [check["name"] for check in checks if not check["ok"]] == ["account"]
    assert told[1:] == ["acme", "globex"]
