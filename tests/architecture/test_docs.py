"""The documents say what is so."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import firewarden
from tests.architecture.conftest import ROOT
from tests.architecture.test_layout import makefile_targets

DOCUMENTS = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
)
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
FENCED = re.compile(r"^```\w*\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(make|firewarden) ([a-z][a-z-]*)\b")


def code(text: str) -> list[str]:
    """The lines of code blocks and the code spans of a document."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    return [line.strip() for block in blocks for line in block.splitlines()] + spans


def commands(program: str) -> list[str]:
    """Every command of *program* that the documents tell people to type."""
    texts = [(ROOT / path).read_text(encoding="utf-8") for path in DOCUMENTS]
    found = {
        tuple(match.groups()) for text in texts for match in map(COMMAND.match, code(text)) if match
    }
    return sorted(command for name, command in found if name == program)


def has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("target", commands("make"))
def test_every_make_target_in_the_documents_exists(root: Path, target: str) -> None:
    assert target in makefile_targets(root)


@pytest.mark.skipif(not has("firewarden.cli.main"), reason="there is no command line yet")
@pytest.mark.parametrize("command", commands("firewarden"))
def test_every_command_in_the_documents_exists(command: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "firewarden", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert asked.returncode == 0, asked.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_every_link_to_a_file_leads_somewhere(root: Path, document: Path) -> None:
    text = (root / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) + re.findall(
        r'src(?:set)?="([^"]+)"', text
    )
    files = [target for target in targets if "://" not in target]

    assert [file for file in files if not (root / document.parent / file).exists()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]

    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_why_what_and_at_what_price(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")

    assert text.startswith(f"# {int(decision.name[:4])}. ")
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
    ]
    assert len(text.splitlines()) <= 60, "an ADR is one page"


def test_the_changelog_tells_of_this_version(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"## {firewarden.__version__}" in text


@pytest.mark.skipif(not has("firewarden.app.settings"), reason="there are no settings yet")
def test_every_setting_is_documented_and_every_documented_setting_exists(root: Path) -> None:
    settings = importlib.import_module("firewarden.app.settings")

    text = (root / "docs" / "operating.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`((?:FIREWARDEN|FIREWORKS|SLACK)_[A-Z_]+)`", text))

    assert documented == set(variables(settings.Settings))


def variables(settings: Any) -> list[str]:
    """The environment variables of a pydantic-settings class."""
    prefix = settings.model_config.get("env_prefix", "")
    return [
        str(field.validation_alias or f"{prefix}{name}").upper()
        for name, field in settings.model_fields.items()
    ]
