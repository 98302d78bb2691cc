"""The fake does what Slack does; what is proven with it is worth as much."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.slack import FakeSlack, Message

HELLO = {"channel": "C000", "text": "hello"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def slack(clock: FakeClock) -> FakeSlack:
    return FakeSlack(clock)


def ask(slack: FakeSlack, method: str = "chat.postMessage", **arguments: Any) -> Any:
    answer = slack.answer(method, arguments or HELLO, token=slack.token)
    return answer.body


async def test_more_than_a_message_a_second_is_taken_and_hidden(
    slack: FakeSlack, clock: FakeClock
) -> None:
    for _ in range(3):
        assert ask(slack)["ok"]
        await clock.advance(timedelta(milliseconds=600))
    assert ask(slack, channel="C001", text="elsewhere")["ok"]

    assert [message.hidden for message in slack.messages] == [False, True, True, False]
    assert slack.hidden_count == 2
    assert len(slack.shown("gpu-costs")) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"channel": "gpu-costs", "text": "x"}, "channel_not_found", id="a name"),
        pytest.param({"channel": "C000", "text": ""}, "no_text", id="nothing"),
        pytest.param({"channel": "C000", "text": "x" * 40_001}, "msg_too_long", id="long"),
        pytest.param(
            {"channel": "C000", "text": "x", "blocks": [{"text": {"text": "x" * 3_001}}]},
            "invalid_blocks",
            id="a long block",
        ),
        pytest.param(
            {"channel": "C000", "text": "x", "blocks": [{"text": {"text": "x" * 3_000}}] * 5},
            "msg_blocks_too_long",
            id="long blocks",
        ),
    ],
)
def test_what_slack_refuses(slack: FakeSlack, arguments: dict[str, Any], error: str) -> None:
    assert ask(slack, **arguments) == {"ok": False, "error": error}
    assert slack.messages == []


def test_channels_that_cannot_be_written_to(slack: FakeSlack) -> None:
    channel = slack.channel("gpu-costs")
    channel.is_archived = True
    assert ask(slack)["error"] == "is_archived"
    channel.is_archived, channel.is_member = False, False
    assert ask(slack)["error"] == "not_in_channel"
    channel.is_private = True
    assert ask(slack)["error"] == "channel_not_found"


def test_a_wrong_token_and_a_missing_scope_are_refused(slack: FakeSlack) -> None:
    refused = slack.answer("auth.test", {}, token="another")
    assert refused.body == {"ok": False, "error": "invalid_auth"}
    slack.scopes.remove("chat:write")
    assert ask(slack)["error"] == "missing_scope"


def test_pages_end_with_an_empty_cursor(slack: FakeSlack) -> None:
    slack.page_size = 1
    first = ask(slack, "conversations.list", types="public_channel")
    cursor = first["response_metadata"]["next_cursor"]
    second = ask(slack, "conversations.list", types="public_channel", cursor=cursor)

    assert [page["channels"][0]["name"] for page in (first, second)] == ["gpu-costs", "gpu-ops"]
    assert second["response_metadata"]["next_cursor"] == ""


async def test_history_is_newest_first_with_metadata_for_who_asks(
    slack: FakeSlack, clock: FakeClock
) -> None:
    ask(slack, **HELLO, metadata={"event_type": "e", "event_payload": {"row": "1"}})
    await clock.advance(timedelta(seconds=2))
    ask(slack, channel="C000", text="second")
    first: Message = slack.messages[0]

    plain = ask(slack, "conversations.history", channel="C000")
    whole = ask(slack, "conversations.history", channel="C000", include_all_metadata="1")
    late = ask(slack, "conversations.history", channel="C000", oldest=slack.messages[1].ts)

    assert [message["text"] for message in plain["messages"]] == ["second", "hello"]
    assert "metadata" not in plain["messages"][1]
    assert whole["messages"][1]["metadata"] == first.metadata
    assert [message["text"] for message in late["messages"]] == ["second"]


def test_a_thread_is_no_part_of_the_channel_unless_it_is_shown_there(slack: FakeSlack) -> None:
    root = ask(slack)["ts"]
    ask(slack, **HELLO, thread_ts=root)
    ask(slack, **HELLO, thread_ts=root, reply_broadcast=True)

    history = ask(slack, "conversations.history", channel="C000")["messages"]
    thread = ask(slack, "conversations.replies", channel="C000", ts=root)["messages"]

    assert (len(history), len(thread)) == (2, 3)


def test_an_edit_keeps_what_was_there(slack: FakeSlack) -> None:
    ts = ask(slack)["ts"]
    assert ask(slack, "chat.update", channel="C000", ts=ts, text="bye")["ok"]

    assert (slack.messages[0].text, slack.messages[0].edits) == ("bye", ["hello"])
    assert ask(slack, "chat.update", channel="C000", ts="1.0", text="x")["error"] == (
        "message_not_found"
    )


@pytest.mark.parametrize(
    ("kind", "status", "taken"),
    [
        pytest.param("hang_before", None, False, id="hangs before"),
        pytest.param("hang_after", None, True, id="hangs after"),
        pytest.param("http_500_after", 500, True, id="an error after"),
        pytest.param("http_503", 503, False, id="away"),
        pytest.param("http_429", 429, False, id="too many"),
        pytest.param("token_revoked", 200, False, id="an error of its own"),
    ],
)
async def test_a_fault_hits_as_often_and_as_long_as_it_was_told_to(
    slack: FakeSlack, clock: FakeClock, kind: str, status: int | None, *, taken: bool
) -> None:
    slack.fail(kind, count=1)
    answer = slack.answer("chat.postMessage", HELLO, token=slack.token)
    assert (None if answer.body is None else answer.status) == status
    assert len(slack.messages) == taken
    assert ask(slack)["ok"]

    slack.fail(kind, until=clock.now() + timedelta(minutes=1), channel="C001")
    assert ask(slack)["ok"]
    assert slack.answer("chat.postMessage", {**HELLO, "channel": "C001"}, token="t") != ask(slack)
    await clock.advance(timedelta(minutes=1))
    assert ask(slack, channel="C001", text="x")["ok"]
