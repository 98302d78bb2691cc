import asyncio
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from firewarden.app.watchdog import Systemd, Watchdog
from firewarden.clock.virtual import VirtualClock
from firewarden.errors import StoreUnavailable
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from tests.support.clock import NOW, FakeClock
from tests.support.virtual import in_virtual_time

ACME = AccountId("acme")
HALF_MINUTE = timedelta(seconds=30)


def a_watchdog(clock: FakeClock, *, firing: tuple[str, ...] = (), speed: float = 1) -> Watchdog:
    watchdog = Watchdog(clock=clock, wall=clock, firing=firing, speed=speed)
    watchdog.expect("poll acme", every=HALF_MINUTE, account=ACME)
    return watchdog


@pytest.mark.parametrize(
    ("silent_seconds", "stalled"),
    [
        pytest.param(0, [], id="just begun"),
        pytest.param(89.999, [], id="not quite three intervals"),
        pytest.param(90, ["poll acme"], id="three intervals exactly"),
        pytest.param(100_000, ["poll acme"], id="for a day"),
    ],
)
async def test_three_intervals_without_a_finished_cycle_are_a_stall(
    silent_seconds: float, stalled: list[str]
) -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock)

    await clock.advance(timedelta(seconds=silent_seconds))

    assert list(watchdog.stalled()) == stalled


async def test_a_finished_cycle_starts_the_wait_anew() -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock)

    for _ in range(10):
        await clock.advance(timedelta(seconds=80))
        watchdog.beat("poll acme")
        watchdog.beat("somebody else")

    assert watchdog.stalled() == {}


async def test_a_stall_is_told_once_and_so_is_its_end() -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock)
    await clock.advance(timedelta(minutes=2))

    (stall,) = watchdog.check()
    assert watchdog.check() == ()
    watchdog.beat("poll acme")
    (end,) = watchdog.check()
    assert watchdog.check() == ()

    assert (stall.kind, stall.severity, stall.resolved) == ("meter.stalled", Severity.WARN, False)
    assert stall.at == NOW + timedelta(minutes=2)
    assert stall.text == (
        "poll acme: no cycle finished for 2m, want one each 30s;"
        " idle rules wait, costs since are uncertain"
    )
    assert (end.key, end.resolved) == (stall.key, True)


async def test_a_role_that_stalls_again_is_told_again() -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock)

    told: list[bool] = []
    for _ in range(3):
        await clock.advance(timedelta(minutes=2))
        told += [notice.resolved for notice in watchdog.check()]
        watchdog.beat("poll acme")
        told += [notice.resolved for notice in watchdog.check()]

    assert told == [False, True] * 3


async def test_a_stall_that_a_former_process_told_of_is_not_told_again_but_ended() -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock, firing=("stalled:poll acme", "health:poll:meter.trouble"))

    (end,) = watchdog.check()

    assert (end.key, end.resolved) == ("stalled:poll acme", True)


@pytest.mark.parametrize("by", [timedelta(hours=3), timedelta(hours=-3)])
async def test_a_jump_of_the_wall_clock_is_no_stall_and_hides_none(by: timedelta) -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock)

    clock.jump(by)
    assert watchdog.stalled() == {}
    await clock.advance(timedelta(seconds=90))

    assert list(watchdog.stalled()) == ["poll acme"]


async def test_under_compressed_time_patience_shrinks_but_not_below_what_http_needs() -> None:
    clock = FakeClock()
    watchdog = a_watchdog(clock, speed=600)

    await clock.advance(timedelta(seconds=9))
    assert watchdog.stalled() == {}
    await clock.advance(timedelta(seconds=1))

    assert list(watchdog.stalled()) == ["poll acme"]


@in_virtual_time
async def test_it_checks_by_itself_and_tells_within_three_and_a_half_intervals(
    clock: VirtualClock,
) -> None:
    watchdog = Watchdog(clock=clock, wall=clock)
    watchdog.expect("poll acme", every=HALF_MINUTE, account=ACME)
    told: list[tuple[float, bool]] = []

    async def tell(notice: Notice) -> None:
        told.append((clock.mono(), notice.resolved))

    task = asyncio.create_task(watchdog.run(tell))
    with capture_logs() as logs:
        await clock.sleep(timedelta(seconds=200))
        watchdog.beat("poll acme")
        await clock.sleep(timedelta(seconds=20))
    task.cancel()

    assert [resolved for _, resolved in told] == [False, True]
    assert 90 <= told[0][0] <= 105
    assert [entry["event"] for entry in logs] == ["role.stalled", "role.recovered"]


@in_virtual_time
async def test_what_cannot_be_told_is_logged_and_does_not_end_the_watch(
    clock: VirtualClock,
) -> None:
    watchdog = Watchdog(clock=clock, wall=clock)
    for role in ("poll acme", "scrape acme"):
        watchdog.expect(role, every=HALF_MINUTE, account=ACME)
    asked: list[str] = []

    async def tell(notice: Notice) -> None:
        asked.append(notice.key)
        if len(asked) == 1:
            await clock.sleep(timedelta(days=1))  # a database that has stopped answering
        raise StoreUnavailable("locked")

    task = asyncio.create_task(watchdog.run(tell))
    with capture_logs() as logs:
        await clock.sleep(timedelta(minutes=5))
    assert not task.done()
    task.cancel()

    assert asked == ["stalled:poll acme", "stalled:scrape acme"]
    assert [entry["event"] for entry in logs].count("notice.failed") == 2


def test_the_service_manager_hears_of_finished_cycles_only(tmp_path: Path) -> None:
    clock = FakeClock()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)
        systemd = Systemd(str(tmp_path / "notify"))
        watchdog = Watchdog(clock=clock, wall=clock, systemd=systemd)
        watchdog.expect("poll acme", every=HALF_MINUTE, account=ACME)

        assert systemd.tell("READY=1")
        watchdog.check()
        watchdog.beat("poll acme")
        watchdog.alive()
        assert systemd.tell("STOPPING=1")

        heard = [manager.recv(100) for _ in range(4)]
        with pytest.raises(BlockingIOError):
            manager.recv(100)

    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_socket_is_reached_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0firewarden-test")

        assert Systemd("@firewarden-test").tell("READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_without_a_service_manager_nothing_happens(address: str) -> None:
    assert not Systemd(address).tell("READY=1")
