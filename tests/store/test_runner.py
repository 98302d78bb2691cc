"""Work on the database goes on to its end, whoever waits for it."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from firewarden.errors import StoreUnavailable
from firewarden.ports import RunDb
from firewarden.store.runner import DbThread, Inline


@pytest.fixture
async def thread() -> AsyncIterator[DbThread]:
    runner = DbThread()
    yield runner
    runner.close()


def test_both_are_what_the_core_asks_for() -> None:
    runners: list[RunDb] = [DbThread(), Inline()]
    assert len(runners) == 2


async def test_work_is_done_in_one_thread_in_the_order_it_came(thread: DbThread) -> None:
    done: list[int] = []

    def work(number: int) -> str:
        done.append(number)
        return thread_name()

    names = await asyncio.gather(*(thread(partial(work, number)) for number in range(9)))
    assert done == list(range(9))
    assert set(names) == {"database_0"}
    assert thread_name() != "database_0"


async def test_inline_work_is_done_here_and_now() -> None:
    assert await Inline()(thread_name) == thread_name()


def thread_name() -> str:
    return threading.current_thread().name


@pytest.mark.parametrize(
    "runner", [pytest.param(DbThread(), id="thread"), pytest.param(Inline(), id="inline")]
)
async def test_what_the_work_raises_is_raised(runner: RunDb) -> None:
    def fail() -> None:
        raise TimeoutError("of the work itself")

    with pytest.raises(TimeoutError, match="of the work itself"):
        await runner(fail)


async def test_work_that_has_begun_ends_though_its_caller_is_cancelled(thread: DbThread) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        ended.set()

    caller = asyncio.create_task(thread(work))
    await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not ended.is_set()
    go_on.set()
    assert await thread(ended.is_set)


async def test_a_caller_waits_no_longer_than_the_deadline() -> None:
    runner = DbThread(deadline=timedelta(milliseconds=20))
    go_on = threading.Event()
    with pytest.raises(StoreUnavailable, match=r"no answer within 0\.02 s.*unknown"):
        await runner(lambda: go_on.wait(10))
    go_on.set()
    runner.close()


async def test_an_error_nobody_waits_for_any_more_is_not_reported_as_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runner = DbThread(deadline=timedelta(milliseconds=20))
    go_on = threading.Event()

    def fail() -> None:
        go_on.wait(10)
        raise OSError("too late")

    with pytest.raises(StoreUnavailable):
        await runner(fail)
    go_on.set()
    runner.close()
    await asyncio.to_thread(lambda: None)
    assert caplog.records == []
