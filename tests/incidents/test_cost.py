"""What went wrong with cost and budgets in other tools, each with an input that shows it: not here.

The families are those of docs/incidents.md; what a whole daemon has to show is in
tests/simulation/test_incident_costs.py.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from firewarden.decide.budget import window_of
from firewarden.metering.fold import Ledger
from firewarden.metering.periods import Period, midnight
from firewarden.metering.totals import Totals, total_of
from firewarden.policy.loading import load
from firewarden.policy.money import Budget
from firewarden.report.budgets import BudgetLine, BudgetsView, budgets_json, budgets_view
from tests.metering.builders import (
    CHAT,
    EVERY,
    NOTHING_REMEMBERED,
    START,
    Shelf,
    a_fleet,
    a_segment,
    after,
)
from tests.metering.stories import Story
from tests.providers.fireworks.stage import Stage, pages
from tests.providers.fireworks.stage import a_deployment as on_the_wire

HOUR, DAY = 3_600, 86_400
USD_PER_HOUR = Decimal(64)
"""Of one replica of eight H100 GPUs."""

ZONES = (
    "America/New_York", "Asia/Kolkata", "Asia/Shanghai", "Australia/Lord_Howe", "Europe/Berlin",
    "Pacific/Auckland",
)  # fmt: skip
each_zone = pytest.mark.parametrize("zone", ZONES)


def a_budget(zone: str, per: str) -> Budget:
    text = f"""\
