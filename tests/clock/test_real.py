import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.clock.real import CompressedClock, WallClock, clock_for, within

ORIGIN = datetime(2026, 11, 4, 12, tzinfo=UTC)
ASK = """
from datetime import datetime
from firewarden.clock.real import clock_for
print(clock_for(speed=600, origin=datetime.fromisoformat("{origin}")).now().isoformat())
"""

instants = st.timedeltas(min_value=timedelta(days=-365), max_value=timedelta(days=3650)).map(
    lambda since: ORIGIN + since
)


@pytest.mark.parametrize(
    ("wall", "speed", "shown"),
    [
        pytest.param(ORIGIN, 600, ORIGIN, id="at the origin both agree"),
        pytest.param(
            ORIGIN + timedelta(seconds=1), 600, ORIGIN + timedelta(minutes=10), id="after it"
        ),
        pytest.param(
            ORIGIN - timedelta(seconds=1), 600, ORIGIN - timedelta(minutes=10), id="before it"
        ),
        pytest.param(
            ORIGIN + timedelta(days=1), 0.5, ORIGIN + timedelta(hours=12), id="slower than life"
        ),
    ],
)
def test_compressed_time_is_the_origin_plus_the_time_since_it_times_the_speed(
    wall: datetime, speed: float, shown: datetime
) -> None:
    assert CompressedClock(speed=speed, origin=ORIGIN).at(wall) == shown


@given(first=instants, second=instants, speed=st.sampled_from([0.5, 60, 600]))
def test_compressed_time_never_reorders_what_happened(
    first: datetime, second: datetime, speed: float
) -> None:
    clock = CompressedClock(speed=speed, origin=ORIGIN)

    if first <= second:
        assert clock.at(first) <= clock.at(second)
    else:
        assert clock.at(first) >= clock.at(second)


def test_an_origin_in_another_zone_is_the_same_instant_and_shown_in_utc() -> None:
    berlin = ORIGIN.astimezone(timezone(timedelta(hours=1)))

    shown = CompressedClock(speed=2, origin=berlin).at(ORIGIN)

    assert (shown, shown.tzinfo) == (ORIGIN, UTC)


def test_two_processes_with_one_origin_agree_on_the_time() -> None:
    origin = WallClock().now() - timedelta(seconds=10)
    ours = clock_for(speed=600, origin=origin)

    before = ours.now()
    answer = subprocess.run(
        [sys.executable, "-c", ASK.format(origin=origin.isoformat())],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    after = ours.now()

    assert before <= datetime.fromisoformat(answer.stdout.strip()) <= after


async def test_a_compressed_sleep_takes_its_time_on_the_same_clock() -> None:
    clock = clock_for(speed=600, origin=ORIGIN)
    wall = WallClock()
    began, began_wall = clock.mono(), wall.mono()

    await clock.sleep(timedelta(seconds=30))

    assert clock.mono() - began >= 30 * 0.99
    assert wall.mono() - began_wall < 10


async def test_a_sleep_of_nothing_or_less_only_lets_others_run() -> None:
    for clock in (WallClock(), clock_for(speed=600, origin=ORIGIN)):
        await clock.sleep(timedelta(0))
        await clock.sleep(timedelta(days=-1))


def test_the_clock_at_speed_one_is_the_wall() -> None:
    clock = clock_for(speed=1, origin=ORIGIN)

    assert isinstance(clock, WallClock)
    assert clock.now().tzinfo is UTC


def test_compressed_time_without_an_origin_begins_now() -> None:
    before = WallClock().now()

    shown = clock_for(speed=600).now()

    assert timedelta(0) <= shown - before < timedelta(hours=1)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_that_is_not_positive_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        CompressedClock(speed=speed, origin=ORIGIN)


def test_an_origin_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        CompressedClock(speed=2, origin=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


async def test_a_time_limit_ends_what_takes_longer() -> None:
    with pytest.raises(TimeoutError):
        async with within(timedelta(milliseconds=1)):
            await WallClock().sleep(timedelta(hours=1))
