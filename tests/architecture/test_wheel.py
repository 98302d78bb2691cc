"""What is in the wheel."""

import re
import subprocess
import sys
import zipfile
from email.parser import Parser

import pytest

from tests.architecture.conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from the checkout by the locked hatchling, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*command, "--directory", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_everything_in_the_wheel_is_ours_and_in_one_package(wheel: zipfile.ZipFile) -> None:
    """Above all no `.pth`, which would run at every start of every Python."""
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    assert {re.sub(r"-[\d.]+\d", "", top) for top in tops} == {"firewarden", "firewarden.dist-info"}
    assert [name for name in wheel.namelist() if name.endswith((".pth", ".db"))] == []


def test_the_shipped_policies_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    shipped = {f"firewarden/_policies/{path.name}" for path in (ROOT / "policies").iterdir()}

    assert shipped <= set(wheel.namelist())


def test_every_module_of_the_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    daemon = ROOT / "daemon"
    modules = {str(path.relative_to(daemon)) for path in daemon.rglob("*.py")}

    assert modules <= set(wheel.namelist())
    assert "firewarden/py.typed" in wheel.namelist()


def test_the_wheel_brings_its_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    (scripts,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    fields = Parser().parsestr(wheel.read(metadata).decode())

    assert fields["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
    assert "firewarden = firewarden.cli.main:main" in wheel.read(scripts).decode()
