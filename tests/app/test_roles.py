"""A role works when its bell rings, survives the world, and ends on a bug."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from firewarden.app.roles import Role, Supervision
from firewarden.app.ticker import LoopTicker
from firewarden.clock.virtual import VirtualClock
from firewarden.errors import FirewardenError, ProviderUnavailable
from tests.support.virtual import in_virtual_time

EVERY = timedelta(seconds=30)


class Diary:
    """What a role did and when."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.entries: list[tuple[str, float]] = []

    def note(self, what: str) -> None:
        self.entries.append((what, self.clock.mono()))

    def beat(self, name: str) -> None:
        self.note(f"{name} beat")

    async def trouble(self, name: str, error: FirewardenError) -> None:
        self.note(f"{name} trouble: {error}")


def a_role(
    diary: Diary,
    work: Callable[[], Awaitable[None]],
    *,
    jitter: float = 0.0,
    is_wanted: Callable[[], bool] = lambda: True,
) -> tuple[Role, asyncio.Task[None]]:
    """Build a role that does *work*, already listening for its bell."""
    role = Role(
        "poll",
        work,
        every=EVERY,
        supervision=Supervision(
            clock=diary.clock, rng=random.Random(7), beat=diary.beat, trouble=diary.trouble
        ),
        jitter=jitter,
        is_wanted=is_wanted,
    )
    return role, asyncio.create_task(role.run())


@in_virtual_time
async def test_it_works_only_when_its_bell_rings(clock: VirtualClock) -> None:
    diary = Diary(clock)

    async def work() -> None:
        diary.note("work")

    role, task = a_role(diary, work)
    await clock.sleep(timedelta(seconds=5))
    assert diary.entries == []

    role.ring()
    await clock.sleep(timedelta(seconds=5))
    task.cancel()

    assert diary.entries == [("work", 5.0), ("poll beat", 5.0)]


@in_virtual_time
async def test_bells_during_the_work_make_one_more_run_not_several(clock: VirtualClock) -> None:
    diary = Diary(clock)

    async def work() -> None:
        await clock.sleep(timedelta(seconds=10))
        diary.note("work")

    role, task = a_role(diary, work)
    role.ring()
    await clock.sleep(timedelta(seconds=1))
    role.ring()
    role.ring()
    await clock.sleep(timedelta(minutes=2))
    task.cancel()

    assert [entry for entry in diary.entries if entry[0] == "work"] == [
        ("work", 10.0),
        ("work", 20.0),
    ]


@in_virtual_time
async def test_an_error_of_the_world_is_told_and_the_next_run_comes(clock: VirtualClock) -> None:
    diary = Diary(clock)
    answers = iter([ProviderUnavailable("timed out", where="GET /x"), None])

    async def work() -> None:
        if (error := next(answers)) is not None:
            raise error

    role, task = a_role(diary, work)
    role.ring()
    await clock.sleep(timedelta(seconds=1))
    role.ring()
    await clock.sleep(timedelta(seconds=1))
    task.cancel()

    assert diary.entries == [
        ("poll trouble: GET /x: timed out", 0.0),
        ("poll beat", 1.0),
    ]


@in_virtual_time
async def test_a_bug_ends_the_loop(clock: VirtualClock) -> None:
    diary = Diary(clock)

    async def work() -> None:
        raise KeyError("bug")

    role, task = a_role(diary, work)
    role.ring()

    with pytest.raises(KeyError):
        await task
    assert diary.entries == []


@in_virtual_time
async def test_jitter_is_at_most_a_quarter_of_the_interval(clock: VirtualClock) -> None:
    diary = Diary(clock)
    rung: list[float] = []

    async def work() -> None:
        diary.note("work")

    role, task = a_role(diary, work, jitter=0.25)
    for _ in range(50):
        rung.append(clock.mono())
        role.ring()
        await clock.sleep(EVERY)
    task.cancel()

    late = [
        at - since
        for (_, at), since in zip(
            (entry for entry in diary.entries if entry[0] == "work"), rung, strict=True
        )
    ]
    assert 0 <= min(late) < max(late) <= EVERY.total_seconds() * 0.25


@pytest.mark.parametrize("bells", [0, 1], ids=["at rest", "in its pause"])
@in_virtual_time
async def test_one_that_is_hurried_does_not_wait_for_its_chance(
    clock: VirtualClock, bells: int
) -> None:
    diary = Diary(clock)

    async def work() -> None:
        diary.note("work")

    role, task = a_role(diary, work, jitter=0.5)
    for _ in range(bells):
        role.ring()
    await clock.sleep(timedelta(seconds=1))
    role.hurry()
    await clock.sleep(EVERY)
    task.cancel()

    assert diary.entries[0] == ("work", 1.0)


@in_virtual_time
async def test_ticks_pass_while_it_is_not_wanted_but_not_its_bell(clock: VirtualClock) -> None:
    diary, wanted = Diary(clock), [False, True, False]

    async def work() -> None:
        diary.note("work")

    role, task = a_role(diary, work, is_wanted=lambda: wanted.pop(0))
    ticker = LoopTicker(clock)
    role.join(ticker)
    ticker.start()
    await clock.sleep(timedelta(seconds=70))
    role.ring()
    await clock.sleep(timedelta(seconds=5))
    ticker.stop()
    task.cancel()

    assert [entry for entry in diary.entries if entry[0] == "work"] == [
        ("work", 30.0),
        ("work", 70.0),
    ]
