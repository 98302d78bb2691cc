"""When requests are sent: repeats, budget, the provider's deadlines, the pace of the metrics."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.clock.virtual import VirtualClock
from firewarden.errors import ProviderUnavailable
from firewarden.providers.fireworks import FireworksDoor, RetryBudget
from firewarden.providers.fireworks.pacing import MetricsPace
from tests.providers.fireworks.stage import (
    ACME,
    KEY,
    NOW,
    Stage,
    a_deployment,
    a_series,
    by_path,
    in_turn,
    pages,
    written,
)
from tests.support.virtual import in_virtual_time

ACCOUNT = {"name": "accounts/acme"}
OK = written(ACCOUNT)
BUSY = written({"code": 14, "message": "busy"}, 503)
USED = httpx.Response(200, text=a_series("request_counter_total:sum_by_deployment", "chat", 1))


async def test_a_passing_fault_is_asked_again_after_a_pause() -> None:
    stage = Stage(in_turn(BUSY, written({"deployments": []})))

    fleet = await stage.account.fetch_fleet()

    assert fleet.complete
    assert len(stage.asked) == 2
    assert [0.25 <= pause.total_seconds() <= 0.75 for pause in stage.clock.slept] == [True]


async def test_one_call_is_tried_three_times_at_most() -> None:
    stage = Stage(in_turn(OK))
    for _ in range(30):
        await stage.door.account(ACME).facts()
    stage.asked.clear()
    stage.play = in_turn(BUSY)

    with pytest.raises(ProviderUnavailable):
        await stage.account.fetch_fleet()

    assert len(stage.asked) == 3


async def test_repeats_are_a_tenth_of_the_calls_however_long_the_trouble() -> None:
    stage = Stage(in_turn(BUSY))
    calls = 500

    for _ in range(calls):
        with pytest.raises(ProviderUnavailable):
            await stage.account.fetch_fleet()

    assert len(stage.asked) <= calls * 1.1 + 1


def test_what_a_quiet_day_saves_up_is_no_storm() -> None:
    budget = RetryBudget()

    for _ in range(10_000):
        budget.earn()

    assert sum(budget.spend() for _ in range(100)) == 10


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 501])
async def test_what_cannot_pass_is_asked_once(status: int) -> None:
    stage = Stage(in_turn(written({"code": 3, "message": "no"}, status)))

    with pytest.raises(Exception, match="no"):
        await stage.account.fetch_fleet()

    assert len(stage.asked) == 1


async def test_a_short_retry_after_is_waited_for() -> None:
    throttled = written({"message": "slow"}, 429, retry_after="7")
    stage = Stage(in_turn(throttled, written({"deployments": []})))

    assert (await stage.account.fetch_fleet()).complete
    assert stage.clock.mono() >= 7


async def test_nothing_is_sent_before_the_deadline_that_the_provider_set() -> None:
    throttled = written({"message": "slow"}, 429, retry_after="300")
    stage = Stage(in_turn(throttled, OK))
    with pytest.raises(ProviderUnavailable) as raised:
        await stage.account.fetch_fleet()
    assert (raised.value.throttled, raised.value.retry_after) == (True, timedelta(minutes=5))

    for seconds in (0, 150, 149):
        stage.clock.move(seconds)
        for ask in (stage.account.facts, stage.account.fetch_fleet, stage.account.fetch_activity):
            with pytest.raises(ProviderUnavailable, match="left alone") as raised:
                await ask()
            assert not raised.value.throttled
            assert raised.value.retry_after is not None

    assert len(stage.asked) == 1
    stage.clock.move(1)
    await stage.account.facts()
    assert len(stage.asked) > 1


async def test_the_deadline_of_the_metrics_holds_nothing_else_up() -> None:
    throttled = written({"message": "slow"}, 429, retry_after="60")
    stage = Stage(by_path({"/metrics": throttled, "": ACCOUNT, "/deployments": pages([])}))
    with pytest.raises(ProviderUnavailable):
        await stage.account.fetch_activity()

    assert (await stage.account.fetch_fleet()).complete
    with pytest.raises(ProviderUnavailable, match="left alone"):
        await stage.account.fetch_activity()
    assert stage.paths.count("/metrics") == 1


async def test_deadlines_are_an_account_s_own() -> None:
    stage = Stage(in_turn(written({"message": "slow"}, 429, retry_after="300"), OK))
    with pytest.raises(ProviderUnavailable):
        await stage.account.fetch_fleet()

    with pytest.raises(Exception, match="another account"):
        await stage.door.account(type(ACME)("other")).facts()


async def test_never_more_than_two_scrapes_in_any_minute() -> None:
    stage = Stage(in_turn(USED))
    began: list[float] = []

    for _ in range(50):
        await stage.account.fetch_activity()
        began.append(stage.clock.mono())
        stage.clock.move(0.5)

    assert all(later - earlier >= 60 for earlier, later in zip(began, began[2:], strict=False))


def test_scrapes_that_were_held_up_come_evenly_afterwards_and_not_in_pairs() -> None:
    pace, now, begun = MetricsPace(timedelta(seconds=30)), 100.0, []
    for ended in (now, now):
        pace.ended(now=ended, throttled=False)
    for _ in range(4):
        now += pace.wait_s(now=now)
        begun.append(now)
        pace.ended(now=now, throttled=False)

    assert all(later - earlier > 30 for earlier, later in pairwise(begun))


async def test_a_429_halves_the_rate_of_scrapes_for_ten_minutes() -> None:
    throttled = written({"message": "slow"}, 429)
    stage = Stage(in_turn(USED, throttled, USED))
    account = stage.account
    assert account.metrics_interval == timedelta(seconds=30)
    await account.fetch_activity()
    with pytest.raises(ProviderUnavailable) as raised:
        await account.fetch_activity()
    assert raised.value.throttled

    began: list[float] = []
    while account.metrics_interval == timedelta(seconds=60):
        await account.fetch_activity()
        began.append(stage.clock.mono())

    assert all(later - earlier >= 60 for earlier, later in pairwise(began))
    assert 600 <= stage.clock.mono() <= 720
    assert account.metrics_interval == timedelta(seconds=30)


async def test_scrapes_are_not_repeated_and_never_two_at_once() -> None:
    stage = Stage(in_turn(BUSY, USED))

    with pytest.raises(ProviderUnavailable):
        await stage.account.fetch_activity()
    await asyncio.gather(*(stage.account.fetch_activity() for _ in range(4)))

    assert len(stage.asked) == 5
    assert stage.clock.mono() >= 120


@given(
    st.lists(st.tuples(st.floats(0, 90), st.floats(0, 30), st.booleans()), min_size=3, max_size=40)
)
def test_the_pace_holds_however_long_scrapes_take(
    scrapes: list[tuple[float, float, bool]],
) -> None:
    """A request arrives somewhere between its sending and its answer."""
    pace = MetricsPace(timedelta(seconds=30))
    now = 0.0
    sent: list[float] = []
    arrived: list[float] = []
    for pause, lasts, is_throttled in scrapes:
        now += pause
        wait_s = pace.wait_s(now=now)
        assert 0 <= wait_s <= 60.2
        now += wait_s
        sent.append(now)
        now += lasts
        arrived.append(now)
        pace.ended(now=now, throttled=is_throttled)

    assert all(third >= first + 60 for first, third in zip(arrived, sent[2:], strict=False))


class Silence(httpx.AsyncBaseTransport):
    """Takes requests and never answers, or answers a byte a second for ever."""

    def __init__(self, how: str) -> None:
        self._how = how

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._how == "silence":
            await asyncio.Event().wait()
        return httpx.Response(200, stream=Drips())


class Drips(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while True:
            yield b" "
            drop = loop.create_future()
            loop.call_later(1, drop.set_result, None)
            await drop


@pytest.mark.parametrize("how", ["silence", "a byte a second"])
@in_virtual_time
async def test_a_call_ends_when_its_time_is_up(clock: VirtualClock, how: str) -> None:
    door = FireworksDoor(
        base_url="https://api.example",
        api_key=lambda: KEY,
        clock=clock,
        rng=random.Random(1),
        transport=Silence(how),
    )
    began = clock.mono()

    with pytest.raises(ProviderUnavailable, match="no whole answer within 30 s"):
        await door.account(ACME).fetch_fleet()

    assert clock.mono() - began < 62
    with pytest.raises(ProviderUnavailable, match="no whole answer within 60 s"):
        await door.account(ACME).fetch_activity()


async def test_the_provider_s_clock_is_compared_with_ours() -> None:
    stage = Stage(in_turn(written(ACCOUNT, date="Wed, 04 Nov 2026 12:00:42 GMT")))
    assert stage.account.last_skew_ms is None

    await stage.account.facts()

    assert stage.account.last_skew_ms == 42_500
    assert stage.clock.now() == NOW


async def test_every_request_is_a_get_with_the_key_of_that_moment() -> None:
    keys = iter(f"fw_{number}" for number in range(99))
    stage = Stage(
        by_path({"": ACCOUNT, "/users": {"users": []}, "/deployments": pages([a_deployment()])}),
        key=lambda: f" {next(keys)}\n",
    )

    await stage.account.facts()
    await stage.account.fetch_fleet()

    assert [request.headers["authorization"] for request in stage.asked] == [
        "Bearer fw_0",
        "Bearer fw_1",
        "Bearer fw_2",
    ]
    assert {request.method for request in stage.asked} == {"GET"}
