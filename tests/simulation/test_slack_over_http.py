"""The real process and a Slack over real HTTP that fails around a warning, on compressed time."""

import json
from pathlib import Path

import httpx

from firewarden.app.queries import open_ledger
from firewarden.app.settings import load_settings
from firewarden.clock.real import CompressedClock, WallClock
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.world import World
from firewarden.store.incidents import read_closed
from firewarden.store.intents import read_actions
from tests.simulation.real import PACE, SPEED
from tests.simulation.stages import EMPTY_LEDGER, HOUR, KEY, account_of
from tests.simulation.test_slack_outage import DELETES, STILL, tidy_fleet
from tests.support.oracles import instant
from tests.support.serving import serving
from tests.support.slack import TOKEN, FakeSlack
from tests.support.slack_http import serving_slack
from tests.support.talking import Wanted, talking

POLICY = DELETES.replace("{wait: 3h}", "{wait: 1h}").replace("2h", "20m")
GRACE = HOUR


def test_grace_counts_from_what_a_real_slack_takes_after_it_has_failed(folder: Path) -> None:
    origin = WallClock().now().replace(microsecond=0)
    clock = CompressedClock(speed=SPEED, origin=origin)
    world = World(account_of(tidy_fleet()), seed=1, start=clock.now())
    slack = FakeSlack(WallClock())
    (folder / "tidy.yaml").write_text(POLICY, encoding="utf-8")
    with serving(application(world, clock=clock)) as url, serving_slack(slack) as slack_url:
        variables = {
            "FIREWORKS_API_KEY": KEY,
            "FIREWORKS_BASE_URL": url,
            "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / EMPTY_LEDGER}",
            "FIREWARDEN_POLICIES": str(folder / "tidy.yaml"),
            "FIREWARDEN_LISTEN": "127.0.0.1:0",
            "FIREWARDEN_LOG_LEVEL": "debug",  # each poll is a line: the test's own clock
            "FIREWARDEN_MODE": "enforce",
            **PACE,
            "FIREWARDEN_TIME_SPEED": str(SPEED),
            "FIREWARDEN_TIME_ORIGIN": origin.isoformat(),
            "FIREWARDEN_SLACK_BASE_URL": slack_url,
            "SLACK_BOT_TOKEN": TOKEN,
        }
        slack.fail("http_503", method=".*")
        with talking(folder, "run", variables=variables) as daemon:
            daemon.hear(_undelivered(tries=3))
            assert not slack.messages
            slack.heal()
            healed_at = clock.now()
            daemon.until(lambda: bool(slack.called("chat.update")))
            assert daemon.end() == 0
        log = httpx.get(f"{url}/_log").raise_for_status().json()["requests"]
    with open_ledger(load_settings(environ=variables, dotenv=None).settings, None) as ledger:
        (intent,) = read_actions(ledger.session, ledger.account, since=origin)
        (done,) = read_closed(ledger.session, ledger.account, since=origin)
    (change,) = [each for each in log if each["method"] != "GET"]
    assert (change["method"], change["path"].rpartition("/")[2]) == ("DELETE", STILL)
    assert done.warned_at is not None
    assert healed_at <= done.warned_at <= intent.planned_at - GRACE
    assert intent.planned_at <= instant(change["at"])
    (root,) = slack.shown("gpu-costs")
    assert [each[0] for each in (*root.edits, root.text)] == ["🟡", "✅"]
    assert slack.hidden_count == 0
    assert TOKEN not in json.dumps(daemon.log)


def _undelivered(*, tries: int) -> Wanted:
    return lambda event: event["event"] == "notice.undelivered" and event["tries"] == tries
