"""Once an hour money is looked at ahead: read a day at a time, told once, asked of the provider."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firewarden.app.housekeeping import Housekeeping
from firewarden.app.lookout import MONTHLY_SPEND, Lookout
from firewarden.errors import ProviderUnavailable
from firewarden.metering.measure import SETTLED_AFTER
from firewarden.model.fleet import Quota
from firewarden.model.ids import make_uid
from firewarden.model.notice import Notice
from firewarden.model.usage import Known, LedgerChange, Poll, Usage
from firewarden.model.vocabulary import Severity
from firewarden.store.engine import Database
from firewarden.store.ledger import write_change, write_poll
from firewarden.store.notices import read_alerts
from firewarden.store.usage import replace_usages
from tests.app.means import account_of, tools_of
from tests.app.test_keeper import Desk
from tests.support.deciding import ACCOUNT, EVERY, H100, NOW, a_deployment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGAN = NOW - 57 * DAY
"""When somebody began to watch: two days more than eight weeks."""

CREATED = BEGAN - DAY
RESERVED = """
commitments:
  - {kind: capacity, accelerator: NVIDIA_H100_80GB, gpus: 8, from: "2026-01-01", to: "2026-12-10"}
"""
TEAMS = """
attribution:
  - {name: "exp-*", team: research}
"""
Gpus = Callable[[datetime], int]


@dataclass(slots=True)
class Watching:
    """A desk whose ledger remembers two months, and a lookout over it."""

    desk: Desk
    lookout: Lookout

    async def watch(self) -> list[Notice]:
        """Look ahead, and give what is new by that."""
        before = self.told()
        await self.desk.lease.acquire()
        await self.lookout.watch()
        return [each for each in self.told() if each not in before]

    def told(self) -> list[Notice]:
        with self.desk.database.reading() as session:
            found = read_alerts(session, ACCOUNT, since=BEGAN)
        kinds = ("cost.", "commitment.", "provider.")
        return [each.notice for each in found if each.notice.kind.startswith(kinds)]


def remember(database: Database, gpus: Gpus, *, since: datetime) -> None:
    """Write what "exp-1" held in every hour since the first poll."""
    one = Known(
        uid=make_uid(f"accounts/{ACCOUNT}/deployments/exp-1", CREATED),
        account=ACCOUNT,
        deployment_id=a_deployment().deployment_id,
        display_name="",
        base_model="",
        created_at=CREATED,
        first_seen_at=since,
    )
    polls = [
        Poll(account=ACCOUNT, asked_at=at, answered_at=at, ok=True, complete=True, count=1)
        for at in (since, NOW - EVERY)
    ]
    hours = [since + number * HOUR for number in range((NOW - since) // HOUR)]
    with database.writing() as session:
        for poll in polls:
            write_poll(session, poll)
        write_change(session, ACCOUNT, LedgerChange(met=(one,)), at=since)
        replace_usages(session, {(hour, one.uid): [a_usage(one, gpus(hour))] for hour in hours})


def a_usage(one: Known, gpus: int) -> Usage:
    ms = gpus * 3_600_000
    return Usage(
        uid=one.uid, accelerator_type=H100, micro_usd_per_gpu_hour=8_000_000, gpu_ms=ms,
        low_ms=ms, high_ms=ms, variance=0, idle_ms=0, unknown_ms=0, gap_ms=0, starting_ms=0,
    )  # fmt: skip


def usual(at: datetime) -> int:
    """Four GPUs by day, two by night, one more in every third hour."""
    return (4 if 8 <= at.hour < 20 else 2) + (at.toordinal() + at.hour) % 3 // 2


def runaway(at: datetime) -> int:
    return usual(at) * (3 if at >= NOW - 6 * HOUR else 1)


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database.open("sqlite://", upgrade=True)
    yield database
    database.close()


async def a_lookout(
    database: Database,
    folder: Path,
    gpus: Gpus,
    *,
    policy: str = "",
    began: datetime = BEGAN,
) -> Watching:
    remember(database, gpus, since=began)
    desk = Desk(database, folder)
    file = folder / "idle.yaml"
    file.write_text(file.read_text(encoding="utf-8") + policy, encoding="utf-8")
    asleep = a_deployment(
        created_at=CREATED, ready_replica_count=0, desired_replica_count=0, min_replica_count=0
    )
    desk.cloud.show(asleep)
    await desk.keeper.reload()
    await desk.cycle()
    account, tools = account_of(desk.cloud, folder), tools_of(database, folder, desk.clock)
    await desk.clock.advance(SETTLED_AFTER + HOUR)
    await desk.cycle()
    await Housekeeping(account, tools).roll_up()
    return Watching(desk, Lookout(account, tools, desk.keeper))


async def test_an_ordinary_month_is_told_nothing(database: Database, tmp_path: Path) -> None:
    watching = await a_lookout(database, tmp_path, usual)

    assert await watching.watch() == []


async def test_what_costs_three_times_as_much_as_usual_is_told_once_a_day(
    database: Database, tmp_path: Path
) -> None:
    watching = await a_lookout(database, tmp_path, runaway)

    (notice,) = await watching.watch()

    assert notice.kind == "cost.anomaly"
    assert notice.text.startswith("acme: ")
    assert "most of it: exp-1 " in notice.text
    assert await watching.watch() == []


async def test_the_team_that_explains_it_is_told_and_not_the_account_too(
    database: Database, tmp_path: Path
) -> None:
    watching = await a_lookout(database, tmp_path, runaway, policy=TEAMS)

    assert [each.facts.get("team") for each in await watching.watch()] == ["research"]


async def test_a_reservation_that_lies_idle_and_ends_is_told(
    database: Database, tmp_path: Path
) -> None:
    watching = await a_lookout(database, tmp_path, usual, policy=RESERVED)

    told = {each.kind: each for each in await watching.watch()}

    assert told.keys() == {"commitment.unused", "commitment.ending"}
    assert "of 8.0 reserved" in told["commitment.unused"].text
    assert "in 18 days" in told["commitment.ending"].text
    assert await watching.watch() == []


async def test_the_providers_own_limit_is_told_before_it_pauses_everything(
    database: Database, tmp_path: Path
) -> None:
    watching = await a_lookout(database, tmp_path, usual)
    watching.desk.cloud.quotas = [Quota(quota_id=MONTHLY_SPEND, limit=12_000, usage=11_500.5)]

    (notice,) = await watching.watch()

    assert (notice.kind, notice.severity) == ("provider.pause_forecast", Severity.PAGE)
    assert "11,500.50 of 12,000.00 USD" in notice.text


async def test_a_limit_that_is_far_away_or_cannot_be_read_is_no_news(
    database: Database, tmp_path: Path
) -> None:
    watching = await a_lookout(database, tmp_path, usual)
    watching.desk.cloud.quotas = [Quota(quota_id=MONTHLY_SPEND, limit=50_000, usage=11_500.0)]
    assert await watching.watch() == []

    watching.desk.cloud.quotas = ProviderUnavailable("503")
    assert await watching.watch() == []


async def test_with_three_weeks_of_history_nothing_is_usual_yet(
    database: Database, tmp_path: Path
) -> None:
    watching = await a_lookout(database, tmp_path, runaway, began=NOW - 21 * DAY)

    assert await watching.watch() == []
