"""The page of results keeps what a run did not measure, and says of each row when it was."""

from benchmarks.figures import Figure
from benchmarks.results import page


def figure(name: str, value: float, *, what: str = "it") -> Figure:
    return Figure(name=name, what=what, value=value, target=1.0, details="of 9")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| P")]


def test_a_run_puts_its_rows_in_place_of_the_older_ones_in_the_order_of_their_names() -> None:
    first = page(
        [figure("P2", 0.5), figure("P2", 0.6, what="more"), figure("P10", 2.0)],
        "", measured="monday, abc", machine="a machine",
    )  # fmt: skip
    second = page(
        [figure("P2", 0.7), figure("P9", 0.1)], first, measured="friday, def", machine="another"
    )

    assert rows(second) == [
        "| P2 | it | 0.70 x | ≤ 1.00 x | ok | of 9 | friday, def |",
        "| P9 | it | 0.10 x | ≤ 1.00 x | ok | of 9 | friday, def |",
        "| P10 | it | 2.00 x | ≤ 1.00 x | **missed** | of 9 | monday, abc |",
    ]
    assert "**1 of 3 missed**" in second
    assert "the newest are of another" in second


def test_where_nothing_is_missed_it_says_so() -> None:
    assert "**all targets met**" in page([figure("P1", 0.5)], "", measured="", machine="")
