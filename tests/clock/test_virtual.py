import asyncio
import socket
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from firewarden.clock.real import within
from firewarden.clock.virtual import Deadlock, Impure, VirtualClock, run_virtual
from tests.support.clock import NOW
from tests.support.virtual import in_virtual_time

DAY = timedelta(days=1)


@in_virtual_time
async def test_a_day_passes_at_once_and_to_the_microsecond(clock: VirtualClock) -> None:
    await clock.sleep(DAY)

    assert clock.now() == NOW + DAY
    assert clock.mono() == DAY.total_seconds()


@in_virtual_time
async def test_those_who_wake_together_wake_in_the_order_they_fell_asleep(
    clock: VirtualClock,
) -> None:
    woken: list[int] = []

    async def sleep_until_noon(who: int) -> None:
        await clock.sleep(timedelta(minutes=1) - timedelta(seconds=clock.mono()))
        woken.append(who)

    async with asyncio.TaskGroup() as group:
        for who in range(100):
            group.create_task(sleep_until_noon(who))

    assert woken == list(range(100))


@in_virtual_time
async def test_float_noise_does_not_reorder_what_is_due_at_one_instant(
    clock: VirtualClock,
) -> None:
    woken: list[str] = []

    async def walk(who: str, steps: int, step: timedelta) -> None:
        for _ in range(steps):
            await clock.sleep(step)
        woken.append(f"{who} {clock.now().isoformat()}")

    async with asyncio.TaskGroup() as group:
        group.create_task(walk("tenths", 10, timedelta(seconds=0.1)))
        group.create_task(walk("once", 1, timedelta(seconds=1)))

    assert {line.split()[1] for line in woken} == {"2026-11-04T12:00:01+00:00"}


@in_virtual_time
async def test_timers_still_end_after_years(clock: VirtualClock) -> None:
    await clock.sleep(timedelta(days=3650))
    for _ in range(10):
        await clock.sleep(timedelta(microseconds=1))

    assert clock.now() == NOW + timedelta(days=3650, microseconds=10)


@in_virtual_time
async def test_many_cancelled_timers_are_swept_away(clock: VirtualClock) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(1_000):
        loop.call_later(86_400, print).cancel()
    await clock.sleep(timedelta(seconds=1))

    assert len(loop.__dict__["_scheduled"]) < 200


@in_virtual_time
async def test_a_time_limit_is_virtual_too(clock: VirtualClock) -> None:
    with pytest.raises(TimeoutError):
        async with within(timedelta(hours=2)):
            await clock.sleep(DAY)

    assert clock.now() == NOW + timedelta(hours=2)


@pytest.mark.parametrize("by", [timedelta(hours=3), timedelta(hours=-3), timedelta(days=-1)])
def test_a_jump_moves_the_wall_and_nothing_else(by: timedelta) -> None:
    async def main(clock: VirtualClock) -> tuple[datetime, float]:
        sleeper = asyncio.create_task(clock.sleep(timedelta(minutes=1)))
        await clock.sleep(timedelta(seconds=30))
        clock.jump(by)
        await sleeper
        return clock.now(), clock.mono()

    assert run_virtual(main, start=NOW) == (NOW + timedelta(minutes=1) + by, 60)


def _history(seed: int) -> bytes:
    """What a small crowd of seeded sleepers did, and when."""

    async def main(clock: VirtualClock) -> bytes:
        rng = Random(seed)
        lines: list[str] = []

        async def live(who: int) -> None:
            while True:
                await clock.sleep(timedelta(seconds=rng.choice([1, 2, 2.5, 30])))
                lines.append(f"{clock.now().isoformat()} {who}")

        lives = [asyncio.create_task(live(who)) for who in range(20)]
        await clock.sleep(timedelta(minutes=30))
        assert not any(life.done() for life in lives)
        return "\n".join(lines).encode()

    return run_virtual(main, start=NOW)


def test_a_seed_replays_byte_for_byte() -> None:
    assert _history(1) == _history(1)
    assert _history(1) != _history(2)


def test_waiting_for_what_can_never_come_is_a_loud_error() -> None:
    async def main(clock: VirtualClock) -> None:
        asyncio.current_task().set_name("poller")  # type: ignore[union-attr]  # it runs in one
        await clock.sleep(DAY)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"poller at .*test_virtual\.py:\d+"):
        run_virtual(main, start=NOW)


def test_what_is_left_running_is_cancelled_at_the_end() -> None:
    ended: list[str] = []

    async def linger(clock: VirtualClock) -> None:
        try:
            await clock.sleep(DAY)
        finally:
            ended.append("cancelled")

    async def main(clock: VirtualClock) -> None:
        task = asyncio.create_task(linger(clock))
        await clock.sleep(timedelta(seconds=1))
        assert not task.done()

    run_virtual(main, start=NOW)

    assert ended == ["cancelled"]


def test_threads_are_refused() -> None:
    async def main(_clock: VirtualClock) -> None:
        await asyncio.to_thread(print)

    with pytest.raises(Impure, match="thread"):
        run_virtual(main, start=NOW)


def test_calls_from_another_thread_are_refused() -> None:
    async def main(_clock: VirtualClock) -> str:
        loop = asyncio.get_running_loop()
        said: list[str] = []

        def reach_in() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except Impure as error:
                said.append(str(error))

        import threading  # noqa: PLC0415 - only this test has a thread

        other = threading.Thread(target=reach_in)
        other.start()
        other.join()
        return said[0]

    assert "another thread" in run_virtual(main, start=NOW)


def test_sockets_are_refused() -> None:
    async def main(_clock: VirtualClock) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0)
            await asyncio.get_running_loop().sock_accept(server)

    with pytest.raises(Impure, match="socket"):
        run_virtual(main, start=NOW)


def test_a_start_without_a_zone_is_refused() -> None:
    async def main(clock: VirtualClock) -> None:
        await clock.sleep(DAY)

    with pytest.raises(ValueError, match="time zone"):
        run_virtual(main, start=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


def test_the_clock_shows_utc_whatever_zone_it_was_started_in() -> None:
    async def main(clock: VirtualClock) -> datetime:
        return clock.now()

    shown = run_virtual(main, start=datetime.fromisoformat("2026-11-04T13:00:00+01:00"))

    assert (shown, shown.tzinfo) == (NOW, UTC)
