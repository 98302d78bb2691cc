"""A post office's surroundings, on SQLite in memory; and a Slack, over the wire and without."""

from collections.abc import Iterator

import pytest

from firewarden.notify.slack.answers import Door
from firewarden.notify.slack.client import WebDoor
from firewarden.store.engine import Database
from tests.notify.offices import Setting
from tests.support.slack import TOKEN, Face, FakeSlack
from tests.support.slack_http import serving_slack


@pytest.fixture
def setting() -> Iterator[Setting]:
    database = Database.open("sqlite://", upgrade=True)
    yield Setting(database=database)
    database.close()


@pytest.fixture
def slack(setting: Setting) -> FakeSlack:
    """A Slack whose time is that of the wall."""
    return FakeSlack(setting.wall)


@pytest.fixture
def wire(slack: FakeSlack) -> Iterator[WebDoor]:
    """Slack's own client, and the fake behind real HTTP."""
    with serving_slack(slack) as base_url:
        yield WebDoor(token=lambda: TOKEN, base_url=base_url)


@pytest.fixture(params=["wire", "in process"])
def door(request: pytest.FixtureRequest, slack: FakeSlack) -> Door:
    """Both ways to the same Slack."""
    if request.param == "wire":
        found: Door = request.getfixturevalue("wire")
        return found
    return Face(slack=slack)
