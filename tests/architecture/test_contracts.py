"""Every import contract, broken once on purpose and seen to fail.

Each row writes one forbidden import into a package of the same shape, every layer empty, and runs
the linter there with the configuration of the checkout. Controls: the empty shape, and the package
itself, keep every contract; and one import breaks the package itself.
"""

import os
import shutil
import subprocess
import sys
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.conftest import ROOT

# Top first; packages in one row may not know each other.
LAYERS = (
    ("cli",),
    ("app",),
    ("observe", "act", "notify", "web"),
    ("report",),
    ("providers", "store", "clock"),
    ("ports",),
    ("decide",),
    ("metering",),
    ("policy",),
    ("model",),
    ("errors",),
)
BIN = Path(sys.executable).parent
MODULES = ("ports", "errors")
UPWARD = [(lower, upper) for above, below in pairwise(LAYERS) for lower in below for upper in above]
SIDEWAYS = [pair for row in LAYERS for pair in permutations(row, 2)]

# contract: a module outside the home, and the library it must not import there.
AWAY_FROM_HOME = [
    pytest.param("pure", "decide", "asyncio", id="decide does not await"),
    pytest.param("pure", "decide", "time", id="decide does not ask the time"),
    pytest.param("pure", "metering", "logging", id="metering does not log"),
    pytest.param("pure", "metering", "structlog", id="metering does not log by structlog"),
    pytest.param("pure", "policy", "os", id="policy does not read the environment"),
    pytest.param("pure", "policy", "httpx", id="policy does no input or output"),
    pytest.param("pure", "model", "random", id="model is no dice"),
    pytest.param("pure", "model", "sqlalchemy", id="model does not know the store"),
    pytest.param("pure", "errors", "os", id="errors know nothing"),
    pytest.param("never", "providers", "fireworks", id="not the vendor's SDK"),
    pytest.param("never", "policy", "yaml", id="not YAML 1.1"),
    pytest.param("never", "app", "unittest", id="no mocks in the product"),
    pytest.param("never", "app", "daemon", id="not python-daemon"),
    pytest.param("aiohttp", "notify", "aiohttp", id="aiohttp in notify, not in its Slack"),
    pytest.param("aiohttp", "providers", "aiohttp", id="aiohttp beside httpx"),
    pytest.param("alembic", "app", "alembic", id="alembic outside the store"),
    pytest.param("apscheduler", "observe", "apscheduler", id="apscheduler outside app"),
    pytest.param("httpx", "app", "httpx", id="httpx in app, not in compose"),
    pytest.param("httpx", "cli", "httpx", id="httpx in cli"),
    pytest.param("httpx", "notify", "httpx", id="httpx in notify, not in its webhooks"),
    pytest.param("msgspec", "store", "msgspec", id="msgspec outside providers"),
    pytest.param("prometheus", "observe", "prometheus_client", id="prometheus outside web"),
    pytest.param("psycopg", "app", "psycopg", id="psycopg outside the store"),
    pytest.param("pydantic", "model", "pydantic", id="pydantic in model"),
    pytest.param("pydantic", "providers", "pydantic", id="pydantic on the wire"),
    pytest.param("pydantic-settings", "cli", "pydantic_settings", id="settings outside app"),
    pytest.param("rich", "observe", "rich", id="rich in observe"),
    pytest.param("rich", "notify", "rich", id="rich in notify, not in its terminal"),
    pytest.param("ruamel", "app", "ruamel.yaml", id="ruamel outside policy"),
    pytest.param("slack-sdk", "app", "slack_sdk", id="slack_sdk outside notify"),
    pytest.param("slack-sdk", "notify", "slack_sdk", id="slack_sdk in notify, not in its Slack"),
    pytest.param("sqlalchemy", "report", "sqlalchemy", id="rows outside the store"),
    pytest.param("sqlalchemy", "app", "sqlalchemy", id="sqlalchemy in app, not in compose"),
    pytest.param("sqlmodel", "app", "sqlmodel", id="tables outside the store"),
    pytest.param("starlette", "app", "starlette", id="starlette in app"),
    pytest.param("starlette", "providers", "starlette", id="starlette beside the simulator"),
    pytest.param("time", "app", "time", id="time outside the clock"),
    pytest.param("typer", "app", "typer", id="typer outside cli"),
    pytest.param("uvicorn", "app", "uvicorn", id="uvicorn in app"),
    pytest.param("vl-convert", "app", "vl_convert", id="vl_convert in the daemon's own process"),
]


