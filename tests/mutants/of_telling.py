"""S12: what is told is told once, in its turn, and never lost."""

from tests.mutants.kinds import mutant

_OUTBOX = "store/outbox.py"
_CLAIMING = "store/claiming.py"
_OF_OUTBOX = "tests/store/test_outbox.py"
_NOTICES = "store/notices.py"
_OF_NOTICES = "tests/store/test_notices.py"
_POST = "notify/post.py"
_OF_POST = "tests/notify/test_post.py"
_DELIVER = "notify/slack/deliver.py"
_SLACK_ANSWERS = "notify/slack/answers.py"
_OF_SLACK = "tests/notify/test_slack.py"
_OF_WEBHOOK = "tests/notify/test_webhook.py"

TELLING = (
    mutant(
        "S12", "a channel gets messages as fast as they come", _OUTBOX,
        "        close_until(session, letter.destination, now + SPACING)\n", "        pass\n",
        _OF_OUTBOX, "test_one_message_at_a_time_and_not_faster_than_slack_shows_them",
    ),
    mutant(
        "S12", "a channel may be written to before its time", _CLAIMING,
        "union_all(_CLAIMED, CLOSED)", "_CLAIMED",
        _OF_OUTBOX, "test_one_message_at_a_time_and_not_faster_than_slack_shows_them",
    ),
    mutant(
        "S12", "what one sends another sends too", _CLAIMING,
        "union_all(_CLAIMED, CLOSED)", "CLOSED",
        _OF_OUTBOX, "test_one_message_at_a_time_and_not_faster_than_slack_shows_them",
    ),
    mutant(
        "S12", "a channel that asked to be left alone is not", _OUTBOX,
        "    close_until(session, letter.destination, until)\n", "",
        _OF_OUTBOX, "test_what_else_waits_for_a_channel_that_asked_to_be_left_alone_waits_too",
    ),
    mutant(
        "S12", "a receipt that comes late is taken back", _OUTBOX,
        'where(OUTBOX.c.id == bindparam("number"), ~_SENT)',
        'where(OUTBOX.c.id == bindparam("number"))',
        _OF_OUTBOX, "test_a_receipt_that_comes_late_is_kept",
    ),
    mutant(
        "S12", "that it may have been taken is forgotten", _OUTBOX,
        "return to_ms(now) if in_doubt or letter.key in letter.doubts else None", "return None",
        _OF_OUTBOX, "test_a_try_that_may_have_been_taken_is_remembered_as_such",
    ),
    mutant(
        "S12", "what was in doubt before is so no more", _OUTBOX,
        "if in_doubt or letter.key in letter.doubts else None", "if in_doubt else None",
        _OF_OUTBOX, "test_doubt_stays_until_there_is_a_receipt",
    ),
    mutant(
        "S12", "what happened is left out where there is news", _CLAIMING,
        'chosen = next((row for row in pending if stands_alone(notice_of(row["notice"]))), '
        "pending[-1])", "chosen = pending[-1]",
        _OF_OUTBOX, "test_what_happened_is_told_in_its_turn_and_not_replaced",
    ),
    mutant(
        "S12", "said again it is told again", _NOTICES,
        'has_news = notice.resolved or _is_worse(notice.severity, Severity(firing["severity"]))',
        "has_news = True",
        _OF_NOTICES, "test_said_again_it_is_told_once_and_keeps_its_first_instant",
    ),
    mutant(
        "S12", "an event is told again", _NOTICES,
        "    if notice.once or to_ms(notice.at) <", "    if to_ms(notice.at) <",
        _OF_NOTICES, "test_an_event_is_told_once_however_severe_it_is_said_to_be_later",
    ),
    mutant(
        "S12", "its end is not told", _NOTICES,
        "has_news = notice.resolved or _is_worse", "has_news = _is_worse",
        _OF_NOTICES, "test_resolved_it_is_told_and_may_fire_anew",
    ),
    mutant(
        "S12", "a warning that nobody takes is given up", _POST,
        "        if is_waited_for:\n", "        if False:\n",
        _OF_POST, "test_what_something_waits_for_is_tried_again_until_it_is_taken",
    ),
    mutant(
        "S12", "what is given up is told nowhere else", _POST,
        "            put_again(session, letter, elsewhere)\n", "            pass\n",
        _OF_POST, "test_what_never_will_be_taken_goes_to_the_fallback_at_once",
    ),
    mutant(
        "S12", "a rest that the receiver asked for is ours to choose", _POST,
        "        if error.retry_after is not None:\n            return min(",
        "        if False:\n            return min(",
        _OF_POST, "test_a_rest_that_was_asked_for_outlives_the_process",
    ),
    mutant(
        "S12", "after a time-out it is not looked up", _DELIVER,
        "if root is None and letter.doubts:", "if False:",
        _OF_SLACK, "test_what_was_perhaps_taken_is_looked_up_before_it_is_said_again",
    ),
    mutant(
        "S12", "a reply that may be there is not looked up", _DELIVER,
        "            if letter.key in letter.doubts:\n", "            if False:\n",
        _OF_SLACK, "test_a_reply_is_looked_up_in_its_thread",
    ),
    mutant(
        "S12", "a duplicate does not say so", _DELIVER,
        "message.marked() if repeated else message", "message",
        _OF_SLACK, "test_where_it_cannot_be_looked_up_one_duplicate_says_so",
    ),
    mutant(
        "S12", "a duplicate in a webhook does not say so", "notify/webhook.py",
        "        message = message.marked() if letter.doubts else message\n", "",
        _OF_WEBHOOK, "test_what_slack_perhaps_took_says_so_when_it_comes_again",
    ),
    mutant(
        "S12", "what comes again in a webhook has another id", "notify/webhook.py",
        '"id": letter.key,', '"id": f"{letter.key}-{letter.tries}",',
        _OF_WEBHOOK, "test_what_was_perhaps_taken_comes_again_under_the_same_id",
    ),
    mutant(
        "S12", "a message whose answer never came was not taken", _DELIVER,
        "                unknown=method == _POST,\n", "                unknown=False,\n",
        _OF_SLACK, "test_what_was_perhaps_taken_is_looked_up_before_it_is_said_again",
    ),
    mutant(
        "S12", "an error of Slack's means that it was not taken", _SLACK_ANSWERS,
        "        raise Refused(code, where=where, unknown=True)\n",
        "        raise Refused(code, where=where)\n",
        _OF_SLACK, "test_what_was_perhaps_taken_is_looked_up_before_it_is_said_again",
    ),
    mutant(
        "S12", "Retry-After of Slack is ignored", _SLACK_ANSWERS,
        "raise Refused(code, where=where, retry_after=_rest(retry_after))",
        "raise Refused(code, where=where)",
        _OF_SLACK, "test_the_rest_that_slack_asks_for_is_kept_over_a_restart",
    ),
    mutant(
        "S12", "half of a channel was looked through, so it is not there", "notify/slack/lookup.py",
        "self.is_whole = not _cursor(page)", "self.is_whole = True",
        _OF_SLACK, "test_more_messages_than_are_looked_through_are_not_taken_for_none",
    ),
)  # fmt: skip
