"""Slack fails around a warning: nothing is done that nobody heard of, and nothing is told twice."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.action import Intent, Outcome
from firewarden.model.verdict import IncidentState
from firewarden.model.vocabulary import Blocker
from firewarden.providers.simulated.fleet_parts import GPT, H100, OLD, fields, flow
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.store.instants import from_ms
from firewarden.store.tables import OutboxRow, table
from tests.simulation.stages import DUE, HOUR, IDLE, MINUTE, START, small_stage
from tests.simulation.test_acting import actions, bounds, closed, opened, writes
from tests.support.daemon import Stage, happen, ledger_of, running
from tests.support.slack import TOKEN, Face, FakeSlack, Message

OUTBOX = table(OutboxRow)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
CYCLE = timedelta(seconds=68)
"""A poll that comes late by its jitter, and the scrape that a due action then waits for."""

GRACE = 10 * MINUTE
STOPS = """\
version: 1
notify: {ops: {slack: gpu-costs}, aside: {slack: gpu-ops}}
alerts: {fallback: aside}
policies:
  idle-to-zero:
    mode: enforce
    match: {all: true}
    when: {idle_for: 20m, older_than: 1h, replicas_at_least: 1}
    stages: [{warn: {to: ops}}, {wait: 10m}, scale_to_zero]
