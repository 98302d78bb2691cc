"""Letters to Slack: one message for a story, never two where one was meant, none that is hidden."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from firewarden.model.delivery import Delivery, Destination, Receipt, Way
from firewarden.model.vocabulary import Severity
from firewarden.notify.post import Poster, PostOffice
from firewarden.notify.slack.answers import Door
from firewarden.notify.slack.deliver import SlackPoster
from firewarden.ports import Crash, CrashPoint
from firewarden.store.outbox import root_of
from tests.notify.offices import ACTED, CANCELLED, COSTS, LOG, OPS, WARNING, Mailbox, Setting
from tests.support.clock import NOW
from tests.support.slack import Channel, FakeSlack, Message

SOON = timedelta(milliseconds=200)
MINUTE = timedelta(minutes=1)
ANN = Destination(way=Way.SLACK_DM, address="ann@example.com")
CHANGED = replace(ACTED, facts={**ACTED.facts, "before_min_replica_count": "1"})

Open = Callable[..., PostOffice]


@pytest.fixture
def mailbox(setting: Setting) -> Mailbox:
    return Mailbox(setting.clock)


@pytest.fixture
def open_office(setting: Setting, door: Door, mailbox: Mailbox) -> Open:
    def make(
        *, fallback: Collection[Destination] = (), crash: Crash = lambda _point: None
    ) -> PostOffice:
        office = setting.office({}, fallback=fallback, crash=crash)
        poster = SlackPoster(door, office._means, timeout=SOON)
        posters: dict[Way, Poster] = {Way.SLACK: poster, Way.SLACK_DM: poster, Way.LOG: mailbox}
        return setting.office(posters, fallback=fallback, crash=crash)

    return make


def only(messages: list[Message]) -> Message:
    (message,) = messages
    return message


async def test_a_story_is_one_message_that_is_edited_and_a_thread(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    setting.write(WARNING)
    await setting.until_idle(open_office())
    warned = only(slack.shown("gpu-costs")).text
    setting.write(CHANGED)
    await setting.until_idle(open_office())

    message = only(slack.shown("gpu-costs"))
    assert message.edits == [warned]
    assert message.text.startswith("✅ exp-7 scaled to zero")
    assert only(slack.replies(message)).text == "*before* min 1"
    assert setting.delivery() == Delivery(delivered_at=NOW)


async def test_a_cancellation_edits_and_posts_nothing(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    for notice in (WARNING, CANCELLED):
        setting.write(notice)
        await setting.until_idle(open_office())

    message = only(slack.messages)
    assert message.text == "↩️ in use"
    assert message.blocks[0]["text"]["text"] == message.text


async def test_what_asks_for_attention_is_shown_in_the_channel_too(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    page = replace(WARNING, kind="action.failed", severity=Severity.PAGE, text="did not stop")
    for notice in (WARNING, replace(page, at=NOW + MINUTE)):
        setting.write(notice)
        await setting.until_idle(open_office())

    root, reply = slack.shown("gpu-costs")
    assert root.text == reply.text == "🔴 did not stop"
    assert (reply.thread_ts, reply.is_broadcast) == (root.ts, True)


async def test_no_message_is_hidden_however_many_there_are(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    setting.write(*(replace(WARNING, key=f"{number}") for number in range(12)))
    setting.write(*(replace(WARNING, key=f"{number}") for number in range(12, 24)), to=[OPS])

    took = await setting.until_idle(open_office())

    assert len(slack.shown("gpu-costs")) == len(slack.shown("gpu-ops")) == 12
    assert slack.hidden_count == 0
    assert took < timedelta(seconds=20)


async def test_a_channel_is_looked_up_once_page_by_page(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    slack.page_size = 1
    setting.write(WARNING, replace(WARNING, key="another"), to=[OPS])

    await setting.until_idle(open_office())

    assert len(slack.shown("gpu-ops")) == 2
    assert len(slack.called("conversations.list")) == 2


async def test_without_the_right_to_see_private_channels_public_ones_are_found(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    slack.scopes.remove("groups:read")
    setting.write(WARNING)

    await setting.until_idle(open_office())

    assert len(slack.shown("gpu-costs")) == 1


async def test_a_person_is_found_by_address_and_written_to(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    slack.people["ann@example.com"] = "U1"
    setting.write(WARNING, replace(WARNING, key="another"), to=[ANN])

    await setting.until_idle(open_office())

    assert [message.channel for message in slack.messages] == ["DU1", "DU1"]
    assert len(slack.called("users.lookupByEmail")) == 1


@pytest.mark.parametrize("kind", ["http_429", "ratelimited", "message_limit_exceeded"])
async def test_the_rest_that_slack_asks_for_is_kept_over_a_restart(
    setting: Setting, slack: FakeSlack, open_office: Open, kind: str
) -> None:
    setting.write(WARNING, replace(WARNING, key="another"))
    slack.fail(kind, count=1, retry_after=30)
    with capture_logs():
        await open_office().run_once()

    restarted = open_office()
    assert await restarted.pause() == timedelta(seconds=30)
    assert await restarted.run_once() == 0
    await setting.until_idle(restarted)

    assert len(slack.shown("gpu-costs")) == 2
    assert slack.hidden_count == 0
    assert len(slack.called("chat.postMessage")) == 3


@pytest.mark.parametrize(
    "kind", ["hang_before", "hang_after", "http_503", "http_500_after", "garbage", "fatal_error"]
)
async def test_what_was_perhaps_taken_is_looked_up_before_it_is_said_again(
    setting: Setting, slack: FakeSlack, open_office: Open, kind: str
) -> None:
    setting.write(WARNING)
    slack.fail(kind, count=1)
    with capture_logs() as logs:
        await setting.until_idle(open_office())

    message = only(slack.shown("gpu-costs"))
    assert message.text.startswith("🟡 exp-7")
    assert "may be repeated" not in message.text
    assert setting.delivery() == Delivery(delivered_at=NOW)
    assert [entry["event"] for entry in logs] == ["notice.undelivered"]


async def test_what_happened_since_edits_the_message_that_was_taken_without_a_receipt(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    setting.write(WARNING)
    slack.fail("hang_after", count=1)
    with capture_logs():
        await open_office().run_once()
    setting.write(CANCELLED)

    await setting.until_idle(open_office())

    message = only(slack.messages)
    assert (message.text, len(message.edits)) == ("↩️ in use", 1)


async def test_where_it_was_not_taken_after_all_its_end_is_left_unsaid(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    setting.write(WARNING)
    slack.fail("hang_before", count=1)
    with capture_logs():
        await open_office().run_once()
    setting.write(CANCELLED)

    await setting.until_idle(open_office())

    assert slack.messages == []


@pytest.mark.parametrize(
    ("kind", "count"),
    [pytest.param("hang_after", 2, id="taken"), pytest.param("hang_before", 1, id="not")],
)
async def test_where_it_cannot_be_looked_up_one_duplicate_says_so(
    setting: Setting, slack: FakeSlack, open_office: Open, kind: str, count: int
) -> None:
    slack.scopes.remove("channels:history")
    setting.write(WARNING)
    slack.fail(kind, count=1)
    with capture_logs():
        await setting.until_idle(open_office())

    messages = slack.shown("gpu-costs")
    assert len(messages) == count
    assert messages[-1].text.endswith(" (may be repeated)")


async def test_more_messages_than_are_looked_through_are_not_taken_for_none(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    slack.page_size = 2
    slack.fail("hang_after", count=1)
    setting.write(WARNING)
    with capture_logs():
        await open_office().run_once()
    channel = slack.channel("gpu-costs").id
    for number in range(20):
        await setting.wall.advance(timedelta(seconds=2))
        arguments = {"channel": channel, "text": f"chatter {number}"}
        slack.answer("chat.postMessage", arguments, token=slack.token)

    await setting.until_idle(open_office())

    assert slack.messages[-1].text.endswith("(may be repeated)")


async def test_one_that_dies_after_sending_leaves_one_message(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    class Killed(BaseException):
        pass

    def kill(point: CrashPoint) -> None:
        if point is CrashPoint.NOTICE_SENT:
            raise Killed

    for notice in (WARNING, CHANGED):
        setting.write(notice)
        await setting.wall.advance(MINUTE)
        with pytest.raises(Killed):
            await open_office(crash=kill).run_once()
        await setting.until_idle(open_office())

    message = only(slack.shown("gpu-costs"))
    assert message.text.startswith("✅")
    assert len(slack.replies(message)) == 1


@pytest.mark.parametrize("kind", ["hang_after", "hang_before"])
async def test_a_reply_is_looked_up_in_its_thread(
    setting: Setting, slack: FakeSlack, open_office: Open, kind: str
) -> None:
    setting.write(WARNING)
    await setting.until_idle(open_office())
    setting.write(CHANGED)
    slack.fail(kind, count=1)
    with capture_logs():
        await setting.until_idle(open_office())

    assert only(slack.replies(only(slack.shown("gpu-costs")))).text == "*before* min 1"


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
async def test_blocks_that_slack_refuses_are_sent_as_text(
    setting: Setting, slack: FakeSlack, open_office: Open, code: str
) -> None:
    setting.write(WARNING)
    slack.fail(code, count=1)

    await setting.until_idle(open_office())

    message = only(slack.shown("gpu-costs"))
    assert message.blocks == []
    assert message.text.splitlines()[1] == "keep it: `firewarden snooze exp-7 --for 4h`"


async def test_a_message_that_somebody_deleted_is_posted_anew(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    setting.write(WARNING)
    await setting.until_idle(open_office())
    slack.messages.clear()
    setting.write(CHANGED)

    await setting.until_idle(open_office())

    message = only(slack.messages)
    assert message.text.startswith("✅")
    assert message.blocks[1]["text"]["text"] == "*before* min 1"


@pytest.mark.parametrize(
    "code",
    [
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "token_revoked",
        "invalid_auth",
        "account_inactive",
        "missing_scope",
        "what_nobody_knows",
    ],
)
async def test_what_slack_never_will_take_goes_to_the_fallback(
    setting: Setting, slack: FakeSlack, open_office: Open, mailbox: Mailbox, code: str
) -> None:
    setting.write(WARNING, to=[LOG, COSTS])
    slack.fail(code, channel=slack.channel("gpu-costs").id)

    with capture_logs():
        await setting.until_idle(open_office(fallback=[OPS]))

    assert sorted(message.text[0] for message in slack.shown("gpu-ops")) == ["⚠", "🟡"]
    assert slack.shown("gpu-costs") == []
    assert mailbox.told == [("log", "idle.warn"), ("log", "delivery.degraded")]
    assert setting.delivery() == Delivery(delivered_at=NOW)
    (alert,) = setting.alerts("delivery.degraded")
    assert code in alert.text


async def test_a_channel_that_is_not_there_is_not_there_until_it_is(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    gone = Destination(way=Way.SLACK, address="renamed")
    setting.write(WARNING, to=[gone])
    with capture_logs():
        await setting.until_idle(open_office())
    slack.channels["C9"] = Channel(id="C9", name="renamed")
    setting.write(replace(WARNING, key="another"), to=[gone])

    await setting.until_idle(open_office())

    assert len(slack.shown("renamed")) == 1
    (alert,) = setting.alerts("delivery.degraded")
    assert alert.resolved


async def test_a_channel_that_was_made_anew_is_found_anew(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    setting.write(WARNING)
    await setting.until_idle(open_office())
    old = slack.channel("gpu-costs")
    old.is_archived, old.name = True, "gpu-costs-old"
    slack.channels["C9"] = Channel(id="C9", name="gpu-costs")
    for key in ("second", "third"):
        setting.write(replace(WARNING, key=key))
        with capture_logs():
            await setting.until_idle(open_office())

    assert len(slack.shown("gpu-costs")) == 1


async def test_an_outage_of_an_hour_loses_nothing_and_says_nothing_twice(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    slack.fail("http_503", method=".*", until=setting.wall.now() + timedelta(hours=1))
    setting.write(*(replace(WARNING, key=f"{number}") for number in range(5)))
    setting.write(replace(CANCELLED, key="0"))

    with capture_logs():
        took = await setting.until_idle(open_office())

    assert timedelta(hours=1) <= took <= timedelta(hours=1, minutes=20)
    assert len(slack.messages) == len({message.row for message in slack.messages}) == 4
    assert slack.hidden_count == 0


async def test_the_receipt_is_that_of_slack(
    setting: Setting, slack: FakeSlack, door: Door, open_office: Open
) -> None:
    setting.write(WARNING)
    await setting.until_idle(open_office())

    message = only(slack.messages)
    with setting.database.reading() as session:
        assert root_of(session, CANCELLED, COSTS) == Receipt(
            at=NOW, channel=message.channel, message=message.ts
        )


async def test_no_link_or_mention_is_made_of_what_is_sent(
    setting: Setting, slack: FakeSlack, open_office: Open
) -> None:
    hostile = replace(WARNING, facts={**WARNING.facts, "deployment_id": "<!here>"})
    setting.write(hostile)
    await setting.until_idle(open_office())

    (arguments,) = slack.called("chat.postMessage")
    assert "&lt;!here&gt;" in arguments["text"]
    assert (arguments["unfurl_links"], arguments["unfurl_media"]) == (False, False)
    assert "link_names" not in arguments
    assert "parse" not in arguments
