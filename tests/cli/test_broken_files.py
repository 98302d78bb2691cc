"""`validate` on files that are broken in ways of their own: bytes, sizes, depths, links."""

from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

GOOD = """\
version: 1
policies:
  idle-to-zero:
    match: {name: "exp-*"}
    when: {idle_for: 45m}
    stages: [warn, {wait: 15m}, scale_to_zero]
"""
DEEP = 5_000


def wrong(before: str, after: str) -> bytes:
    """The good file with one thing in it replaced."""
    return GOOD.replace(before, after).encode()


@pytest.mark.parametrize(
    ("data", "told", "line", "caret"),
    [
        pytest.param(
            wrong("    when", "\twhen"),
            "5:1: error: not YAML: a tab stands in the indentation (indent with spaces)",
            "→when: {idle_for: 45m}",
            "^",
            id="a tab",
        ),
        pytest.param(
            b"\xef\xbb\xbf" + wrong("version", "verison"),
            "1:1: error: unknown key `verison` (did you mean version?)",
            "verison: 1",
            "^",
            id="a typo behind a byte order mark",
        ),
        pytest.param(
            GOOD.replace("exp-*", "Zürich").encode("latin-1"),
            "4:21: error: not UTF-8 (save the file as UTF-8)",
            '    match: {name: "Z\ufffdrich"}',
            "                    ^",
            id="Latin-1",
        ),
        pytest.param(
            wrong("    when", "    match: {all: true}\n    when"),
            "5:5: error: `match` is given twice, first on line 4 (keep one of the two)",
            "    match: {all: true}",
            "    ^",
            id="a key twice",
        ),
        pytest.param(
            wrong('name: "exp-*"', "min_replicas: 0755"),
            "4:27: error: a whole number is expected (without quotes)",
            "    match: {min_replicas: 0755}",
            "                          ^",
            id="an octal number",
        ),
        pytest.param(
            wrong("45m", "45 minutes"),
            "5:22: error: not a duration (did you mean 45m?)",
            "    when: {idle_for: 45 minutes}",
            "                     ^",
            id="a duration in words",
        ),
        pytest.param(
            wrong("45m", "1e3d"),
            "5:22: error: not a duration (write a whole number and a unit, for example 90s, 45m, "
            "12h, 14d or 2w)",
            "    when: {idle_for: 1e3d}",
            "                     ^",
            id="a duration with an exponent",
        ),
        pytest.param(
            b"", "1:1: error: the file is empty (begin with `version: 1`)", "", "^", id="empty"
        ),
        pytest.param(
            GOOD.encode() + b"#" * 65_536,
            "1:1: error: the file is larger than 64 KiB (split it: a folder is one document)",
            "version: 1",
            "^",
            id="too large",
        ),
        pytest.param(
            b"version: 1\na: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
            "2:4: error: anchors and aliases are not read (write it out where it is used; "
            'a pattern stands in quotes: "*-dev")',
            "a: &a [x, x]",
            "   ^",
            id="aliases of aliases",
        ),
        pytest.param(
            b"version: 1\npolicies: " + b"[" * DEEP + b"]" * DEEP,
            "2:30: error: nested deeper than 20 levels (no policy needs so many)",
            "policies: " + "[" * 90 + "…",
            " " * 29 + "^",
            id="a deep list",
        ),
        pytest.param(
            b"version: 1\npolicies: " + b"{a: " * DEEP + b"}" * DEEP,
            "2:87: error: nested deeper than 20 levels (no policy needs so many)",
            "…" + ("policies: " + "{a: " * DEEP)[26:126] + "…",
            " " * 61 + "^",
            id="a deep map",
        ),
        pytest.param(
            GOOD.replace("match:", "mach:").replace("\n", "\r\n").encode(),
            "4:5: error: unknown key `mach` (did you mean match?)",
            '    mach: {name: "exp-*"}',
            "    ^",
            id="line ends of Windows",
        ),
        pytest.param(
            wrong('{name: "exp-*"}', '{display_name: "実験 🧪", stat: READY}'),
            "4:35: error: unknown key `stat` (did you mean state?)",
            '    match: {display_name: "実験 🧪", stat: READY}',
            " " * 37 + "^",
            id="letters of two columns",
        ),
    ],
)
def test_a_broken_file_is_told_in_one_line_and_the_line_it_is_about(
    invoke: Invoke, folder: Path, data: bytes, told: str, line: str, caret: str
) -> None:
    (folder / "idle.yaml").write_bytes(data)

    result = invoke("validate", "idle.yaml")

    number = told.partition(":")[0]
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        f"idle.yaml:{told}",
        f"  {number} | {line}".rstrip(),
        f"  {' ' * len(number)} | {caret}",
    ]
    assert result.stderr == "1 policy file, 1 error\n"


