"""Commands run as a person runs them: in an empty folder, without a setting of this machine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firewarden.cli.main import app
from tests.cli.processes import OURS, Simulator, simulating

Invoke = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith(OURS)]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def invoke() -> Invoke:
    """Run one command; variables are given by keyword."""
    runner = CliRunner()

    def run(*arguments: str, **environment: str) -> Result:
        return runner.invoke(app, list(arguments), env=environment, catch_exceptions=False)

    return run


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One simulated account for all tests that only read it, an hour a minute."""
    with simulating(tmp_path_factory.mktemp("simulator"), "--speed", "60") as served:
        yield served
