"""The checkout, read as data."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """Every file under version control, by its path in the checkout."""
    # Another user's checkout is as good as ours to read.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    names = filter(None, listing.stdout.split("\0"))
    return [Path(name) for name in names if (ROOT / name).is_file()]
