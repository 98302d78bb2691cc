"""Two real processes for forty days at speed 6,000: the books agree with the bill, day by day."""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firewarden.model.trueup import DayState
from tests.simulation.real import Life, living
from tests.support.oracles import instant, written

SPEED = 6_000
DAYS = 40
DAY = timedelta(days=1)
SETTLED_AFTER = timedelta(days=4)
"""Two equal answers a day apart, the later one two days after the day's end, and some slack."""

BILLED = {DayState.SETTLED.value, DayState.ADJUSTED.value}
Bounds = dict[str, tuple[float, float, float]]


def midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def metered(life: Life, day: datetime) -> Bounds:
    """Read (low, point, high) GPU-seconds of *day* by deployment, as told before its bill is in."""
    stretch = ("--from", written(day), "--to", written(day + DAY))
    rows = life.command("report", *stretch, "--group-by", "deployment", "--timezone", "UTC")["rows"]
    return {
        row["deployment_id"]: (
            row["gpu_seconds_low"], row["gpu_seconds"], row["gpu_seconds_high"],
        )
        for row in rows
    }  # fmt: skip


def check_day(told: dict[str, Any], before: Bounds) -> tuple[int, int]:
    """Demand that bill = metered + adjustment; count adjustments, and those in the bounds."""
    both = told["metered_gpu_seconds"] + told["adjusted_gpu_seconds"]
    assert abs(told["billed_gpu_seconds"] - both) < 1, told["day"]
    inside = 0
    for row in told["deployments"]:
        low, point, high = before.get(row["deployment_id"], (0, 0, 0))
        inside += low - 1 <= point + row["adjusted_gpu_seconds"] <= high + 1
    return len(told["deployments"]), inside


def test_forty_days_at_speed_6000(folder: Path, *, whole_day: bool) -> None:
    if not whole_day:
        pytest.skip("it takes ten minutes by the wall: --whole-days")
    pace = {"FIREWARDEN_POLL_EVERY": "5m", "FIREWARDEN_METRICS_EVERY": "10m"}
    with living(folder, seed=1, speed=SPEED, pace=pace) as life:
        first = midnight(instant(life.ask("/_truth")["start"])) + DAY
        before: dict[str, Bounds] = {}
        for number in range(DAYS):
            day = first + number * DAY
            life.until(day + DAY + timedelta(hours=1))
            before[day.date().isoformat()] = metered(life, day)
        told = life.command("trueup")
        assert life.stop() == 0

    days = {each["day"]: each for each in told["days"] if each["day"] in before}
    old = (first + DAYS * DAY - SETTLED_AFTER).date().isoformat()
    settled = {day: each for day, each in days.items() if each["state"] in BILLED}
    assert [day for day in days if day < old and day not in settled] == []
    assert len(settled) > 25
    counts = [check_day(each, before[day]) for day, each in settled.items()]
    rows, inside = (sum(numbers) for numbers in zip(*counts, strict=True))
    said = f"{len(settled)} days settled; {inside} of {rows} adjustments in the bounds told before"
    sys.stdout.write(f"\n{said}\n")
    assert inside >= 0.99 * rows, said
