"""The command line as a whole: help, exit codes, and how light it is."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from firewarden import __version__
from firewarden.cli.main import Commands, app
from firewarden.errors import FirewardenError, KeyRefused, StoreUnavailable, UserError
from tests.cli.conftest import Invoke

HEAVY = {
    "alembic",
    "apscheduler",
    "httpx",
    "msgspec",
    "prometheus_client",
    "psycopg",
    "pydantic",
    "pydantic_settings",
    "rich",
    "ruamel",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "structlog",
    "uvicorn",
    "asyncio",
}


def names(group: object, *before: str) -> Iterator[tuple[str, ...]]:
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, TyperGroup):
            yield from names(command, *before, name)


COMMANDS = sorted(names(typer.main.get_command(app)))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_shows_an_example(invoke: Invoke, command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")

    assert result.exit_code == 0
    assert f"  firewarden {' '.join(command)}" in result.stdout


def test_the_version_is_printed(invoke: Invoke) -> None:
    assert invoke("--version").stdout == f"firewarden {__version__}\n"


def test_a_mistyped_command_is_the_callers_fault(invoke: Invoke) -> None:
    result = invoke("statsu")

    assert result.exit_code == 2
    assert "status" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(UserError("x"), 2, id="theirs"),
        pytest.param(StoreUnavailable("x"), 1, id="the world's"),
        pytest.param(KeyRefused("x"), 2, id="a refused key"),
    ],
)
def test_an_error_is_one_line_and_has_the_exit_code_of_its_kind(
    error: FirewardenError, code: int
) -> None:
    broken = typer.Typer(cls=Commands, rich_markup_mode=None)

    @broken.command()
    def fail() -> None:
        raise error

    @broken.command()
    def other() -> None: ...

    result = CliRunner().invoke(broken, ["fail"])

    assert (result.exit_code, result.stderr, result.stdout) == (code, "error: x\n", "")


def imported_by(*arguments: str) -> set[str]:
    """Top-level modules that a whole process imports."""
    script = (
        "import sys, runpy\n"
        f"sys.argv = ['firewarden', *{list(arguments)!r}]\n"
        "try:\n    runpy.run_module('firewarden', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(name.partition('.')[0] for name in sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_help_imports_nothing_heavy() -> None:
    assert imported_by("--help") & HEAVY == set()
    assert imported_by("report", "--help") & HEAVY <= {"pydantic"}


def test_validate_imports_only_what_reads_policies(tmp_path: object) -> None:
    heavy = imported_by("validate", f"{tmp_path}") & HEAVY

    assert heavy <= {"pydantic", "ruamel"}