@pytest.fixture
def shape(tmp_path: Path) -> Path:
    """A checkout in which every layer is there, and empty."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "daemon" / "firewarden"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in (name for row in LAYERS for name in row):
        if name in MODULES:
            (package / f"{name}.py").touch()
        else:
            (package / name).mkdir()
            (package / name / "__init__.py").touch()
    return tmp_path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package itself."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "daemon", tmp_path / "daemon", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def break_it(checkout: Path, where: str, imported: str) -> None:
    """Let *where* import *imported*, in a module of its own where there can be one."""
    package = checkout / "daemon" / "firewarden"
    if where in MODULES:
        with (package / f"{where}.py").open("a", encoding="utf-8") as module:
            module.write(f"\nimport {imported}\n")
    else:
        text = f'"""Broken on purpose."""\n\nimport {imported}\n'
        (package / where / "broken_on_purpose.py").write_text(text, encoding="utf-8")


def lint_imports(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "lint-imports"), "--no-cache", "--no-logo", *options]
    environment = os.environ | {"PYTHONPATH": str(checkout / "daemon"), "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("untouched", ["shape", "copy"])
def test_what_is_untouched_keeps_every_contract(
    untouched: str, request: pytest.FixtureRequest
) -> None:
    linted = lint_imports(request.getfixturevalue(untouched))

    assert linted.returncode == 0, linted.stdout
    assert " 0 broken" in linted.stdout


def test_the_package_itself_can_be_broken(copy: Path) -> None:
    break_it(copy, "decide", "firewarden.store")

    linted = lint_imports(copy)

    assert linted.returncode == 1, linted.stdout
    assert "firewarden.decide is not allowed to import firewarden.store" in linted.stdout


@pytest.mark.parametrize(
    ("lower", "upper"), [pytest.param(*pair, id=f"{pair[0]} knows {pair[1]}") for pair in UPWARD]
)
def test_an_import_that_points_up_breaks_the_layers(shape: Path, lower: str, upper: str) -> None:
    break_it(shape, lower, f"firewarden.{upper}")

    linted = lint_imports(shape, "--contract", "layers")

    assert linted.returncode == 1, linted.stdout
    assert f"firewarden.{lower} is not allowed to import firewarden.{upper}" in linted.stdout


@pytest.mark.parametrize(
    ("one", "other"), [pytest.param(*pair, id=f"{pair[0]} knows {pair[1]}") for pair in SIDEWAYS]
)
def test_siblings_that_know_each_other_break_the_layers(shape: Path, one: str, other: str) -> None:
    break_it(shape, one, f"firewarden.{other}")

    linted = lint_imports(shape, "--contract", "layers")

    assert linted.returncode == 1, linted.stdout
    assert f"firewarden.{one} is not allowed to import firewarden.{other}" in linted.stdout


def test_a_package_that_is_no_layer_breaks_the_layers(shape: Path) -> None:
    helpers = shape / "daemon" / "firewarden" / "helpers"
    helpers.mkdir()
    (helpers / "__init__.py").touch()

    linted = lint_imports(shape, "--contract", "layers")

    assert linted.returncode == 1
    assert "firewarden.helpers" in linted.stdout


@pytest.mark.parametrize(("contract", "where", "library"), AWAY_FROM_HOME)
def test_a_library_away_from_its_home_breaks_its_contract(
    shape: Path, contract: str, where: str, library: str
) -> None:
    break_it(shape, where, library)

    linted = lint_imports(shape, "--contract", contract)

    assert linted.returncode == 1, linted.stdout
    assert f"-> {library.partition('.')[0]}" in linted.stdout


def test_every_contract_has_a_row_here(pyproject: dict[str, Any]) -> None:
    contracts = {entry["id"] for entry in pyproject["tool"]["importlinter"]["contracts"]}

    assert contracts == {"layers"} | {str(row.values[0]) for row in AWAY_FROM_HOME}


def test_the_layers_of_the_contract_are_those_of_this_table(pyproject: dict[str, Any]) -> None:
    contract = pyproject["tool"]["importlinter"]["contracts"][0]
    written = [tuple(name.strip(" ()") for name in row.split("|")) for row in contract["layers"]]

    assert tuple(written) == LAYERS
