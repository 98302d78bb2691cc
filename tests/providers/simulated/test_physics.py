"""Replicas, autoscaler and life cycle against cases worked out by hand."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest

from firewarden.model.vocabulary import State
from firewarden.providers.simulated.instants import MINUTE_MS
from firewarden.providers.simulated.patterns import Steady
from firewarden.providers.simulated.plan import ColdStart, Phase
from firewarden.providers.simulated.traffic import Flow, Stretch
from tests.providers.simulated.builders import (
    KNOWN_START,
    a_deployment,
    a_world,
    at,
    newest,
    ready_changes,
)
from tests.support.clock import NOW

MINUTES = timedelta(minutes=1)
ZERO_AFTER_5_MINUTES = {"autoscalingPolicy": {"scaleToZeroWindow": "300s"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Requests a minute that follow each other, each from so many minutes after noon on."""

    levels: tuple[tuple[int, float], ...]

    def day(self, start: int, rng: Random) -> list[Stretch]:
        edges = [at() + minute * MINUTE_MS for minute, _ in self.levels]
        ends = [*edges[1:], start + 24 * 60 * MINUTE_MS]
        return [
            Stretch(start=since, end=until, first=since, period=round(MINUTE_MS / rate))
            for since, until, (_, rate) in zip(edges, ends, self.levels, strict=True)
            if rate and start <= since < until
        ]


def levels(*wanted: tuple[int, float]) -> tuple[Flow, ...]:
    return (Flow(pattern=Levels(levels=wanted)),)


def test_a_new_deployment_is_billed_from_the_instant_it_serves() -> None:
    world = a_world(a_deployment())

    world.advance(NOW + timedelta(seconds=1000))
    inc = newest(world)

    assert ready_changes(inc) == [(100.0, 8)]
    assert inc.gpus.integral(at(), at(seconds=1000)) == 900 * 8 * 1000
    assert inc.starting.integral(at(), at(seconds=1000)) == 100 * 8 * 1000


@pytest.mark.parametrize(
    ("seconds", "phase"),
    [
        pytest.param(9.999, Phase.PENDING, id="pending for ten seconds"),
        pytest.param(10, Phase.DOWNLOADING, id="then downloading"),
        pytest.param(69.999, Phase.DOWNLOADING, id="for a minute"),
        pytest.param(70, Phase.INITIALIZING, id="then initializing"),
        pytest.param(100, Phase.READY, id="then ready"),
    ],
)
def test_a_replica_goes_through_its_phases(seconds: float, phase: Phase) -> None:
    world = a_world(a_deployment())

    world.advance(NOW + timedelta(seconds=seconds))

    inc = newest(world)
    assert [replica.phase for replica in inc.replicas] == [phase]
    assert inc.state == (State.READY if phase is Phase.READY else State.CREATING)


def test_a_replica_that_is_stuck_never_serves() -> None:
    cold = ColdStart(stuck_in=Phase.INITIALIZING)
    world = a_world(a_deployment(cold_start=cold))

    world.advance(NOW + timedelta(days=2))

    assert (newest(world).state, newest(world).ready_count) == (State.CREATING, 0)
    assert newest(world).phase_count(Phase.INITIALIZING) == 1


def test_at_a_floor_of_zero_it_sleeps_a_window_after_a_request_and_wakes_for_the_next() -> None:
    plan = a_deployment((0, 1), fields=ZERO_AFTER_5_MINUTES)
    world = a_world(plan)
    world.request("chat", NOW + 3 * MINUTES)
    world.request("chat", NOW + 20 * MINUTES)

    world.advance(NOW + 60 * MINUTES)

    inc = newest(world)
    # Ready at 100 s; 300 s after the request of 180 s it sleeps; the one of 1200 s wakes it.
    assert ready_changes(inc) == [(100, 8), (480, 0), (1300, 8), (1600, 0)]
    assert inc.gpus.integral(at(), at(hours=1)) == (380 + 300) * 8 * 1000
    assert (inc.traffic.count(at(), at(hours=1)), inc.served(at(), at(hours=1))) == (2, 1)


def test_it_does_not_sleep_before_a_window_has_passed_since_it_served() -> None:
    world = a_world(a_deployment((0, 1), fields=ZERO_AFTER_5_MINUTES))

    world.advance(NOW + 60 * MINUTES)

    assert ready_changes(newest(world)) == [(100, 8), (400, 0)]


def test_what_is_parked_is_not_woken() -> None:
    world = a_world(a_deployment((0, 1), fields=ZERO_AFTER_5_MINUTES))
    world.human_patch("chat", NOW + 5 * MINUTES, minReplicaCount=0, maxReplicaCount=0)
    world.request("chat", NOW + 20 * MINUTES)

    world.advance(NOW + 60 * MINUTES)

    inc = newest(world)
    assert ready_changes(inc) == [(100, 8), (300, 0)]
    assert (inc.state, inc.desired) == (State.READY, 0)


