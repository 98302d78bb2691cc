"""Forty days with a bill that comes late and is revised: the books agree with it, to the second."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from firewarden.app.accepting import accept_day
from firewarden.app.compose import open_database
from firewarden.app.people import Desk
from firewarden.app.settings import load_settings
from firewarden.app.trueup import open_books
from firewarden.app.usage import read_report
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.metering.billed import SECOND_MS, Day, Key
from firewarden.metering.totals import Totals
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.trueup import DayState
from firewarden.providers.simulated.faults import Faults, parse_faults
from firewarden.providers.simulated.fleet_parts import (
    B200,
    H100,
    H200,
    fields,
    flow,
    own_model,
)
from firewarden.providers.simulated.patterns import Bursts, Waves
from firewarden.providers.simulated.plan import BillPlan, DeploymentPlan, NewPrice
from firewarden.providers.simulated.world import World
from firewarden.report.usage import Figures, UsageState
from firewarden.store.bill import read_bill
from firewarden.store.notices import read_firing
from firewarden.store.trueup import read_adjustments, read_verdicts
from tests.simulation.stages import EMPTY_LEDGER, HOUR, KEY, MINUTE, account_of
from tests.support.daemon import SlowTicker, Stage, a_stage, ledger_of, running

DAYS = 40
DAY = timedelta(days=1)
START = datetime(2026, 11, 2, 9, 20, tzinfo=UTC)
"""A Monday morning in Berlin: the day of the first poll is watched in part."""

FIRST = date(2026, 11, 2)
AGE = timedelta(days=5)
OUTAGE = date(2026, 11, 9)
DEARER = date(2026, 12, 1)
LATE = BillPlan(
    appears_after=timedelta(hours=48),
    revised_after=timedelta(hours=63),
    new_prices=(NewPrice(accelerator_type=B200, usd="14.50", day=DEARER),),
)
FAULTS = """
[[fault]]
kind = "server-error"
from = "2026-11-09T08:00:00Z"
to = "2026-11-09T14:30:00Z"
"""


WRONG = date(2026, 11, 20)
CONFIG = """
timezone = "Europe/Berlin"
[prices]
NVIDIA_H200_141GB = [
  { usd_per_gpu_hour = "11.25", valid_from = 2026-11-20, valid_to = 2026-11-21 },
]
"""


def fleet() -> tuple[DeploymentPlan, ...]:
    """Replicas that come and go, one that is created again, what is not billed or not priced."""
    return (
        DeploymentPlan(
            deployment_id="chat",
            fields=fields(H100, 8, (1, 3), model=own_model("chat")),
            age=AGE,
            flows=flow(Waves(per_minute=(50, 130), hours=(5, 9))),
        ),
        DeploymentPlan(
            deployment_id="nightly",
            fields=fields(B200, 4, (0, 1), model=own_model("nightly")),
            age=AGE,
            flows=flow(Bursts(per_day=2, minutes=(60, 200), per_minute=20)),
        ),
        DeploymentPlan(
            deployment_id="again",
            fields=fields(H200, 2, (1, 1), model=own_model("again")),
            age=AGE,
            recreated=timedelta(days=12, hours=5),
        ),
        DeploymentPlan(
            deployment_id="onprem",
            fields=fields(H100, 4, (1, 1), model=own_model("onprem")),
            age=AGE,
            cluster="berlin",
        ),
        DeploymentPlan(
            deployment_id="cheap",
            fields=fields(H200, 1, (1, 1), model=own_model("cheap"), preemptible=True),
            age=AGE,
            vanishes=timedelta(days=20, hours=3),
        ),
    )


def a_life(
    clock: VirtualClock,
    folder: Path,
    *,
    seed: int,
    deployments: Sequence[DeploymentPlan],
    bill: BillPlan,
    faults: str = "",
    config: str = 'timezone = "Europe/Berlin"',
    polled: str = "1h",
    policies: str = "",
) -> Stage:
    """Put an account in Berlin under a daemon that looks now and then, and has no policy."""
    (folder / "policies").mkdir()
    if policies:
        (folder / "policies" / "all.yaml").write_text(policies, encoding="utf-8")
    file = folder / "firewarden.toml"
    file.write_text(config, encoding="utf-8")
    account = replace(account_of(deployments), bill=bill)
    environ = {
        "FIREWORKS_API_KEY": KEY,
        "FIREWORKS_BASE_URL": "http://127.0.0.1:1",
        "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / EMPTY_LEDGER}",
        "FIREWARDEN_POLICIES": str(folder / "policies"),
        "FIREWARDEN_POLL_EVERY": polled,
        "FIREWARDEN_METRICS_EVERY": "12h",
    }
    return a_stage(
        World(account, seed=seed, start=clock.now()),
        clock,
        load_settings(file, environ, dotenv=None).settings,
        faults=parse_faults(faults) if faults else Faults(()),
    )


def alive(stage: Stage, *, seed: int = 1) -> AbstractAsyncContextManager["asyncio.Task[None]"]:
    """Run the daemon of *stage*, its bells as far apart as a month allows."""
    ticker = SlowTicker(stage.clock, {"": 6 * HOUR, "poll": MINUTE, "bill": 8 * HOUR})
    return running(stage, seed=seed, leased_for=2 * DAYS * DAY, ticker=ticker)


def look(stage: Stage, day: date) -> Day:
    """Read one day from both sides, as the daemon does."""
    with ledger_of(stage) as ledger:
        return open_books(ledger).day(day)


def told(stage: Stage, kind: str) -> list[tuple[str, str, bool]]:
    """List what was told of *kind*: of which day or GPU, why, whether it is over."""
    return [
        (each.facts.get("day", ""), each.facts.get("cause", ""), each.resolved)
        for each in stage.heard.notices
        if each.kind == kind
    ]


@dataclass
class Tally:
    """Deployment-days, and how many of their adjustments lie in the bounds told before."""

    count: int = 0
    inside: int = 0

    def add(self, before: Totals, adjustment_ms: int) -> None:
        self.count += 1
        low, high = before.low_ms - before.gpu_ms, before.high_ms - before.gpu_ms
        self.inside += low - SECOND_MS <= adjustment_ms <= high + SECOND_MS


def demand_books_agree(stage: Stage, before: Mapping[date, Day]) -> Tally:
    """On every settled day the bill is what was metered and what was added, to the millisecond."""
    tally = Tally()
    with ledger_of(stage) as ledger:
        books = open_books(ledger)
        last = FIRST + timedelta(days=DAYS)
        verdicts = read_verdicts(ledger.session, ledger.account, first=FIRST, last=last)
        settled = [day for day, each in verdicts.items() if each.state is not DayState.OPEN]
        assert settled == [FIRST + number * DAY for number in range(DAYS - 4)]
        assert {each.state for each in verdicts.values()} <= {DayState.SETTLED, DayState.ADJUSTED}
        for day in settled:
            both = books.day(day)
            added: dict[Key, int] = {
                (each.deployment_id, each.accelerator_type): each.adjustment.gpu_ms
                for each in read_adjustments(ledger.session, ledger.account, first=day, last=day)
            }
            for key in {*both.billed, *both.metered}:
                metered = both.metered[key].totals.gpu_ms if key in both.metered else 0
                assert both.billed[key].seconds * SECOND_MS == metered + added.get(key, 0)
                if day != FIRST:
                    tally.add(before[day].metered[key].totals, added.get(key, 0))
    return tally


def demand_reports_agree(stage: Stage) -> None:
    """However it is cut and grouped, it sums to the same; settled days are what was billed."""

    def total(since: str, until: str, zone: str, *groups: str) -> Figures:
        report = read_report(ledger, since=since, until=until, group_by=groups, timezone=zone)
        return report.total

    with ledger_of(stage) as ledger:
        since, until = "2026-11-03", "2026-12-01"
        found = read_bill(
            ledger.session, ledger.account, first=date(2026, 11, 3), last=date(2026, 11, 30)
        )
        own = 4 * 28 * DAY // timedelta(milliseconds=1)
        billed = own + sum(each.billed.gpu_seconds for each in found) * SECOND_MS
        for groups in ("deployment", "uid", "accelerator", "day", "week", "model"):
            all_of_it = total(since, until, "Europe/Berlin", groups)
            assert all_of_it.state is UsageState.ADJUSTED
            assert (all_of_it.low_ms, all_of_it.gpu_ms, all_of_it.high_ms) == (billed,) * 3
            assert all_of_it.cost_low <= all_of_it.cost <= all_of_it.cost_high
            assert all_of_it.cost_high - all_of_it.cost_low < Decimal("0.01")
        for zone in ("Asia/Kolkata", "America/Los_Angeles", "UTC"):
            whole = total(since, until, zone, "day")
            halves = [
                total(*each, zone, "hour")
                for each in ((since, "2026-11-17"), ("2026-11-17", until))
            ]
            both = halves[0] + halves[1]
            assert (both.gpu_ms, both.adjustment) == (whole.gpu_ms, whole.adjustment)
            assert abs(both.cost - whole.cost) < Decimal("0.00001")
        by_hour, by_day = (
            total("2026-11-09", "2026-11-11", "Europe/Berlin", unit) for unit in ("hour", "day")
        )
        assert (by_hour.gpu_ms, by_hour.adjustment) == (by_day.gpu_ms, by_day.adjustment)


def test_forty_days_of_books_agree_with_the_bill_to_the_second(
    bill_seed: int, folder: Path, *, whole_day: bool
) -> None:
    before: dict[date, Day] = {}

    async def days(clock: VirtualClock) -> None:
        stage = a_life(
            clock,
            folder,
            seed=bill_seed,
            deployments=fleet(),
            bill=LATE,
            faults=FAULTS,
            config=CONFIG,
            polled="5m" if whole_day else "1h",
        )
        async with alive(stage, seed=bill_seed):
            for number in range(DAYS):
                await clock.sleep(DAY)
                before[FIRST + number * DAY] = look(stage, FIRST + number * DAY)
        tally = demand_books_agree(stage, before)
        demand_reports_agree(stage)
        demand_what_was_told(stage, before)
        told_of = f"{tally.inside} of {tally.count} adjustments lie in the bounds told before"
        sys.stdout.write(f"\nseed {bill_seed}: {told_of}\n")
        assert tally.inside >= 0.99 * tally.count, told_of

    run_virtual(days, start=START)


def demand_what_was_told(stage: Stage, before: Mapping[date, Day]) -> None:
    """The outage was flagged before its bill came; wrong prices are prices; nothing is disputed."""
    out = before[OUTAGE].metered["chat", H100]
    assert out.gap_ms >= 6 * HOUR // timedelta(milliseconds=1)
    assert out.totals.high_ms - out.totals.low_ms >= 100 * HOUR // timedelta(milliseconds=1)
    assert told(stage, "bill.disputed") == []
    assert told(stage, "bill.unattributed") == []
    # What comes and goes between two looks is in no bound; that is the only thing told.
    assert {cause for _, cause, _ in told(stage, "bill.adjusted")} <= {"rule"}
    assert [each for each in told(stage, "bill.price") if not each[2]] == [
        (WRONG.isoformat(), "price", False),
        (DEARER.isoformat(), "price", False),
    ]
    assert [each[2] for each in told(stage, "bill.price")] == [False, True, False]


BILL_OUT_OF_REACH = """
[[fault]]
kind = "server-error"
on = "bill"
from = "2h"
to = "30h"
"""
STEADY = (
    DeploymentPlan(
        deployment_id="chat", fields=fields(H100, 8, (2, 2), model=own_model("chat")), age=AGE
    ),
    DeploymentPlan(
        deployment_id="eval", fields=fields(H200, 1, (1, 1), model=own_model("eval")), age=AGE
    ),
)


DECLARED = f"""\
version: 1
commitments:
  - {{kind: capacity, accelerator: {H100}, gpus: 8, to: "2027-11-01"}}
