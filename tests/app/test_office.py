"""The office of an account reaches Slack by the settings, and says what is missing for it."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from firewarden.app.compose import Seams, open_accounts
from firewarden.app.memory import Tools
from firewarden.app.office import open_office
from firewarden.app.telling import Telling
from firewarden.app.ticker import LoopTicker
from firewarden.model.delivery import Delivery
from firewarden.notify.post import PostOffice
from firewarden.policy.loading import load
from firewarden.ports import CrashPoint
from firewarden.store.deliveries import deliveries
from firewarden.store.engine import Database
from firewarden.store.notices import record
from firewarden.store.runner import Inline
from tests.notify.offices import ACME, WARNING
from tests.support.clock import FakeClock
from tests.support.daemon import Heard, settings_for
from tests.support.slack import TOKEN, FakeSlack
from tests.support.slack_http import serving_slack

POLICIES = """
version: 1
notify: {costs: {slack: gpu-costs}}
alerts: {default: costs}
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database.open("sqlite://", upgrade=True)
    yield database
    database.close()


@pytest.fixture
def telling() -> Telling:
    return Telling(policies=load({"p.yaml": POLICIES}), variables={})


@asynccontextmanager
async def an_office(
    folder: Path,
    clock: FakeClock,
    database: Database,
    telling: Telling,
    heard: Heard,
    **settings: str,
) -> AsyncIterator[PostOffice]:
    given = settings_for(folder, folder, FIREWORKS_ACCOUNT_ID="acme", **settings)
    rng = random.Random(1)
    seams = Seams(clock=clock, wall=clock, rng=rng, ticker=LoopTicker(clock))
    tools = Tools(
        settings=given,
        clock=clock,
        wall=clock,
        rng=rng,
        database=database,
        run_db=Inline(),
        crash=_nothing,
    )
    async with open_accounts(given, seams) as (account,):
        yield open_office(account, tools, lambda: telling, heard)


def _nothing(_point: CrashPoint) -> None:
    """Crash nowhere."""


def write(database: Database, telling: Telling) -> None:
    with database.writing() as session:
        assert record(session, WARNING, telling.destinations(WARNING))


def delivery(database: Database) -> Delivery:
    with database.reading() as session:
        return deliveries(session, ACME, [WARNING.key])[WARNING.key]


async def test_with_a_token_a_warning_reaches_the_channel_of_its_route(
    tmp_path: Path, clock: FakeClock, database: Database, telling: Telling
) -> None:
    slack, heard = FakeSlack(clock), Heard()
    write(database, telling)
    with serving_slack(slack) as base_url:
        given = {"SLACK_BOT_TOKEN": TOKEN, "FIREWARDEN_SLACK_BASE_URL": base_url}
        async with an_office(tmp_path, clock, database, telling, heard, **given) as office:
            assert await office.run_once() == 2

    assert len(slack.shown("gpu-costs")) == 1
    assert heard.notices == [WARNING]
    assert delivery(database).delivered_at == clock.now()


async def test_without_one_the_warning_counts_as_undelivered_and_the_log_says_what_is_missing(
    tmp_path: Path, clock: FakeClock, database: Database, telling: Telling
) -> None:
    heard = Heard()
    write(database, telling)
    async with an_office(tmp_path, clock, database, telling, heard) as office:
        with capture_logs():
            await office.run_once()

    assert [notice.text for notice in heard.notices] == [
        WARNING.text,
        "slack:gpu-costs cannot be reached: there is no way to it; set SLACK_BOT_TOKEN",
    ]
    assert delivery(database) == Delivery(failed=True)
