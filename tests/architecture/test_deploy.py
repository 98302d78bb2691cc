"""What the image and the compose file promise, read from their text: no engine is needed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML


@pytest.fixture
def stages(root: Path) -> list[list[tuple[str, str]]]:
    """The Dockerfile as stages of (instruction, argument), continuation lines joined."""
    text = (root / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    parsed: list[list[tuple[str, str]]] = []
    for line in lines:
        instruction, _, argument = line.strip().partition(" ")
        if instruction == "FROM":
            parsed.append([])
        parsed[-1].append((instruction, argument.strip()))
    return parsed


@pytest.fixture
def image(stages: list[list[tuple[str, str]]]) -> dict[str, str]:
    """The last word of each instruction in the stage that runs."""
    return dict(stages[-1])


@pytest.fixture
def service(root: Path) -> dict[str, Any]:
    text = (root / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = YAML(typ="safe").load(text)["services"]["firewarden"]
    return parsed


def test_what_builds_is_not_what_runs(stages: list[list[tuple[str, str]]]) -> None:
    assert len(stages) == 2
    assert all("slim" in stage[0][1] for stage in stages)


def test_the_image_is_not_root_and_says_so_by_number(image: dict[str, str]) -> None:
    user, _, group = image["USER"].partition(":")

    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        pytest.param("ENTRYPOINT", ["firewarden"], id="process one is firewarden itself"),
        pytest.param("CMD", ["run"], id="it runs the daemon"),
        pytest.param("VOLUME", ["/data"], id="one writable volume"),
    ],
)
def test_commands_are_in_exec_form(
    image: dict[str, str], instruction: str, expected: list[str]
) -> None:
    """No shell stands between the engine's SIGTERM and us."""
    assert json.loads(image[instruction]) == expected


def test_the_container_asks_firewarden_for_its_health(image: dict[str, str]) -> None:
    command = re.fullmatch(r".* CMD (\[.*\])", image["HEALTHCHECK"])

    assert command is not None
    assert json.loads(command[1]) == ["firewarden", "healthcheck"]


def test_the_image_stops_on_sigterm(image: dict[str, str]) -> None:
    assert image["STOPSIGNAL"] == "SIGTERM"


def test_only_hashed_packages_get_into_the_image(stages: list[list[tuple[str, str]]]) -> None:
    installs = [text for stage in stages for _, text in stage if "pip install" in text]

    assert installs
    assert [
        text for text in installs if not ("--require-hashes" in text or "--no-deps" in text)
    ] == []


def test_no_secret_is_in_the_image_or_the_compose_file(root: Path) -> None:
    for name in ("Dockerfile", "deploy/compose.yaml"):
        text = (root / name).read_text(encoding="utf-8")
        assert not re.search(r"(KEY|TOKEN|SECRET|PASSWORD)\s*[:=]\s*\S", text), name


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("read_only", True, id="read-only root"),
        pytest.param("cap_drop", ["ALL"], id="no capabilities"),
        pytest.param("security_opt", ["no-new-privileges:true"], id="no new privileges"),
        pytest.param("restart", "unless-stopped", id="comes back after a restart"),
    ],
)
def test_the_composed_service_is_hardened(
    service: dict[str, Any], key: str, expected: object
) -> None:
    assert service[key] == expected


def test_the_composed_service_is_reached_from_this_machine_only(service: dict[str, Any]) -> None:
    assert [port for port in service["ports"] if not str(port).startswith("127.0.0.1:")] == []


def test_the_composed_service_has_longer_to_stop_than_it_needs(service: dict[str, Any]) -> None:
    assert int(service["stop_grace_period"].removesuffix("s")) > 10


def test_the_composed_service_observes_until_told_otherwise(service: dict[str, Any]) -> None:
    assert service["environment"]["FIREWARDEN_MODE"] == "${FIREWARDEN_MODE:-observe}"
