"""P10: from the instant at which a condition becomes true to its message being taken by Slack.

The real process at the pace of life, asking a simulated account and telling a Slack, both of them
over HTTP. Deployments come of age one after the other, each at an instant that the account
itself tells, and each is told about in a channel of its own: Slack takes one message a second
in each. The peer is AWS Budgets, which says of itself that its figures are up to 8 to 12 hours
old; nobody can wait for that here.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import httpx

from benchmarks.figures import Figure
from firewarden.app.roles import JITTER
from firewarden.clock.real import WallClock
from firewarden.providers.simulated.fleet_parts import GPT, H100, fields
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.plan import AccountPlan, DeploymentPlan
from firewarden.providers.simulated.world import World
from tests.support.oracles import instant
from tests.support.serving import serving
from tests.support.slack import TOKEN, FakeSlack
from tests.support.slack_http import serving_slack
from tests.support.talking import Daemon, talking

POLL = timedelta(seconds=30)
POLL_QUICK = timedelta(seconds=5)
MESSAGES = 120
MESSAGES_QUICK = 24
SLACK_TAKES = timedelta(seconds=2)
"""What is allowed beside the poll: the longest one, for each begins late by a jitter of its own."""

OF_AGE = timedelta(hours=1)
POLLS_BEFORE = 4
"""The first comes of age when the process has made some listings: it judges by two."""


def figures(*, quick: bool) -> list[Figure]:
    """Let them come of age at odd instants, some to each poll, and look when each is told."""
    poll, count = (POLL_QUICK, MESSAGES_QUICK) if quick else (POLL, MESSAGES)
    taken = _told(poll, count)
    longest = quantiles(taken, n=100, method="inclusive")[98]
    target = (poll * (1 + JITTER) + SLACK_TAKES).total_seconds()
    return [
        Figure(
            name="P10",
            what=f"from a threshold crossed to the message taken by Slack, p99 of {count}, real"
            f" process, a listing every {poll.total_seconds():.0f} s",
            value=longest,
            target=target,
            unit="s",
            details=f"median {median(taken):.1f} s, longest {max(taken):.1f} s;"
            " AWS Budgets says 8 to 12 hours of itself",
        )
    ]


def _told(poll: timedelta, count: int) -> list[float]:
    """Give the seconds that each message took."""
    wall = WallClock()
    apart = poll / 3.3
    names = [f"aged-{number:03d}" for number in range(count)]
    deployments = tuple(
        DeploymentPlan(
            deployment_id=name,
            fields=fields(H100, 1, (1, 1), model=GPT, team=name),
            age=OF_AGE - POLLS_BEFORE * poll - number * apart,
        )
        for number, name in enumerate(names)
    )
    plan = AccountPlan(account_id="acme", timezone="UTC", deployments=deployments)
    slack = FakeSlack(wall, channels=names)
    app = application(World(plan, seed=1, start=wall.now()), clock=wall)
    with (
        TemporaryDirectory() as made,
        serving(app) as account_url,
        serving_slack(slack) as slack_url,
        talking(
            Path(made), "run", variables=_variables(Path(made), names, poll, account_url, slack_url)
        ) as daemon,
    ):
        _wait(daemon, slack, count, within=(POLLS_BEFORE + 4) * poll + count * apart)
        truth = httpx.get(f"{account_url}/_truth", timeout=60).raise_for_status().json()
        daemon.end()
    crossed = {
        each["deployment_id"]: instant(each["create_time"]) + OF_AGE
        for each in truth["deployments"]
    }
    return _seconds(slack, crossed)


def _seconds(slack: FakeSlack, crossed: Mapping[str, datetime]) -> list[float]:
    taken = {name: [each.at for each in slack.shown(name)] for name in crossed}
    if slack.hidden_count or any(len(each) != 1 for each in taken.values()):
        raise RuntimeError(f"not one message each: {taken}")
    return [(taken[name][0] - at).total_seconds() for name, at in crossed.items()]


def _wait(daemon: Daemon, slack: FakeSlack, count: int, *, within: timedelta) -> None:
    daemon.until(lambda: len(slack.messages) >= count, within_s=within.total_seconds() + 30)


def _variables(
    folder: Path, names: list[str], poll: timedelta, account_url: str, slack_url: str
) -> dict[str, str]:
    policy = {
        "version": 1,
        "notify": {
            "owners": {"slack": {"by": "team", "map": {n: n for n in names}, "else": names[0]}}
        },
        "policies": {
            "of-age": {
                "mode": "warn",
                "match": {"all": True},
                "when": {"older_than": "1h"},
                "stages": [{"warn": {"to": "owners"}}],
            }
        },
    }
    (folder / "aged.yaml").write_text(json.dumps(policy))  # which is YAML
    return {
        "FIREWORKS_API_KEY": "fw_simulated",
        "FIREWORKS_BASE_URL": account_url,
        "FIREWARDEN_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
        "FIREWARDEN_POLICIES": str(folder / "aged.yaml"),
        "FIREWARDEN_LISTEN": "127.0.0.1:0",
        "FIREWARDEN_LOG_LEVEL": "debug",
        "FIREWARDEN_MODE": "warn",
        "FIREWARDEN_POLL_EVERY": f"{poll.total_seconds():.0f}s",
        "FIREWARDEN_SLACK_BASE_URL": slack_url,
        "SLACK_BOT_TOKEN": TOKEN,
    }
