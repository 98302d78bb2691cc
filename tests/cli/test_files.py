"""`validate`, `init` and `config`."""

import json
import os
from pathlib import Path

import pytest

from firewarden.app.scaffold import shipped_policies
from tests.cli.conftest import Invoke

GOOD = """\
version: 1
policies:
  idle-to-zero:
    match: {name: "exp-*", state: READY}
    when: {idle_for: 45m, replicas_at_least: 1}
    stages: [warn, {wait: 15m}, scale_to_zero]
"""
BAD = GOOD.replace("match:", "mach:")


def test_good_policies_are_well(invoke: Invoke, folder: Path) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "idle.yaml").write_text(GOOD)
    (folder / "policies" / "idle.test.yaml").write_text("not looked at: [")
    (folder / "policies" / ".hidden.yaml").write_text("not looked at: [")

    result = invoke("validate")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 policy file, 0 errors\n"


@pytest.mark.parametrize("name", ["protect.yml", "protect.YAML", "protect.test.yml"])
def test_a_policy_that_would_not_be_read_is_no_silence(
    invoke: Invoke, folder: Path, name: str
) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "idle.yaml").write_text(GOOD)
    (folder / "policies" / name).write_text("version: 1")

    result = invoke("validate")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        f"error: policies/{name}:1:1: is not read: policies end in .yaml"
    )


def test_a_malformed_policy_is_told_with_its_place_and_the_mend(
    invoke: Invoke, folder: Path
) -> None:
    (folder / "idle.yaml").write_text(BAD)

    result = invoke("validate", "idle.yaml")

    assert result.exit_code == 2
    assert result.stdout == (
        "idle.yaml:4:5: error: unknown key `mach` (did you mean match?)\n"
        '  4 |     mach: {name: "exp-*", state: READY}\n'
        "    |     ^\n"
    )
    assert "Traceback" not in result.output


def test_validate_json_has_its_stable_keys(invoke: Invoke, folder: Path) -> None:
    (folder / "idle.yaml").write_text(BAD)

    result = invoke("validate", "idle.yaml", "--json")

    found = json.loads(result.stdout)
    assert list(found) == ["ok", "file_count", "problems"]
    assert list(found["problems"][0]) == [
        "path",
        "line",
        "column",
        "severity",
        "message",
        "suggestion",
    ]
    assert (result.exit_code, found["ok"]) == (2, False)


def test_validate_writes_sarif(invoke: Invoke, folder: Path) -> None:
    (folder / "idle.yaml").write_text(BAD)

    found = json.loads(invoke("validate", "idle.yaml", "--format", "sarif").stdout)

    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert {
        "artifactLocation": {"uri": "idle.yaml"},
        "region": {"startLine": 4, "startColumn": 5},
    } in places


def test_a_folder_that_is_not_there_is_one_line(invoke: Invoke) -> None:
    result = invoke("validate", "nowhere")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: nowhere: cannot be read (No such file or directory); ")
    assert result.stderr.count("\n") == 1


def test_a_file_everybody_may_write_to_is_refused(invoke: Invoke, folder: Path) -> None:
    file = folder / "idle.yaml"
    file.write_text(GOOD)
    file.chmod(0o666)

    result = invoke("validate", "idle.yaml")

    assert result.exit_code == 1
    assert result.stderr == "error: idle.yaml: everybody may write to it; chmod o-w idle.yaml\n"


def test_init_writes_what_the_other_commands_accept(invoke: Invoke, folder: Path) -> None:
    result = invoke("init")

    assert result.exit_code == 0
    assert (folder / "firewarden.toml").is_file()
    shipped = {file.name for file in shipped_policies().glob("*.yaml")}
    assert {file.name for file in (folder / "policies").glob("*")} == shipped
    assert shipped, "policies come with the package"
    assert invoke("config").exit_code == 0
    assert invoke("validate").exit_code == 0


def test_init_never_overwrites(invoke: Invoke, folder: Path) -> None:
    (folder / "firewarden.toml").write_text("mode = 'disabled'\n")

    result = invoke("init")

    assert result.exit_code == 0
    assert "kept     firewarden.toml" in result.stdout
    assert (folder / "firewarden.toml").read_text() == "mode = 'disabled'\n"


def test_init_into_an_unwritable_folder_is_one_line_and_leaves_nothing(
    invoke: Invoke, folder: Path
) -> None:
    (folder / "file").write_text("in the way")

    result = invoke("init", "file/deeper")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "cannot be written (Not a directory)" in result.stderr
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_init_takes_back_what_it_wrote_before_it_failed(invoke: Invoke, folder: Path) -> None:
    (folder / "policies").write_text("in the way")

    result = invoke("init")

    assert result.exit_code == 1
    assert [each.name for each in folder.iterdir()] == ["policies"]


def test_config_shows_each_setting_with_its_source_and_masks_secrets(
    invoke: Invoke, folder: Path
) -> None:
    (folder / "firewarden.toml").write_text('timezone = "Europe/Berlin"\n')

    result = invoke("config", "--json", FIREWORKS_API_KEY="fw_canary_secret")

    found = {each["name"]: each for each in json.loads(result.stdout)["settings"]}
    assert found["timezone"] == {
        "name": "timezone",
        "value": "Europe/Berlin",
        "source": "firewarden.toml:1",
    }
    assert found["api_key"]["source"] == "FIREWORKS_API_KEY"
    assert found["mode"]["source"] == "default"
    assert "canary" not in result.output
    assert "canary" not in invoke("config", FIREWORKS_API_KEY="fw_canary_secret").output


@pytest.mark.parametrize(
    ("toml", "variables", "words"),
    [
        pytest.param("tiemzone = 'UTC'\n", {}, "did you mean timezone?", id="key"),
        pytest.param("", {"FIREWARDEN_POLL_EVERY": "30"}, "FIREWARDEN_POLL_EVERY", id="duration"),
        pytest.param("mode = 'obsrve'\n", {}, "firewarden.toml:1", id="value"),
        pytest.param("mode = \n", {}, "firewarden.toml:1: is not TOML", id="toml"),
    ],
)
def test_a_typo_in_the_settings_is_one_line(
    invoke: Invoke, folder: Path, toml: str, variables: dict[str, str], words: str
) -> None:
    (folder / "firewarden.toml").write_text(toml)

    result = invoke("config", **variables)

    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_unknown_variable_is_a_warning(invoke: Invoke) -> None:
    result = invoke("config", FIREWARDEN_POLICY="policies")

    assert result.exit_code == 0
    assert "did you mean FIREWARDEN_POLICIES?" in result.stderr


def test_the_wheel_and_the_checkout_have_the_policies() -> None:
    assert shipped_policies().is_dir()
    assert os.access(shipped_policies(), os.R_OK)
