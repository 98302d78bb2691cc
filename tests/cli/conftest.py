"""Commands run as a person runs them: in an empty folder, without a setting of this machine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from firewarden.cli.main import app

Invoke = Callable[..., Result]
OURS = ("FIREWARDEN_", "FIREWORKS_", "SLACK_")


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