def test_a_byte_order_mark_is_no_mistake(invoke: Invoke, folder: Path) -> None:
    (folder / "idle.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())

    assert invoke("validate", "idle.yaml").exit_code == 0


def test_a_file_that_is_no_utf_8_does_not_hide_what_is_wrong_in_another(
    invoke: Invoke, folder: Path
) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "a.yaml").write_bytes(b"\xff")
    (folder / "policies" / "b.yaml").write_bytes(wrong("match:", "mach:"))

    result = invoke("validate")

    assert [line for line in result.stdout.splitlines() if "error" in line] == [
        "policies/a.yaml:1:1: error: not UTF-8 (save the file as UTF-8)",
        "policies/b.yaml:4:5: error: unknown key `mach` (did you mean match?)",
    ]


@pytest.mark.parametrize(
    ("notify", "shown"),
    [
        pytest.param("{webhook: https://a.example/in}", "{webhook: *******", id="an address"),
        pytest.param("{webhook: 'env:A', secret: 'a, b'}", "'env:A', secret: ****", id="in quotes"),
        pytest.param("{webhook: 'env:A', secrt: sesame}", "'env:A', secrt: ****", id="a typo"),
        pytest.param("\n    webhook: a.example,1234}", "webhook: *******", id="with a comma"),
        pytest.param("{slack: xoxb-1234-5678}", "{slack: *******", id="a token for a channel"),
        pytest.param("\n    webhook: 'env:A'\n    secret:\n      sesame", "   ******", id="below"),
    ],
)
def test_a_line_that_holds_a_secret_is_covered(
    invoke: Invoke, folder: Path, notify: str, shown: str
) -> None:
    (folder / "routes.yaml").write_text(f"version: 1\nnotify:\n  one: {notify}\n")

    result = invoke("validate", "routes.yaml")

    assert result.exit_code == 2
    assert shown in result.stdout
    for secret in ("a.example", "a, b", "sesame", "1234"):
        assert secret not in result.output


def test_a_mounted_config_map_is_read(invoke: Invoke, folder: Path) -> None:
    """Kubernetes mounts one as links to links, so that all files change at once."""
    policies = folder / "policies"
    (policies / "..2026_11_22").mkdir(parents=True)
    (policies / "..2026_11_22" / "idle.yaml").write_bytes(wrong("match:", "mach:"))
    (policies / "..data").symlink_to("..2026_11_22")
    (policies / "idle.yaml").symlink_to("..data/idle.yaml")

    result = invoke("validate")

    assert result.exit_code == 2
    assert result.stdout.startswith("policies/idle.yaml:4:5: error: unknown key `mach`")
    assert result.stderr == "1 policy file, 1 error\n"


@pytest.mark.parametrize("target", ["../key", "/etc/hostname"])
def test_a_link_out_of_the_folder_is_not_followed(
    invoke: Invoke, folder: Path, target: str
) -> None:
    """What it leads to would be printed, and who may add a link need not be allowed to read it."""
    (folder / "key").write_text("secret-of-the-test: [")
    (folder / "policies").mkdir()
    (folder / "policies" / "idle.yaml").symlink_to(target)

    result = invoke("validate")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: policies/idle.yaml:1:1: leads out of its folder "
        "(copy the file, or name it by itself)\n"
    )


@pytest.mark.parametrize("target", ["idle.yaml", "nowhere.yaml"])
def test_a_link_that_leads_nowhere_is_one_line(invoke: Invoke, folder: Path, target: str) -> None:
    (folder / "policies").mkdir()
    (folder / "policies" / "idle.yaml").symlink_to(target)

    result = invoke("validate")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: policies/idle.yaml: cannot be read (")
    assert result.stderr.count("\n") == 1
