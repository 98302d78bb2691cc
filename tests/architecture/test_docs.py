"""The documents say what is so."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import firewarden
from firewarden.app import settings
from firewarden.web.metrics import Exposition
from tests.architecture.conftest import ROOT
from tests.architecture.test_layout import makefile_targets

DOCUMENTS = sorted(
    path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
)
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
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


@pytest.mark.parametrize("target", commands("make"))
def test_every_make_target_in_the_documents_exists(root: Path, target: str) -> None:
    assert target in makefile_targets(root)


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


def operating(root: Path) -> str:
    return (root / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_and_every_documented_setting_exists(root: Path) -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", operating(root), flags=re.MULTILINE))

    assert documented == set(settings.VARIABLES)


def test_settings_of_the_file_alone_are_documented(root: Path) -> None:
    in_file_only = set(settings.Settings.model_fields) - set(settings.FIELDS.values())

    assert [name for name in in_file_only if f"`{name}`" not in operating(root)] == []


def test_the_documented_settings_file_is_accepted(root: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", operating(root), flags=re.DOTALL)
    key = tmp_path / "key"
    key.write_text("secret-of-the-example", encoding="utf-8")
    file = tmp_path / "firewarden.toml"
    file.write_text(example.replace("/run/secrets/serving_key", str(key)), encoding="utf-8")

    variables = {"RESEARCH_KEY": "another-secret", "RESEARCH_WRITE_KEY": "a-third-one"}
    loaded = settings.load_settings(file, variables, dotenv=None)

    assert loaded.warnings == ()
    assert [account.id for account in loaded.settings.accounts] == ["research", "serving"]


@pytest.mark.parametrize("name", ["Dockerfile", "deploy/compose.yaml"])
def test_the_image_and_the_compose_file_set_what_is_a_setting(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    used = set(re.findall(r"\b((?:FIREWARDEN|FIREWORKS)_[A-Z_]+)\s*[=:] ?\S", text))

    assert used
    assert used <= set(settings.VARIABLES)


def test_every_metric_is_documented(root: Path) -> None:
    exposed = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in Exposition().collect()
    }
    documented = set(re.findall(r"^\| `(firewarden_\w+)` \|", operating(root), flags=re.MULTILINE))

    assert documented == exposed


def test_every_event_of_the_log_is_documented(root: Path) -> None:
    text = operating(root)

    assert [event for event in sorted(logged_events(root)) if f"`{event}`" not in text] == []


def logged_events(root: Path) -> set[str]:
    """The text of each first argument of a logging method, wherever structlog is used."""
    events: set[str] = set()
    for path in (root / "daemon").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "structlog" not in source:
            continue
        calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
        for call in calls:
            if isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS and call.args:
                events |= {
                    leaf.value
                    for leaf in ast.walk(call.args[0])
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                }
    return events


def test_the_first_policy_of_the_readme_is_valid(root: Path, tmp_path: Path) -> None:
    (policy,) = re.findall(
        r"```yaml\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    file = tmp_path / "first.yaml"
    file.write_text(policy, encoding="utf-8")

    validated = subprocess.run(
        [sys.executable, "-m", "firewarden", "validate", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert validated.returncode == 0, validated.stderr + validated.stdout
