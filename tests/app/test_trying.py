"""Routes are tried before they are needed: by a message, or by a look."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firewarden.app.settings import Settings
from firewarden.app.trying import look_at_routes, try_route
from firewarden.errors import UserError
from firewarden.report.checks import Health
from tests.support.clock import FakeClock
from tests.support.daemon import settings_for
from tests.support.slack import TOKEN, FakeSlack
from tests.support.slack_http import serving_slack

POLICIES = """
version: 1
notify:
  costs: {slack: gpu-costs}
  gone: {slack: nowhere}
  hook: {webhook: "env:NOBODY_LISTENS"}
"""


@pytest.fixture
def slack() -> FakeSlack:
    return FakeSlack(FakeClock(), channels=["gpu-costs"])


@pytest.fixture
def settings(
    slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    monkeypatch.setenv("NOBODY_LISTENS", "http://127.0.0.1:9/hook")
    file = tmp_path / "routes.yaml"
    file.write_text(POLICIES)
    with serving_slack(slack) as address:
        given = {"SLACK_BOT_TOKEN": TOKEN, "FIREWARDEN_SLACK_BASE_URL": address}
        yield settings_for(tmp_path, file, **given)


async def test_a_message_is_sent_and_who_took_it_is_said(
    settings: Settings, slack: FakeSlack
) -> None:
    (tried,) = await try_route(settings, "costs")

    assert (tried.destination, tried.problem) == ("slack:gpu-costs", "")
    (message,) = slack.shown("gpu-costs")
    assert "A test of the route costs" in message.text


@pytest.mark.parametrize(
    ("route", "why"),
    [
        pytest.param("gone", "channel_not_found", id="no such channel"),
        pytest.param("hook", "no answer", id="nobody listens"),
    ],
)
async def test_what_is_not_taken_says_why(settings: Settings, route: str, why: str) -> None:
    (tried,) = await try_route(settings, route)

    assert why in tried.problem


async def test_a_route_that_nobody_wrote_says_which_there_are(settings: Settings) -> None:
    with pytest.raises(UserError, match="no route is called") as raised:
        await try_route(settings, "cots")
    assert "costs, gone, hook" in raised.value.mend


async def test_a_look_tells_nobody_and_finds_what_is_out_of_reach(
    settings: Settings, slack: FakeSlack
) -> None:
    checks = {check.name: check async for check in look_at_routes(settings)}

    assert {name: check.health for name, check in checks.items()} == {
        "route costs": Health.OK,
        "route gone": Health.WORLD,
        "route hook": Health.OK,
    }
    assert checks["route gone"].mend
    assert not slack.shown("gpu-costs")


async def test_without_a_token_a_slack_route_is_the_operators_to_mend(
    settings: Settings, tmp_path: Path
) -> None:
    bare = settings_for(tmp_path, tmp_path / "routes.yaml")

    checks = {check.name: check async for check in look_at_routes(bare)}

    assert checks["route costs"].health is Health.YOURS
    assert "SLACK_BOT_TOKEN" in checks["route costs"].mend