"""


def test_what_a_declared_commitment_explains_is_not_disputed(folder: Path) -> None:
    plan = BillPlan(reserved={H100: 8})

    async def days(clock: VirtualClock) -> None:
        stage = a_life(clock, folder, seed=1, deployments=STEADY, bill=plan, policies=DECLARED)
        async with alive(stage):
            await clock.sleep(7 * DAY)
            assert state_of(stage, FIRST + DAY) is DayState.SETTLED
            assert row_of(stage, FIRST + DAY) == (UsageState.SETTLED, 16 * 86_400_000, 0)
        assert [each for each in stage.heard.notices if each.kind == "bill.disputed"] == []

    run_virtual(days, start=START)


def test_a_bill_that_leaves_reserved_seconds_out_erases_nothing(folder: Path) -> None:
    """It is told once for each day, our figures stand, and a person may take the bill's."""
    plan = BillPlan(reserved={H100: 8})
    disputed = FIRST + DAY

    async def days(clock: VirtualClock) -> None:
        stage = a_life(clock, folder, seed=1, deployments=STEADY, bill=plan)
        async with alive(stage):
            await clock.sleep(7 * DAY)
            both = look(stage, disputed)
            assert both.billed["chat", H100].seconds == 8 * 86_400
            assert both.metered["chat", H100].totals.gpu_ms == 16 * 86_400_000
            assert state_of(stage, disputed) is DayState.DISPUTED
            assert row_of(stage, disputed) == (UsageState.DISPUTED, 16 * 86_400_000, 0)

            accept(stage, disputed)
            assert row_of(stage, disputed) == (UsageState.ADJUSTED, 8 * 86_400_000, -8 * 86_400_000)
            await clock.sleep(11 * HOUR)
        keys = [
            (each.facts.get("day") or each.key.split(":")[2], each.resolved)
            for each in stage.heard.notices
            if each.kind == "bill.disputed"
        ]
        assert (disputed.isoformat(), True) in keys
        assert len(keys) == len(set(keys)), "once for each day, and once that it is over"
        assert {each.facts["cause"] for each in firing(stage)} == {"reservation"}

    run_virtual(days, start=START)