"""
WARNED = DUE - GRACE
"""After the start: when the warning of it has surely been written."""

STILL = "still"
DELETES = """\
version: 1
notify: {ops: {slack: gpu-costs}, aside: {slack: gpu-ops}}
alerts: {fallback: aside}
policies:
  tidy:
    mode: enforce
    match: {tags: {env: dev}}
    when: {at_zero_for: 2h}
    stages: [{warn: {to: ops}}, {wait: 3h}, delete]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One letter as the outbox holds it."""

    destination: str
    kind: str
    state: str
    said_at: datetime
    sent_at: datetime | None


def letters(stage: Stage, kind: str) -> list[Sent]:
    """Give what was to be told of one *kind*, the log left out."""
    with ledger_of(stage) as ledger:
        rows = ledger.session.execute(select(OUTBOX)).mappings().all()
    return [
        Sent(
            destination=row["destination"],
            kind=kind,
            state=row["state"],
            said_at=from_ms(row["created_at"]),
            sent_at=None if row["sent_at"] is None else from_ms(row["sent_at"]),
        )
        for row in rows
        if f'"kind":"{kind}"' in row["notice"] and row["destination"] != "log"
    ]


def stopping(clock: VirtualClock, folder: Path) -> Stage:
    return small_stage(
        clock, folder, policy=STOPS, FIREWARDEN_MODE="enforce", SLACK_BOT_TOKEN=TOKEN
    )


def about(slack: FakeSlack, name: str = IDLE, channel: str = "gpu-costs") -> list[Message]:
    """The messages in a channel that name one deployment, threads left out."""
    return [each for each in slack.shown(channel) if name in each.text]


def demand_grace_from(
    sent: Sent, intent: Intent, grace: timedelta, *, late: timedelta = CYCLE
) -> None:
    """Demand that the act came a whole *grace* after the receipt, and no more than *late* later."""
    assert sent.sent_at is not None
    assert timedelta(0) <= intent.planned_at - (sent.sent_at + grace) <= late


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("http_503", id="it fails"),
        pytest.param("hang_before", id="it says nothing"),
        pytest.param("http_429", id="it is too busy"),
    ],
)
def test_slack_is_down_for_an_hour_around_a_warning_and_grace_counts_from_the_receipt(
    folder: Path, fault: str
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage, slack = stopping(clock, folder), FakeSlack(clock)
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(WARNED - 2 * MINUTE)
            outage = slack.fail(fault, method=".*")
            await clock.sleep(2.5 * MINUTE)
            (warning,) = letters(stage, "idle.warn")
            assert MINUTE / 2 <= warning.said_at - (START + WARNED - 2 * MINUTE) <= 2.5 * MINUTE
            outage.until = warning.said_at + 59 * MINUTE
            await clock.sleep(outage.until - clock.now())
            assert about(slack) == []
            assert await writes(stage) == []
            await clock.sleep(16 * MINUTE + GRACE + 5 * MINUTE)
        (warning,), (intent,), (done,) = letters(stage, "idle.warn"), actions(stage), closed(stage)
        assert warning.sent_at is not None
        assert outage.until <= warning.sent_at <= outage.until + 16 * MINUTE
        assert done.state is IncidentState.DONE
        assert done.warned_at == warning.sent_at
        demand_grace_from(warning, intent, GRACE)
        (root,) = about(slack)
        assert intent.planned_at < root.at + GRACE + CYCLE
        assert slack.hidden_count == 0

    run_virtual(life, start=START)


def tidy_fleet() -> tuple[DeploymentPlan, ...]:
    """One at zero that is to be deleted, beside one in use."""
    return (
        DeploymentPlan(
            deployment_id=STILL,
            fields=fields(H100, 8, (0, 1), model=GPT, tags={"custom/env": "dev"}),
            age=2 * DAY,  # after seven of them the provider itself deletes it
        ),
        DeploymentPlan(
            deployment_id="busy",
            fields=fields(H100, 1, (1, 1), model=GPT),
            age=OLD,
            flows=flow(Steady(per_minute=31)),
        ),
    )


def tidying(clock: VirtualClock, folder: Path, policy: str) -> Stage:
    return small_stage(
        clock,
        folder,
        deployments=tidy_fleet(),
        policy=policy,
        FIREWARDEN_MODE="enforce",
        FIREWARDEN_POLL_EVERY="10m",
        FIREWARDEN_METRICS_EVERY="10m",
        SLACK_BOT_TOKEN=TOKEN,
    )


@pytest.mark.parametrize(
    ("fallback", "channel"),
    [
        pytest.param("aside", "gpu-costs", id="a channel, and there is another one"),
        pytest.param("log", "", id="all of it, and there is the log"),
    ],
)
def test_slack_is_down_for_two_days_before_a_delete_and_nothing_is_deleted(
    folder: Path, fallback: str, channel: str
) -> None:
    async def life(clock: VirtualClock) -> None:
        policy = DELETES.replace("fallback: aside", f"fallback: {fallback}")
        stage, slack = tidying(clock, folder, policy), FakeSlack(clock)
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(HOUR)
            down = slack.channel(channel).id if channel else ""
            slack.fail("http_503", method="chat.*" if channel else ".*", channel=down)
            await clock.sleep(2 * DAY)
            (held,) = opened(stage)
            assert (held.state, held.held_by) == (IncidentState.WARNED, Blocker.UNDELIVERED)
            told = [notice.kind for notice in stage.heard.notices]
            assert [told.count(kind) for kind in ("delivery.degraded", "idle.warn")] == [1, 1]
            instead = ["⚠️ slack:gpu-costs cannot be reached: HTTP 503"] if channel else []
            assert [each.text for each in slack.messages] == instead
            assert await writes(stage) == []
            slack.heal()
            back = clock.now()
            await clock.sleep(4 * HOUR)
        (warning,), (intent,) = letters(stage, "idle.warn"), actions(stage)
        assert warning.destination == "slack:gpu-costs"
        assert warning.sent_at is not None
        assert back <= warning.sent_at <= back + HOUR
        assert await writes(stage) == [f"DELETE {STILL}"]
        assert intent.outcome is Outcome.APPLIED
        demand_grace_from(warning, intent, 3 * HOUR, late=15 * MINUTE)
        assert slack.hidden_count == 0
        (root,) = about(slack, STILL)
        assert (len(root.edits), "deleted" in root.text) == (1, True)
        (mended,) = [each for each in stage.heard.notices if each.kind == "delivery.degraded"][1:]
        assert mended.resolved

    run_virtual(life, start=START)


def test_one_message_is_edited_through_the_life_of_a_stop_and_its_thread_is_the_history(
    folder: Path,
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage, slack = stopping(clock, folder), FakeSlack(clock)
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(WARNED + 2 * MINUTE)
            (root,) = about(slack)
            assert root.text.startswith(f"🟡 {IDLE} idle 20m")
            assert (root.edits, slack.replies(root)) == ([], [])
            await clock.sleep(GRACE + 2 * MINUTE)
            assert root.text.startswith(f"✅ {IDLE} scaled to zero ")
            (change,) = slack.replies(root)
            expected = "*before* min 1, max 3, replicas 1 · *after* min 0, replicas 0"
            assert change.text == expected
            await happen(stage, "request", IDLE, count=3)
            await clock.sleep(20 * MINUTE)
            assert bounds(stage) == (1, 3)
        assert about(slack) == [root], "what is put back is told in the story that it ends"
        assert len(root.edits) == 2
        assert slack.hidden_count == 0

    run_virtual(life, start=START)


def test_what_is_used_again_in_its_grace_is_said_by_an_edit_and_by_nothing_else(
    folder: Path,
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage, slack = stopping(clock, folder), FakeSlack(clock)
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(WARNED + 3 * MINUTE)
            await happen(stage, "request", IDLE, count=5)
            await clock.sleep(GRACE)
        (root,) = about(slack)
        assert len(root.edits) == 1
        assert root.text.startswith(f"↩️ {IDLE}: left alone, it is in use again")
        assert slack.replies(root) == []
        assert slack.hidden_count == 0

    run_virtual(life, start=START)


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param("is_archived", id="the channel is archived"),
        pytest.param("channel_not_found", id="there is no such channel"),
        pytest.param("not_in_channel", id="the bot is not in it"),
    ],
)
def test_a_channel_that_takes_nothing_gives_way_to_the_fallback_at_once(
    folder: Path, problem: str
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage, slack = stopping(clock, folder), FakeSlack(clock)
        spoil(slack, problem)
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(DUE + 5 * MINUTE)
        refused, instead = letters(stage, "idle.warn")
        assert (refused.destination, refused.sent_at) == ("slack:gpu-costs", None)
        assert instead.destination == "slack:gpu-ops"
        assert instead.sent_at is not None
        assert instead.sent_at - instead.said_at < 5 * SECOND
        (intent,) = actions(stage)
        demand_grace_from(instead, intent, GRACE)
        assert [each.text.partition(";")[0] for each in slack.shown("gpu-ops")[1:]] == [
            f"⚠️ slack:gpu-costs cannot be reached: {problem}"
        ]
        assert slack.hidden_count == 0

    run_virtual(life, start=START)


def spoil(slack: FakeSlack, problem: str) -> None:
    """Bring the channel of the route into the state of which Slack says *problem*."""
    channel = slack.channel("gpu-costs")
    if problem == "channel_not_found":
        channel.name = "renamed"
    elif problem == "not_in_channel":
        channel.is_member = False
    else:
        slack.fail(problem, channel=channel.id)


def test_a_token_that_was_revoked_leaves_the_log_and_nothing_is_done(folder: Path) -> None:
    async def life(clock: VirtualClock) -> None:
        stage, slack = stopping(clock, folder), FakeSlack(clock)
        slack.fail("token_revoked", method=".*")
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(WARNED + MINUTE)
            (held,) = opened(stage)
            assert held.held_by is Blocker.UNDELIVERED
            told = [each.text for each in stage.heard.notices if each.kind == "delivery.degraded"]
            assert told == [
                "slack:gpu-costs cannot be reached: token_revoked; give a new token",
                "slack:gpu-ops cannot be reached: token_revoked; give a new token",
            ]
            await clock.sleep(HOUR)
            assert await writes(stage) == []
            slack.heal()
            await clock.sleep(HOUR)
        assert IDLE in {each.partition(":")[0].partition(" ")[2] for each in await writes(stage)}
        assert slack.hidden_count == 0

    run_virtual(life, start=START)


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        pytest.param({"channels:history"}, [False], id="it can be looked up: one message"),
        pytest.param(set(), [False, True], id="it cannot be looked up: one marked duplicate"),
    ],
)
def test_slack_takes_a_warning_and_does_not_say_so(
    folder: Path, scopes: set[str], said: list[bool]
) -> None:
    async def life(clock: VirtualClock) -> None:
        stage, slack = stopping(clock, folder), FakeSlack(clock)
        slack.scopes = slack.scopes - {"channels:history"} | scopes
        slack.fail("hang_after", count=1)
        async with running(stage, slack=Face(slack=slack)):
            await clock.sleep(WARNED + 2 * MINUTE)
            firsts = [each.text for each in about(slack)]
            await clock.sleep(GRACE + 5 * MINUTE)
        assert ["(may be repeated)" in each for each in firsts] == said
        (warning,), (intent,) = letters(stage, "idle.warn"), actions(stage)
        demand_grace_from(warning, intent, GRACE)
        assert "✅" in about(slack)[-1].text, "what became of it is an edit of the last"
        assert len(about(slack)) == len(said)
        assert slack.hidden_count == 0

    run_virtual(life, start=START)
