"""Trouble with the world is told once, its end once, and a restart says neither again."""

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
from firewarden.model.notice import Severity
from firewarden.model.usage import Gap
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


def test_after_a_restart_what_fires_is_not_told_again_but_its_end_is() -> None:
    error = ProviderUnavailable("timed out")
    (told,) = Alarms(ACME, clock=FakeClock()).trouble("metrics", error)

    alarms = Alarms(ACME, clock=FakeClock(), firing=[told.key, "idle:of somebody else"])

    assert alarms.trouble("metrics", error) == ()
    assert [notice.key for notice in alarms.relief("metrics")] == [told.key]


def test_relief_of_one_part_leaves_the_others() -> None:
    alarms = Alarms(ACME, clock=FakeClock())
    alarms.trouble("listing", ProviderUnavailable("x"))
    alarms.trouble("metrics", ProviderUnavailable("x"))

    assert len(alarms.relief("metrics")) == 1
    assert len(alarms.relief("listing")) == 1


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

    assert notice.kind == "meter.gap"
    assert "3 deployments (HTTP 429)" in notice.text
    assert Alarms(ACME, clock=FakeClock()).gap([]) == ()
