"""docs/errors.md shows what is printed, letter by letter."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_POLICY = README.partition("```yaml\n")[2].partition("```")[0]
SHOWN = re.findall(
    r"^```diff\n(.*?)^```\n\n^```text\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL
)


def changed(diff: str) -> str:
    """The first policy with the lines of *diff*."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert FIRST_POLICY.count(before) == 1
    return FIRST_POLICY.replace(before, after)


def test_there_is_a_typo_of_each_kind() -> None:
    assert re.findall(r"^### An? (\w+)$", PAGE, flags=re.MULTILINE) == [
        *("key", "verb", "duration", "zone", "name")
    ]
    assert len(SHOWN) == PAGE.count("```diff") == PAGE.count("```text") == 8


@pytest.mark.parametrize(("diff", "printed"), SHOWN)
def test_what_the_page_shows_is_printed(
    invoke: Invoke, folder: Path, diff: str, printed: str
) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "idle.yaml").write_text(changed(diff), encoding="utf-8")

    result = invoke("validate")

    assert result.exit_code == 2
    assert result.stdout + result.stderr == printed
