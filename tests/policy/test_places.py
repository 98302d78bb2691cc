from decimal import Decimal

import pytest

from firewarden.policy.places import MAX_BYTES, MAX_DEPTH, parse_tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("20:00", "20:00", id="a time is text, not 1200"),
        pytest.param("08:00", "08:00", id="every time is text"),
        pytest.param("off", "off", id="off is text, not false"),
        pytest.param("NO", "NO", id="Norway is text"),
        pytest.param("0755", "0755", id="a leading zero is text, not 493 and not 755"),
        pytest.param("1_000", "1_000", id="underscores make text"),
        pytest.param("0x1f", "0x1f", id="hexadecimal is text"),
        pytest.param("1e3", "1e3", id="exponents are text"),
        pytest.param(".inf", ".inf", id="infinity is text"),
        pytest.param(".nan", ".nan", id="not-a-number is text"),
        pytest.param("2026-12-15", "2026-12-15", id="a date is text"),
        pytest.param("12", 12, id="a whole number"),
        pytest.param("-3", -3, id="a negative number"),
        pytest.param("12.50", Decimal("12.50"), id="money keeps its cents"),
        pytest.param('"12"', "12", id="quotes make text"),
        pytest.param("true", True, id="true"),
        pytest.param("~", None, id="null"),
        pytest.param("9" * 30, "9" * 30, id="an absurd number is text"),
    ],
)
def test_scalars_are_yaml_1_2(text: str, expected: object) -> None:
    tree = parse_tree("a.yaml", f"key: {text}\n")

    assert tree.data == {"key": expected}
    assert tree.problems == []


def test_every_key_and_value_knows_its_place() -> None:
    tree = parse_tree("a.yaml", "one:\n  two: [x, y]\n")

    assert tree.keys["one", "two"] == (2, 3)
    assert tree.values["one", "two", 1] == (2, 12)
    assert tree.place(("one", "two", 9, "deeper")) == (2, 8)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", (3, 1), "twice, first on line 1", id="duplicate key"),
        pytest.param("a: &x 1\nb: *x\n", (1, 4), "anchors and aliases", id="anchor"),
        pytest.param("a: *x\n", (1, 4), "anchors and aliases", id="alias"),
        pytest.param("a: !!str 1\n", (1, 4), "tags are not read", id="tag"),
        pytest.param("a: !!python/object:os.system x\n", (1, 4), "tags", id="dangerous tag"),
        pytest.param("<<: {a: 1}\n", (1, 1), "merge keys", id="merge key"),
        pytest.param("? [a]\n: 1\n", (1, 3), "a key must be text", id="a list as key"),
        pytest.param("%YAML 1.1\n---\na: 1\n", (2, 1), "only YAML 1.2", id="YAML 1.1 asked for"),
        pytest.param("a: 1\n---\nb: 2\n", (2, 1), "second document", id="two documents"),
        pytest.param("a: [1\n", (2, 1), "not YAML", id="an open bracket"),
        pytest.param("a: 1\n\tb: 2\n", (2, 1), "not YAML", id="a tab"),
        pytest.param("\0", (1, 1), "not YAML", id="a null byte"),
        pytest.param("\ud800", (1, 1), "not YAML", id="half a character"),
        pytest.param("[" * 21 + "]" * 21, (1, 21), "nested deeper", id="nested too deep"),
        pytest.param("# " + "x" * MAX_BYTES, (1, 1), "larger than 64 KiB", id="too large"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    text: str, place: tuple[int, int], message: str
) -> None:
    (problem,) = parse_tree("a.yaml", text).problems

    assert (problem.line, problem.column) == place
    assert message in problem.message


def test_depth_and_size_are_allowed_up_to_the_limit() -> None:
    depth = MAX_DEPTH - 1
    assert parse_tree("a.yaml", "[" * depth + "]" * depth).problems == []
    assert parse_tree("a.yaml", "#" + "x" * (MAX_BYTES - 1)).problems == []


def test_size_counts_bytes_not_letters() -> None:
    (problem,) = parse_tree("a.yaml", "# " + "ü" * (MAX_BYTES // 2)).problems

    assert "larger" in problem.message
