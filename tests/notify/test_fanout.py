import pytest
from structlog.testing import capture_logs

from firewarden.errors import StoreUnavailable, WorldError
from firewarden.model.ids import AccountId, Uid
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.fanout import Fanout
from firewarden.notify.log import LogNotifier
from tests.support.clock import NOW


class Mailbox:
    def __init__(self, error: Exception | None = None) -> None:
        self.held: list[Notice] = []
        self._error = error

    async def notify(self, notice: Notice) -> None:
        if self._error is not None:
            raise self._error
        self.held.append(notice)


def a_notice(*, severity: Severity = Severity.WARN, resolved: bool = False) -> Notice:
    return Notice(
        account=AccountId("acme"),
        kind="idle.warn",
        key="idle:exp-7",
        severity=severity,
        at=NOW,
        text="exp-7 idle 45m",
        uid=Uid("accounts/acme/deployments/exp-7@2026"),
        facts={"idle_seconds": "2700"},
        resolved=resolved,
    )


async def test_every_place_gets_the_notice() -> None:
    first, second = Mailbox(), Mailbox()

    await Fanout([first, second]).notify(a_notice())

    assert first.held == second.held == [a_notice()]


async def test_a_place_that_fails_keeps_the_notice_from_nobody_else() -> None:
    broken, sound = Mailbox(StoreUnavailable("away")), Mailbox()

    with capture_logs() as logs:
        await Fanout([broken, sound]).notify(a_notice())

    assert sound.held == [a_notice()]
    assert [(entry["event"], entry["error"]) for entry in logs] == [("notice.undelivered", "away")]


async def test_a_notice_that_nobody_took_was_not_delivered() -> None:
    with capture_logs(), pytest.raises(WorldError, match="second"):
        await Fanout(
            [Mailbox(StoreUnavailable("first")), Mailbox(StoreUnavailable("second"))]
        ).notify(a_notice())


async def test_a_bug_in_a_notifier_is_not_hidden() -> None:
    with pytest.raises(LookupError):
        await Fanout([Mailbox(LookupError("a bug")), Mailbox()]).notify(a_notice())


def test_a_notice_needs_somewhere_to_go() -> None:
    with pytest.raises(ValueError, match="somewhere"):
        Fanout([])


@pytest.mark.parametrize(
    ("notice", "event", "level"),
    [
        pytest.param(a_notice(severity=Severity.INFO), "notice.raised", "info", id="info"),
        pytest.param(a_notice(), "notice.raised", "warning", id="warning"),
        pytest.param(a_notice(severity=Severity.PAGE), "notice.raised", "error", id="page"),
        pytest.param(a_notice(resolved=True), "notice.resolved", "info", id="resolved"),
    ],
)
async def test_in_the_log_a_notice_is_an_event_with_its_facts(
    notice: Notice, event: str, level: str
) -> None:
    with capture_logs() as logs:
        await LogNotifier().notify(notice)

    assert logs == [
        {
            "event": event,
            "log_level": level,
            "account": "acme",
            "kind": "idle.warn",
            "key": "idle:exp-7",
            "severity": notice.severity.value,
            "at": "2026-11-04T12:00:00.000Z",
            "text": "exp-7 idle 45m",
            "uid": "accounts/acme/deployments/exp-7@2026",
            "facts": {"idle_seconds": "2700"},
        }
    ]