def state_of(stage: Stage, day: date) -> DayState:
    with ledger_of(stage) as ledger:
        return read_verdicts(ledger.session, ledger.account, first=day, last=day)[day].state


def row_of(stage: Stage, day: date, name: str = "chat") -> tuple[UsageState, int, int]:
    """Read one row of the report of *day*: its state, GPU-ms, how much of it is adjustment."""
    with ledger_of(stage) as ledger:
        report = read_report(
            ledger,
            since=day.isoformat(),
            until=(day + DAY).isoformat(),
            group_by=["deployment"],
            timezone="Europe/Berlin",
        )
    (found,) = (figures for keys, figures in report.rows if keys["deployment"] == name)
    return found.state, found.gpu_ms, found.adjusted_ms


def firing(stage: Stage) -> list[Notice]:
    with ledger_of(stage) as ledger:
        found = [alert.notice for alert in read_firing(ledger.session, ledger.account)]
    return [each for each in found if each.kind == "bill.disputed"]


def accept(stage: Stage, day: date) -> None:
    """Take the bill's word for *day*, as the command does."""
    with closing(open_database(stage.settings, upgrade=False)) as database:
        desk = Desk(
            database=database,
            settings=stage.settings,
            account=AccountId("acme"),
            timezone="Europe/Berlin",
            actor="cli:ada@here",
            clock=stage.clock,
            wall=stage.clock,
        )
        accept_day(desk, day.isoformat(), reason="it is on the invoice of the reservation")