def test_it_goes_up_after_the_scale_up_window_and_down_after_the_scale_down_window() -> None:
    traffic = levels((0, 30), (30, 150), (60, 30))
    world = a_world(a_deployment((1, 4), flows=traffic, requests_per_replica=60))

    world.advance(NOW + 120 * MINUTES)

    # 150 a minute need three: wanted at 30:00, aimed at 30:30, two more serve at 32:10.
    # 30 a minute need one: wanted at 60:00, done at 70:00.
    up, down = 30 * 60 + 30 + 100, 70 * 60
    assert ready_changes(newest(world)) == [(100, 8), (up, 24), (down, 8)]


def test_a_peak_shorter_than_the_window_moves_nothing() -> None:
    policy = {"autoscalingPolicy": {"scaleUpWindow": "120s"}}
    traffic = levels((0, 30), (30, 150), (31, 30))
    world = a_world(a_deployment((1, 4), fields=policy, flows=traffic, requests_per_replica=60))

    world.advance(NOW + 120 * MINUTES)

    assert ready_changes(newest(world)) == [(100, 8)]


def test_raising_the_floor_starts_replicas_and_lowering_the_ceiling_stops_them() -> None:
    world = a_world(a_deployment((1, 4)))
    world.human_patch("chat", NOW + 10 * MINUTES, minReplicaCount=3)
    world.human_patch("chat", NOW + 20 * MINUTES, minReplicaCount=1, maxReplicaCount=2)

    world.advance(NOW + 60 * MINUTES)

    assert ready_changes(newest(world)) == [(100, 8), (700, 24), (1200, 16)]


def test_a_change_of_hardware_rolls_the_replicas_and_a_change_of_counts_does_not() -> None:
    world = a_world(a_deployment((1, 4)))
    world.human_patch("chat", NOW + 10 * MINUTES, maxReplicaCount=2)
    world.human_patch("chat", NOW + 20 * MINUTES, acceleratorCount=4)

    world.advance(NOW + timedelta(seconds=1210))
    assert newest(world).state == State.UPDATING
    world.advance(NOW + 60 * MINUTES)

    assert newest(world).state == State.READY
    assert ready_changes(newest(world)) == [(100, 8), (1200, 0), (1230, 4)]


def test_a_restarting_replica_is_not_billed_until_it_serves_again() -> None:
    world = a_world(a_deployment((2, 2), restarts=(10 * MINUTES,)))

    world.advance(NOW + 60 * MINUTES)

    assert ready_changes(newest(world)) == [(100, 16), (600, 8), (630, 16)]


def test_seven_days_without_a_request_delete_what_has_a_floor_of_zero() -> None:
    world = a_world(a_deployment((0, 1)))
    world.request("chat", NOW + timedelta(days=1))

    world.advance(NOW + timedelta(days=8) - timedelta(milliseconds=1))
    assert newest(world).state == State.READY
    world.advance(NOW + timedelta(days=8))
    assert newest(world).state == State.DELETING
    world.advance(NOW + timedelta(days=8, minutes=1))
    assert newest(world).state == State.DELETED


def test_a_floor_of_one_is_never_deleted_and_setting_it_to_zero_starts_seven_days() -> None:
    world = a_world(a_deployment((1, 1)))
    world.human_patch("chat", NOW + timedelta(days=30), minReplicaCount=0)

    world.advance(NOW + timedelta(days=37) - timedelta(seconds=1))
    assert newest(world).state == State.READY
    world.advance(NOW + timedelta(days=37))
    assert newest(world).state == State.DELETING


def test_created_again_under_its_name_it_starts_cold_and_inherits_nothing() -> None:
    world = a_world(a_deployment(recreated=30 * MINUTES))

    world.advance(NOW + 60 * MINUTES)

    first, second = world.account().incarnations["chat"]
    assert ready_changes(first) == [(100, 8), (1800, 0)]
    assert ready_changes(second) == [(1900, 8)]
    assert second.created == at(minutes=30)
    assert world.account().find("chat") is second


def test_what_fails_keeps_the_replicas_its_plan_says() -> None:
    world = a_world(
        a_deployment((2, 2), fails_after=10 * MINUTES, fails_holding=1, cold_start=KNOWN_START)
    )

    world.advance(NOW + 60 * MINUTES)

    inc = newest(world)
    assert (inc.state, inc.status_code) == (State.FAILED, "INTERNAL")
    assert ready_changes(inc) == [(100, 16), (600, 8)]


def test_what_is_preemptible_may_vanish() -> None:
    world = a_world(a_deployment(fields={"preemptible": True}, vanishes=10 * MINUTES))

    world.advance(NOW + 60 * MINUTES)

    assert world.account().find("chat") is None
    assert ready_changes(newest(world)) == [(100, 8), (600, 0)]


def test_a_deployment_created_before_the_start_has_a_past() -> None:
    world = a_world(
        a_deployment(age=timedelta(days=10), flows=(Flow(pattern=Steady(per_minute=1)),))
    )

    inc = newest(world)
    assert inc.gpus.integral(at(days=-10), at()) == (10 * 86_400 - 100) * 8 * 1000
    assert inc.traffic.count(at(days=-1), at()) == 24 * 60
