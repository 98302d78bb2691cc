"""Trouble with the world is told once, its end once, and a restart says neither again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from firewarden.app.alarms import Alarms
from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from firewarden.model.ids import AccountId, Uid
from firewarden.model.usage import Gap
from firewarden.model.vocabulary import Severity
from tests.support.clock import NOW, FakeClock

ACME = AccountId("acme")


@pytest.mark.parametrize(
    ("error", "kind", "severity"),
    [
        pytest.param(KeyRefused("401"), "provider.refused", Severity.PAGE, id="refused key"),
        pytest.param(
            AccountSuspended("412"), "provider.suspended", Severity.PAGE, id="suspended account"
        ),
        pytest.param(
            ProviderUnavailable("429", throttled=True),
            "provider.throttled",
            Severity.WARN,
            id="throttled",
        ),
        pytest.param(ProviderUnavailable("503"), "meter.trouble", Severity.WARN, id="down"),
        pytest.param(ProviderRejected("HTML"), "meter.trouble", Severity.WARN, id="unreadable"),
    ],
)
def test_each_trouble_has_its_kind(error: ProviderError, kind: str, severity: Severity) -> None:
    (notice,) = Alarms(ACME, clock=FakeClock()).trouble("listing", error)

    assert (notice.kind, notice.severity, notice.resolved) == (kind, severity, False)


def test_a_trouble_that_lasts_is_told_once_and_its_end_once() -> None:
    alarms = Alarms(ACME, clock=FakeClock())
    error = ProviderUnavailable("timed out")

    told = [alarms.trouble("listing", error) for _ in range(3)]
    over = [alarms.relief("listing") for _ in range(3)]

    assert [len(notices) for notices in told] == [1, 0, 0]
    assert [len(notices) for notices in over] == [1, 0, 0]
    assert over[0][0].resolved
    assert over[0][0].key == told[0][0].key
    assert alarms.failing == set()


def test_one_cause_is_one_alert_which_ends_when_all_parts_work_again() -> None:
    alarms = Alarms(ACME, clock=FakeClock())
    error = KeyRefused("401")

    told = [*alarms.trouble("poll", error), *alarms.trouble("bill", error)]
    assert alarms.failing == {"poll", "bill"}
    (part,) = alarms.relief("poll")
    (over,) = alarms.relief("bill")

    assert len({notice.key for notice in (*told, part, over)}) == 1
    assert [notice.facts["parts"] for notice in told] == ["poll", "bill, poll"]
    assert [notice.severity for notice in (*told, part, over)] == [*[Severity.PAGE] * 3, "info"]
    assert (part.resolved, over.resolved) == (False, True)
    assert part.text == "acme: poll works again, not yet bill"


def test_two_causes_are_two_alerts() -> None:
    alarms = Alarms(ACME, clock=FakeClock())

    told = [
        *alarms.trouble("poll", ProviderUnavailable("x")),
        *alarms.trouble("poll", KeyRefused("401")),
    ]

    assert len({notice.key for notice in told}) == 2
    assert {notice.key for notice in alarms.relief("poll")} == {notice.key for notice in told}


def test_after_a_restart_what_fires_is_not_told_again_but_its_end_is() -> None:
    before = Alarms(ACME, clock=FakeClock())
    error = ProviderUnavailable("timed out")
    before.trouble("poll", error)
    (told,) = before.trouble("metrics", error)
    of_another = replace(told, key="idle:of somebody else", kind="idle.warn")

    alarms = Alarms(ACME, clock=FakeClock(), firing=[told, of_another])

    assert alarms.failing == {"poll", "metrics"}
    assert alarms.trouble("metrics", error) == ()
    assert [notice.resolved for notice in alarms.relief("metrics")] == [False]
    assert [(each.key, each.resolved) for each in alarms.relief("poll")] == [(told.key, True)]


def test_a_gap_of_many_deployments_is_one_notice() -> None:
    gaps = [
        Gap(
            account=ACME,
            uid=Uid(f"accounts/acme/deployments/d{number}@x"),
            since=NOW,
            until=NOW + timedelta(minutes=7),
            low=0,
            high=2,
            cause="HTTP 429",
        )
        for number in range(3)
    ]

    (notice,) = Alarms(ACME, clock=FakeClock()).gap(gaps)

    assert (notice.kind, notice.once) == ("meter.gap", True)
    assert "3 deployments (HTTP 429)" in notice.text
    assert Alarms(ACME, clock=FakeClock()).gap([]) == ()