@pytest.mark.parametrize("wait", [pytest.param(40 * HOUR, id="revised after it was settled")])
def test_a_bill_that_is_revised_after_it_was_settled_is_followed(
    folder: Path, wait: timedelta
) -> None:
    """The first answer stands for more than a day, 3 % short: adjusted, told, and adjusted anew."""
    plan = BillPlan(appears_after=3 * HOUR, revised_after=48 * HOUR + wait)
    day = FIRST + DAY

    async def days(clock: VirtualClock) -> None:
        stage = a_life(clock, folder, seed=1, deployments=STEADY, bill=plan)
        short = -round(16 * 86_400_000 * 0.03)
        async with alive(stage):
            await clock.sleep(4 * DAY + 2 * HOUR)
            assert row_of(stage, day) == (UsageState.ADJUSTED, 16 * 86_400_000 + short, short)
            await clock.sleep(3 * DAY)
            assert row_of(stage, day) == (UsageState.SETTLED, 16 * 86_400_000, 0)
        assert (day.isoformat(), "rule", False) in told(stage, "bill.adjusted")

    run_virtual(days, start=START)


def test_what_came_and_went_between_two_looks_is_counted_as_billed_and_told(folder: Path) -> None:
    """And a bill that is out of reach for a day keeps nothing else from its work."""
    ghost = DeploymentPlan(
        deployment_id="ghost", fields=fields(B200, 2, (1, 1), model=own_model("ghost")), age=AGE
    )
    day = FIRST + DAY

    async def days(clock: VirtualClock) -> None:
        stage = a_life(
            clock, folder, seed=1, deployments=STEADY, bill=BillPlan(), faults=BILL_OUT_OF_REACH
        )
        born = START + DAY + timedelta(minutes=20)
        stage.world.create(ghost, born)
        stage.world.delete("ghost", born + timedelta(minutes=30), hard=True)
        async with alive(stage):
            await clock.sleep(6 * DAY)
            both = look(stage, day)
            billed_ms = both.billed["ghost", B200].seconds * SECOND_MS
            assert billed_ms > 2 * 20 * 60_000
            assert ("ghost", B200) not in both.metered
            assert both.metered["chat", H100].gap_ms == 0
        assert [each[:2] for each in told(stage, "bill.unattributed")] == [
            (day.isoformat(), "rule")
        ]
        assert row_of(stage, day, "ghost") == (UsageState.ADJUSTED, billed_ms, billed_ms)
        assert state_of(stage, day) is DayState.ADJUSTED
        assert told(stage, "meter.trouble") == [("", "", False), ("", "", True)]

    run_virtual(days, start=START)
