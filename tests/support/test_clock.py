import asyncio
from datetime import timedelta

from tests.support.clock import NOW, FakeClock, settle


async def test_sleepers_wake_in_the_order_they_are_due_and_see_their_own_instant() -> None:
    clock = FakeClock()
    woken: list[tuple[str, int]] = []

    async def sleep(who: str, seconds: int) -> None:
        await clock.sleep(timedelta(seconds=seconds))
        woken.append((who, int((clock.now() - NOW).total_seconds())))

    async with asyncio.TaskGroup() as group:
        for who, seconds in (("late", 30), ("early", 10), ("never", 90), ("same", 30)):
            group.create_task(sleep(who, seconds))
        await clock.advance(timedelta(seconds=60))
        assert woken == [("early", 10), ("late", 30), ("same", 30)]
        assert clock.now() == NOW + timedelta(seconds=60)
        await clock.advance(timedelta(seconds=30))

    assert woken[-1] == ("never", 90)


async def test_a_loop_that_sleeps_again_is_woken_again_within_one_advance() -> None:
    clock = FakeClock()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(timedelta(seconds=30))
            ticks.append(clock.mono())

    task = asyncio.create_task(tick())
    await clock.advance(timedelta(minutes=2))
    task.cancel()
    await settle()

    assert ticks == [30, 60, 90, 120]


async def test_a_jump_moves_the_wall_only() -> None:
    clock = FakeClock()

    clock.jump(timedelta(hours=-3))
    await clock.advance(timedelta(seconds=1))

    assert clock.now() == NOW - timedelta(hours=3) + timedelta(seconds=1)
    assert clock.mono() == 1