version: 1
timezone: {zone}
budgets: {{all: {{scope: {{all: true}}, limit: {{usd: 9000, per: {per}}}, \
thresholds: [{{at: 80%, do: warn}}]}}}}
"""
    return load({"p.yaml": text}).budgets[0]


def windows(budget: Budget, since: datetime, until: datetime) -> Iterator[Period]:
    """Every window that somebody who keeps looking sees, from *since* to *until*."""
    while since < until:
        window = window_of(budget, since)
        assert window is not None
        assert window.since <= since < window.until
        yield window
        since = window.until


def held(since: float, until: float | None, *, confirmed: float) -> Shelf:
    """One replica in that stretch, in a ledger whose newest listing is of *confirmed*."""
    shelf, segment = Shelf(), a_segment(since, until)
    shelf.segments[segment.uid, segment.started] = segment
    shelf.put_poll(a_fleet(confirmed))
    return shelf


@each_zone
@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_incident_C_time_zones_local_windows_add_up_to_the_range(zone: str, per: str) -> None:
    """August to December: clocks are changed once in each zone that changes them."""
    first, last = (midnight(date(2027, month, 1), ZoneInfo(zone)) for month in (8, 12))
    begin = (first - START).total_seconds()
    end = (last - START).total_seconds()
    shelf = held(begin - 9 * DAY, end + 9 * DAY, confirmed=end + 20 * DAY)
    found = list(windows(a_budget(zone, per), first, last))

    parts = [total_of(shelf.measure(each.since, each.until)) for each in found]
    whole = total_of(shelf.measure(found[0].since, found[-1].until))

    assert all(one.until == other.since for one, other in pairwise(found))
    assert sum(parts, Totals()) == whole
    assert [part.usd for part in parts] == [
        USD_PER_HOUR * (each.length // timedelta(minutes=1)) / 60 for each in found
    ]


@each_zone
def test_incident_C_time_zones_what_people_read_is_what_is_counted(zone: str) -> None:
    budget, now = a_budget(zone, "week"), datetime(2026, 11, 24, 12, tzinfo=UTC)
    window = window_of(budget, now)
    assert window is not None
    zero = Decimal(0)
    shown = BudgetLine(
        budget=budget.name, value="", window=window.label, since=window.since, until=window.until,
        unit="USD", limit=Decimal(9000), spent=zero, low=zero, high=zero, unpriced_gpu_hours=zero,
        burn_per_hour=Decimal(9000), if_nothing_changes=zero, runs_out_at=now,
    )  # fmt: skip
    view = BudgetsView(account="acme", at=now, timezone=zone, problem="", lines=(shown,))
    console = Console(width=300)
    with console.capture() as captured:
        console.print(budgets_view(view))
    told = budgets_json(view)["budgets"]
    assert isinstance(told, list)

    since = datetime.fromisoformat(str(told[0]["from"])).astimezone(ZoneInfo(zone))
    assert (since.isoweekday(), f"{since:%H:%M}") == (1, "00:00")
    assert f"{since:%G-W%V}" == window.label
    here = now.astimezone(ZoneInfo(zone))
    # As of when, and when it runs out.
    assert captured.get().count(f"{here:%Y-%m-%d %H:%M}") == 2


@pytest.mark.parametrize("months", [1, 2, 14], ids="{} months down".format)
def test_incident_C_budgets_never_reset_a_window_is_computed(months: int) -> None:
    """Nothing has to run when a window begins, and nothing is taken off when it does."""
    budget = a_budget("Europe/Berlin", "month")
    spent = total_of(held(0, HOUR, confirmed=2 * HOUR).measure(START, after(2 * HOUR)))
    back = after(months * 31 * DAY)
    since = (back - START).total_seconds()
    shelf = held(0, HOUR, confirmed=2 * HOUR)
    later = a_segment(since, since + HOUR)
    shelf.segments[later.uid, later.started] = later
    shelf.put_poll(a_fleet(since + 2 * HOUR))

    then, now = window_of(budget, START), window_of(budget, back)

    assert then is not None
    assert now is not None
    assert then.until <= now.since
    assert total_of(shelf.measure(then.since, then.until)) == spent
    assert total_of(shelf.measure(now.since, now.until)).usd == USD_PER_HOUR


def test_incident_C_reset_mistimes_another_length_of_the_window_changes_no_dollar() -> None:
    """The same hours are spent by the day and by the month: only what they are held to differs."""
    shelf, now = held(0, 5 * HOUR, confirmed=6 * HOUR), after(6 * HOUR)

    found = {per: window_of(a_budget("UTC", per), now) for per in ("day", "week", "month")}

    for window in found.values():
        assert window is not None
        assert total_of(shelf.measure(window.since, now)).usd == 5 * USD_PER_HOUR


async def test_incident_C_double_counting_one_told_twice_is_counted_once() -> None:
    chat, other = on_the_wire("chat"), on_the_wire("other")
    fleets = [
        await Stage(play).account.fetch_fleet()
        for play in (pages([chat], [other]), pages([chat], [chat, other]))
    ]

    once, twice = (dict(fleet.deployments) for fleet in fleets)

    assert once == twice
    assert (fleets[0].complete, fleets[1].complete) == (True, False)
    ledger = Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
    for fleet in fleets:
        ledger.fold_fleet(fleet)
    assert len(ledger.open_segments) == len(once)


@given(seed=st.integers(0, 2**32), since=st.integers(0, 10**6), length=st.integers(1, 10**6))
def test_incident_C_double_counting_idle_is_never_negative_nor_more_than_there_was(
    seed: int, since: int, length: int
) -> None:
    """Of each, of any stretch; and the parts of a filter are the parts of the whole."""
    story = Story(seed).play(4)
    begin = START + timedelta(milliseconds=since)
    rows = story.shelf.measure(begin, begin + timedelta(milliseconds=length))

    for row in rows:
        assert min(row.idle_ms, row.unknown_ms, row.gap_ms) >= 0
        assert row.idle_ms + row.unknown_ms + row.gap_ms <= row.gpu_ms
    by_uid = [total_of(row for row in rows if row.uid == uid) for uid in {row.uid for row in rows}]
    assert sum(by_uid, Totals()) == total_of(rows)


@pytest.mark.parametrize("minutes", [2, 10, 60, 600])
def test_incident_C_missing_data_never_reads_as_cheap(minutes: int) -> None:
    """The same day with and without an outage: never less at most, never less in the middle."""

    def day(*missed: range) -> Totals:
        shelf, ledger = Shelf(), Ledger(NOTHING_REMEMBERED, poll_every=EVERY)
        for at in range(0, 16 * HOUR, 30):
            if not any(at in each for each in missed):
                shelf.put_poll(a_fleet(at, CHAT))
                shelf.put(ledger.fold_fleet(a_fleet(at, CHAT)))
        return total_of(shelf.measure(START, after(15 * HOUR)))

    watched, blind = day(), day(range(HOUR, HOUR + 60 * minutes))

    assert blind.usd_high > watched.usd_high
    assert blind.usd == watched.usd
    assert blind.usd_low < watched.usd_low
    assert blind.gap_ms >= 8 * 60_000 * minutes
    assert not watched.gap_ms


@pytest.mark.parametrize("hours", [1, 15, 24 * 90], ids="{} hours later".format)
def test_incident_C_endless_cost_ends_with_the_last_that_was_seen(hours: int) -> None:
    """Whoever asks later of what nobody has looked at since is not told that it went on."""
    shelf = held(0, None, confirmed=2 * HOUR)

    found = total_of(shelf.measure(START, after((2 + hours) * HOUR)))

    assert found.usd == 2 * USD_PER_HOUR
    assert found == total_of(shelf.measure(START, after(2 * HOUR)))
