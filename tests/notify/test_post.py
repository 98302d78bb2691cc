"""What is due is sent, what fails is tried again in time, and what never will goes elsewhere."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from firewarden.errors import FileUnusable, NotDelivered
from firewarden.model.delivery import Delivery, Destination, Way
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.log import LogNotifier
from firewarden.notify.post import ASIDE_FOR, LONGEST_PAUSE, Local
from firewarden.ports import CrashPoint
from tests.notify.offices import ACTED, CANCELLED, COSTS, LOG, OPS, WARNING, Mailbox, Setting
from tests.support.clock import NOW

MINUTE = timedelta(minutes=1)
AWAY = NotDelivered("HTTP 503")
GONE = NotDelivered("channel_not_found", mend="invite the bot", for_good=True)


@pytest.fixture
def mailbox(setting: Setting) -> Mailbox:
    return Mailbox(setting.clock)


async def test_what_is_due_is_sent_and_dated_by_the_clock_of_the_daemon(
    setting: Setting, mailbox: Mailbox
) -> None:
    await setting.clock.advance(10 * MINUTE)
    setting.write(WARNING)
    office = setting.office({Way.SLACK: mailbox})

    assert await office.run_once() == 1
    assert await office.run_once() == 0
    assert await office.pause() is None
    assert mailbox.told == [("slack:gpu-costs", "idle.warn")]
    assert setting.delivery() == Delivery(delivered_at=NOW + 10 * MINUTE)


async def test_one_channel_gets_a_message_a_second_and_others_need_not_wait(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(*(replace(WARNING, key=f"{number}") for number in range(10)))
    setting.write(replace(WARNING, key="elsewhere"), to=[OPS])
    office = setting.office({Way.SLACK: mailbox})

    assert await office.run_once() == 2
    took = await setting.until_idle(office)

    assert len(mailbox.taken) == 11
    assert took >= timedelta(seconds=9)


async def test_what_failed_is_tried_ever_more_seldom_until_it_is_taken(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING)
    office = setting.office({Way.SLACK: mailbox})
    mailbox.errors[COSTS] = AWAY
    pauses = []
    with capture_logs() as logs:
        for _ in range(12):
            assert await office.run_once() == 0
            pause = await office.pause()
            assert pause is not None
            pauses.append(pause)
            await setting.wall.advance(pause)
    assert max(pauses) <= LONGEST_PAUSE
    assert max(pauses[8:]) > MINUTE > max(pauses[:3])
    assert {entry["event"] for entry in logs} == {"notice.undelivered"}
    assert setting.delivery() == Delivery(failed=True)

    mailbox.errors.clear()
    assert await office.run_once() == 1
    assert setting.delivery() == Delivery(delivered_at=NOW)


async def test_a_rest_that_was_asked_for_outlives_the_process(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING, replace(WARNING, key="another"))
    mailbox.errors[COSTS] = NotDelivered("HTTP 429", retry_after=timedelta(seconds=90))
    await setting.office({Way.SLACK: mailbox}).run_once()
    mailbox.errors.clear()

    restarted = setting.office({Way.SLACK: mailbox})

    assert await restarted.pause() == timedelta(seconds=90)
    await setting.wall.advance(timedelta(seconds=89))
    assert await restarted.run_once() == 0
    await setting.wall.advance(timedelta(seconds=1))
    assert await restarted.run_once() == 1


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        pytest.param(timedelta(days=400), timedelta(days=1), id="absurd"),
        pytest.param(timedelta(seconds=-5), timedelta(seconds=1.12), id="negative"),
    ],
)
async def test_a_rest_that_is_a_mistake_is_bounded(
    setting: Setting, mailbox: Mailbox, asked: timedelta, kept: timedelta
) -> None:
    setting.write(replace(WARNING, severity=Severity.PAGE))
    await setting.wall.advance(MINUTE)
    mailbox.errors[COSTS] = AWAY
    office = setting.office({Way.SLACK: mailbox})
    await office.run_once()
    mailbox.errors[COSTS] = NotDelivered("HTTP 429", retry_after=asked)
    pause = await office.pause()
    assert pause is not None
    await setting.wall.advance(pause)

    await office.run_once()

    assert await office.pause() == kept


@pytest.mark.parametrize(
    ("notice", "hours"),
    [
        pytest.param(WARNING, 24, id="what comes before an act"),
        pytest.param(replace(WARNING, severity=Severity.PAGE, kind="x"), 24, id="a page"),
        pytest.param(replace(WARNING, kind="meter.gap"), 2, id="by the way"),
    ],
)
async def test_what_nobody_takes_for_long_is_given_up_and_said_so(
    setting: Setting, mailbox: Mailbox, notice: Notice, hours: int
) -> None:
    setting.write(notice)
    office = setting.office({Way.SLACK: mailbox, Way.LOG: mailbox})
    mailbox.errors[COSTS] = AWAY

    with capture_logs() as logs:
        took = await setting.until_idle(office)

    assert timedelta(hours=hours) - LONGEST_PAUSE <= took < timedelta(hours=hours)
    assert mailbox.told == [("log", "delivery.degraded")]
    assert [entry["event"] for entry in logs][-1] == "notice.abandoned"


async def test_what_never_will_be_taken_goes_to_the_fallback_at_once(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING, to=[COSTS, LOG])
    posters = {Way.SLACK: mailbox, Way.LOG: mailbox}
    office = setting.office(posters, fallback=[OPS, COSTS])
    mailbox.errors[COSTS] = GONE

    with capture_logs() as logs:
        await setting.until_idle(office)

    assert sorted(mailbox.told) == [
        ("log", "delivery.degraded"),
        ("log", "idle.warn"),
        ("slack:gpu-ops", "delivery.degraded"),
        ("slack:gpu-ops", "idle.warn"),
    ]
    assert setting.delivery() == Delivery(delivered_at=NOW)
    (alert,) = setting.alerts("delivery.degraded")
    assert alert.text == "slack:gpu-costs cannot be reached: channel_not_found; invite the bot"
    assert [(entry["event"], entry["instead"]) for entry in logs] == [
        ("notice.abandoned", ["slack:gpu-ops"])
    ]


@pytest.mark.parametrize(
    "error", [pytest.param(GONE, id="refused"), pytest.param(AWAY, id="not answered for a day")]
)
async def test_what_something_waits_for_is_tried_again_until_it_is_taken(
    setting: Setting, mailbox: Mailbox, error: NotDelivered
) -> None:
    setting.write(WARNING)
    office = setting.office({Way.SLACK: mailbox, Way.LOG: mailbox})
    mailbox.errors[COSTS] = error
    with capture_logs():
        await setting.until_idle(office)
        assert setting.delivery() == Delivery(failed=True)
        await setting.wall.advance(ASIDE_FOR)
        await setting.until_idle(office)
    assert mailbox.told == [("log", "delivery.degraded")], "that is said once"
    mailbox.errors.clear()
    await setting.wall.advance(ASIDE_FOR)

    await setting.until_idle(office)

    assert mailbox.told[1:] == [("slack:gpu-costs", "idle.warn"), ("log", "delivery.degraded")]
    assert setting.delivery() == Delivery(delivered_at=NOW)


@pytest.mark.parametrize(
    ("verb", "error", "delivered_at"),
    [
        pytest.param("delete", AWAY, None, id="a delete, not answered"),
        pytest.param("delete", GONE, NOW, id="a delete, refused"),
        pytest.param("scale_to_zero", AWAY, NOW, id="a stop, not answered"),
    ],
)
async def test_a_delete_is_announced_elsewhere_only_where_its_own_destination_refuses_it(
    setting: Setting,
    mailbox: Mailbox,
    verb: str,
    error: NotDelivered,
    delivered_at: datetime | None,
) -> None:
    setting.write(replace(WARNING, facts={**WARNING.facts, "verb": verb}))
    mailbox.errors[COSTS] = error

    with capture_logs():
        await setting.until_idle(setting.office({Way.SLACK: mailbox}, fallback=[OPS]))

    assert setting.delivery().delivered_at == delivered_at
    assert ("slack:gpu-ops", "delivery.degraded") in mailbox.told


async def test_without_a_fallback_the_log_is_told_and_the_warning_counts_as_undelivered(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING, to=[LOG, COSTS])
    mailbox.errors[COSTS] = GONE

    with capture_logs():
        await setting.until_idle(setting.office({Way.SLACK: mailbox, Way.LOG: mailbox}))

    assert mailbox.told == [("log", "idle.warn"), ("log", "delivery.degraded")]
    assert setting.delivery() == Delivery(failed=True)


async def test_a_fallback_that_fails_too_does_not_go_round_in_circles(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING)
    mailbox.errors = {COSTS: GONE, OPS: GONE}
    office = setting.office({Way.SLACK: mailbox, Way.LOG: mailbox}, fallback=[OPS])

    with capture_logs():
        await setting.until_idle(office)

    assert mailbox.told == [("log", "delivery.degraded")] * 2
    assert setting.delivery() == Delivery(failed=True)


async def test_a_destination_that_works_again_is_said_to(
    setting: Setting, mailbox: Mailbox
) -> None:
    office = setting.office({Way.SLACK: mailbox, Way.LOG: mailbox}, fallback=[OPS])
    mailbox.errors[COSTS] = GONE
    setting.write(WARNING)
    with capture_logs():
        await setting.until_idle(office)
    mailbox.errors.clear()

    setting.write(replace(WARNING, key="another"))
    await setting.until_idle(office)

    (alert,) = setting.alerts("delivery.degraded")
    assert (alert.resolved, alert.text) == (True, "slack:gpu-costs can be reached again")
    assert mailbox.told.count(("slack:gpu-ops", "delivery.degraded")) == 2
    assert mailbox.told.count(("slack:gpu-costs", "delivery.degraded")) == 0


async def test_a_destination_that_nothing_leads_to_is_one_that_cannot_be_reached(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING)

    with capture_logs():
        await setting.until_idle(setting.office({Way.LOG: mailbox}))

    assert mailbox.told == [("log", "delivery.degraded")]
    assert setting.delivery() == Delivery(failed=True)


async def test_one_that_dies_between_sending_and_noting_it_leaves_the_letter_in_doubt(
    setting: Setting, mailbox: Mailbox
) -> None:
    class Killed(BaseException):
        pass

    def kill(point: CrashPoint) -> None:
        if point is CrashPoint.NOTICE_SENT:
            raise Killed

    setting.write(WARNING)
    with pytest.raises(Killed):
        await setting.office({Way.SLACK: mailbox}, crash=kill).run_once()

    await setting.until_idle(setting.office({Way.SLACK: mailbox}))

    first, again = mailbox.taken
    assert (first.doubts, again.doubts) == ((), (first.key,))


async def test_what_is_over_before_it_was_told_is_left_unsaid(
    setting: Setting, mailbox: Mailbox
) -> None:
    setting.write(WARNING, CANCELLED)
    setting.write(replace(WARNING, key="another"), replace(ACTED, key="another"))

    await setting.until_idle(setting.office({Way.SLACK: mailbox}))

    assert mailbox.told == [("slack:gpu-costs", "idle.acted")]


async def test_the_log_is_a_destination_like_any_other(setting: Setting) -> None:
    setting.write(WARNING, to=[LOG])
    office = setting.office({Way.LOG: Local(notifier=LogNotifier(), clock=setting.clock)})

    with capture_logs() as logs:
        assert await office.run_once() == 1

    assert [entry["event"] for entry in logs] == ["notice.raised"]
    assert setting.delivery() == Delivery(delivered_at=NOW)


async def test_a_terminal_that_is_gone_is_not_asked_again(
    setting: Setting, mailbox: Mailbox
) -> None:
    class Closed:
        async def notify(self, _notice: Notice) -> None:
            raise FileUnusable("the terminal is gone")

    terminal = Destination(way=Way.TERMINAL)
    setting.write(WARNING, to=[terminal])
    closed = Local(notifier=Closed(), clock=setting.clock)

    with capture_logs():
        await setting.until_idle(setting.office({Way.TERMINAL: closed, Way.LOG: mailbox}))

    assert mailbox.told == [("log", "delivery.degraded")]
