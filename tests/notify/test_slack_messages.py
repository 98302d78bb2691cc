"""What a message says, whatever the names in it, and that Slack will take it."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.slack.compose import compose, compose_alone, reply_to
from firewarden.notify.slack.messages import MOST_BLOCKS, MOST_LETTERS, Message, foreign, when
from tests.notify.offices import ACTED, CANCELLED, WARNING
from tests.support.clock import NOW

DUE = "<!date^1793794500^{time}|12:15 UTC>"
DOOMED = "<!date^1794398400^{date_short} {time}|2026-11-11 12:00 UTC>"
CHANGE = {
    "before_min_replica_count": "1",
    "before_max_replica_count": "4",
    "before_desired_replica_count": "2",
    "after_min_replica_count": "0",
    "after_desired_replica_count": "0",
}
TAGGED = re.compile(r"<(?!!date\^\d+\^)[^>]*>")
"""What Slack would read as a mention, a channel or a link."""


def facts(notice: Notice, **changes: str) -> Notice:
    return replace(notice, facts={**notice.facts, **changes})


@pytest.mark.parametrize(
    ("notice", "headline"),
    [
        pytest.param(
            WARNING,
            f"🟡 exp-7 idle 45m · 8×H100 · 64.00 USD/h · scales to zero at {DUE}",
            id="a warning",
        ),
        pytest.param(
            facts(WARNING, mode="warn"),
            f"🟡 exp-7 idle 45m · 8×H100 · 64.00 USD/h · would scale to zero at {DUE}",
            id="one that nothing follows",
        ),
        pytest.param(
            facts(WARNING, mode="approve", verb="delete"),
            f"🟡 exp-7 idle 45m · 8×H100 · 64.00 USD/h · is deleted at {DUE} once approved",
            id="one that needs a yes",
        ),
        pytest.param(
            facts(WARNING, saves_usd_per_hour="unpriced", acts_at="", accelerator_type=""),
            "🟡 exp-7 idle 45m · 8×GPU · unpriced · scales to zero",
            id="without a price, an instant, a type",
        ),
        pytest.param(replace(WARNING, facts={}, uid=None), "🟡 acme", id="without any fact at all"),
        pytest.param(
            ACTED,
            "✅ exp-7 scaled to zero <!date^1793794500^{time}|12:15 UTC> · saves up to 64.00 USD/h",
            id="done",
        ),
        pytest.param(
            facts(ACTED, commitments="declared", saves_usd_per_hour="8.00"),
            "✅ exp-7 scaled to zero <!date^1793794500^{time}|12:15 UTC> · saves 8.00 USD/h",
            id="done, at the margin",
        ),
        pytest.param(facts(ACTED, mode="warn"), "✅ exp-7: now", id="what would have been done"),
        pytest.param(CANCELLED, "↩️ in use", id="left alone"),
        pytest.param(
            replace(WARNING, kind="hello", text="firewarden watches acme"),
            "👁 firewarden watches acme",
            id="hello",
        ),
        pytest.param(
            replace(WARNING, kind="policy.limit_hit", text="14 are due, none was stopped"),
            "✋ 14 are due, none was stopped",
            id="held back",
        ),
        pytest.param(
            replace(WARNING, kind="policy.limit_hit", text="nothing waits", resolved=True),
            "✅ nothing waits",
            id="held back no more",
        ),
        pytest.param(
            replace(WARNING, kind="meter.gap", severity=Severity.WARN, text="no data"),
            "⚠️ no data",
            id="any other",
        ),
        pytest.param(
            replace(WARNING, kind="action.failed", severity=Severity.PAGE, text="failed"),
            "🔴 failed",
            id="a page",
        ),
    ],
)
def test_the_first_line_says_it_all(notice: Notice, headline: str) -> None:
    message = compose(notice)

    assert message.text == headline
    assert message.blocks[0]["text"]["text"] == headline


def test_a_warning_says_what_it_rests_on_and_how_to_stop_it() -> None:
    message = compose(
        facts(
            WARNING,
            evidence="0 requests, 0 tokens, 0 in flight in 92 of 92 scrapes",
            wakes="the first caller gets 503 for ~6 min, p50 of 4 wakes",
            provider_deletes_at="2026-11-11T12:00:00+00:00",
        )
    )

    assert message.lines == (
        "0 requests, 0 tokens, 0 in flight in 92 of 92 scrapes",
        "the first caller gets 503 for ~6 min, p50 of 4 wakes",
        f"Fireworks deletes it {DOOMED} if nobody calls it.",
    )
    assert message.notes == (
        "keep it: `firewarden snooze exp-7 --for 4h`",
        "acme · policy idle (enforce)",
    )


def test_evidence_given_in_parts_is_one_line() -> None:
    message = compose(facts(WARNING, evidence_requests="0", evidence_in_flight="0"))

    assert message.lines == ("0 requests, 0 in flight",)


def test_what_was_done_is_undone_by_a_line_that_can_be_copied() -> None:
    assert compose(ACTED).notes[0] == "undo it: `firewarden restore exp-7`"
    assert compose(facts(ACTED, verb="delete")).notes[0] == "undo it: `firewarden undelete exp-7`"


@pytest.mark.parametrize(
    ("notice", "said", "broadcast"),
    [
        pytest.param(
            facts(ACTED, **CHANGE),
            "*before* min 1, max 4, replicas 2 · *after* min 0, replicas 0",
            False,
            id="what was done",
        ),
        pytest.param(
            replace(WARNING, kind="action.failed", severity=Severity.PAGE, text="failed"),
            "🔴 failed",
            True,
            id="what asks for attention",
        ),
    ],
)
def test_the_thread_gets_what_an_edit_would_tell_nobody(
    notice: Notice, said: str, *, broadcast: bool
) -> None:
    reply = reply_to(notice)

    assert reply is not None
    assert (reply.message.text, reply.broadcast) == (said, broadcast)


@pytest.mark.parametrize(
    "notice",
    [
        pytest.param(CANCELLED, id="left alone"),
        pytest.param(ACTED, id="done, nobody knows what"),
        pytest.param(facts(CANCELLED, **CHANGE), id="left alone after a change"),
        pytest.param(replace(WARNING, severity=Severity.WARN, resolved=True), id="over"),
    ],
)
def test_everything_else_is_only_edited(notice: Notice) -> None:
    assert reply_to(notice) is None


def test_without_a_thread_the_message_says_what_the_thread_would() -> None:
    assert compose_alone(facts(ACTED, **CHANGE)).lines == (
        "*before* min 1, max 4, replicas 2 · *after* min 0, replicas 0",
    )


@pytest.mark.parametrize(
    ("away", "shown"),
    [
        pytest.param(timedelta(minutes=15), "{time}|12:15 UTC", id="today"),
        pytest.param(timedelta(hours=20), "{date_short} {time}|2026-11-05 08:00 UTC", id="later"),
        pytest.param(timedelta(days=-1), "{date_short} {time}|2026-11-03 12:00 UTC", id="before"),
    ],
)
def test_an_instant_is_shown_in_the_zone_of_the_reader(away: timedelta, shown: str) -> None:
    at = NOW + away

    assert when(at, now=NOW) == f"<!date^{int(at.timestamp())}^{shown}>"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("<!here> & <@U1>", "&lt;!here&gt; &amp; &lt;@U1&gt;", id="mentions"),
        pytest.param("a\nb\x1b[31m", "a�b�[31m", id="control characters"),
        pytest.param("\u202eabc", "�abc", id="reordered letters"),
        pytest.param("x" * 300, "x" * 199 + "…", id="too long"),
        pytest.param("&" * 300, "&amp;" * 39 + "…", id="too long when it is escaped"),
    ],
)
def test_a_foreign_name_names_nobody(name: str, written: str) -> None:
    assert foreign(name) == written


@pytest.mark.parametrize("name", ["x; reboot", "`reboot`", "$(reboot)", "--all", "a\nb", ""])
def test_a_command_that_is_copied_runs_nothing_else(name: str) -> None:
    message = compose(facts(WARNING, deployment_id=name))

    assert message.notes[0] == "keep it: `firewarden snooze NAME --for 4h`"


def test_what_may_be_there_already_says_so() -> None:
    assert compose(CANCELLED).marked().text == "↩️ in use (may be repeated)"


hostile = st.text(max_size=60) | st.sampled_from(
    ["<!channel>", "<@U1|x>", "<https://evil.example|ok>", "`", "*", "&lt;", "\0", "x" * 9_000]
)
keys = st.sampled_from(
    [*WARNING.facts, *CHANGE, "evidence", "evidence_requests", "wakes", "provider_deletes_at"]
)
KINDS = ["idle.warn", "idle.acted", "idle.cancelled", "meter.gap", "action.failed", "hello"]


@given(
    kind=st.sampled_from(KINDS),
    text=hostile,
    given_facts=st.dictionaries(keys | hostile, hostile, max_size=20),
    severity=st.sampled_from(Severity),
    resolved=st.booleans(),
)
def test_whatever_the_names_slack_takes_it_and_nobody_is_called(
    kind: str, text: str, given_facts: dict[str, str], severity: Severity, *, resolved: bool
) -> None:
    notice = replace(
        WARNING, kind=kind, text=text, facts=given_facts, severity=severity, resolved=resolved
    )
    reply = reply_to(notice)
    for message in (compose(notice), compose_alone(notice), reply.message if reply else None):
        if message is not None:
            assert_fits(message)
            assert TAGGED.findall(json.dumps(message.blocks, ensure_ascii=False)) == []
            assert TAGGED.findall(message.plain) == []


def assert_fits(message: Message) -> None:
    texts = [text for block in message.blocks for text in texts_of(block)]
    assert texts[0] == message.text
    assert len(message.blocks) <= MOST_BLOCKS
    assert sum(map(len, texts)) <= MOST_LETTERS
    assert max(map(len, texts)) <= 3_000
    assert len(message.plain) <= MOST_LETTERS


def texts_of(block: dict[str, Any]) -> list[str]:
    parts = [block.get("text"), *block.get("elements", [])]
    return [part["text"] for part in parts if part]


def test_a_message_of_many_lines_ends_before_slack_would_refuse_it() -> None:
    message = Message(headline="h", lines=tuple(["x" * 2_900] * 20), notes=("n",))

    assert_fits(message)
    assert len(message.blocks) == 6
