"""The world is the same whoever looks and however often, and a seed replays it byte for byte."""

import itertools
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.providers.simulated import metrics, truth
from firewarden.providers.simulated.fleets import FLEETS, sized, standard
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import from_ms
from firewarden.providers.simulated.patterns import Bursts
from firewarden.providers.simulated.render import deployment_bytes
from firewarden.providers.simulated.traffic import Flow
from firewarden.providers.simulated.world import World
from tests.providers.simulated.builders import a_deployment, a_world, at, newest
from tests.support.clock import NOW

DAY = timedelta(days=1)
DEEDS = ("bounds", "hardware", "request", "restart", "recreate", "delete")
scripts = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.integers(0, 86_400_000), st.integers(0, 5)), max_size=8
)
offsets = st.lists(st.integers(0, 86_400_000), max_size=12)


def described(world: World) -> bytes:
    """Write down all that can be seen of *world* and all that is true of it."""
    account = world.account()
    seen = [deployment_bytes(inc).decode() for inc in account.present()]
    rows = truth.deployments(account, at(days=-40), world.agenda.now)
    return json.dumps([seen, rows, metrics.text(account, world.agenda.now)]).encode()


def lived(seed: int, steps: list[int]) -> World:
    """Let the standard fleet live a day, looked at after so many milliseconds each."""
    world = World(standard(seed), seed=seed, start=NOW)
    world.human_patch("chat-prod", NOW + timedelta(hours=7), maxReplicaCount=2)
    for step in sorted(steps):
        world.advance(from_ms(at() + step))
    world.advance(NOW + DAY)
    return world


WHOLE = described(lived(1, []))


@settings(max_examples=15)
@given(steps=offsets)
def test_how_often_somebody_looks_changes_nothing(steps: list[int]) -> None:
    assert described(lived(1, steps)) == WHOLE


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 86_400_000), min_size=3, max_size=6))
def test_the_truth_of_windows_that_touch_adds_up(cuts: list[int]) -> None:
    world = DAY_OLD
    edges = [at() + cut for cut in sorted(cuts)]

    for inc in world.account().everything():
        parts = sum(truth.gpu_ms(inc, since, until) for since, until in itertools.pairwise(edges))
        assert parts == truth.gpu_ms(inc, edges[0], edges[-1])


DAY_OLD = lived(1, [])


@settings(max_examples=60)
@given(script=scripts, steps=offsets)
def test_whatever_people_do_the_world_stays_whole(
    script: list[tuple[str, int, int]], steps: list[int]
) -> None:
    """Bounds hold, nothing that is gone is billed, and looking changes nothing."""
    world, twin = scripted(script), scripted(script)
    for step in sorted(steps):
        world.advance(from_ms(at() + step))
        assert_whole(newest(world))
    world.advance(NOW + DAY)
    twin.advance(NOW + DAY)

    assert_whole(newest(world))
    assert described(world) == described(twin)


def scripted(script: list[tuple[str, int, int]]) -> World:
    """Let people do *script* to one deployment: what, after how many milliseconds, how much."""
    flow = Flow(pattern=Bursts(per_day=20, minutes=(2, 40), per_minute=90))
    world = a_world(a_deployment((0, 3), flows=(flow,)))
    for deed, after, count in script:
        instant = from_ms(at() + after)
        match deed:
            case "bounds":
                world.human_patch(
                    "chat", instant, minReplicaCount=count // 2, maxReplicaCount=count
                )
            case "hardware":
                world.human_patch("chat", instant, acceleratorCount=count + 1)
            case "request":
                world.request("chat", instant, count + 1)
            case "restart":
                world.restart("chat", instant)
            case "recreate":
                world.recreate("chat", instant)
            case _:
                world.delete("chat", instant, hard=count > 3)
    return world


def assert_whole(inc: Incarnation) -> None:
    assert inc.desired == len(inc.replicas) <= max(inc.ceiling, 0)
    assert inc.gpus.value == inc.ready_count * inc.gpus_per_replica
    assert inc.is_gone is False or (inc.gpus.value, inc.starting.value) == (0, 0)
    assert inc.ceiling > 0 or inc.desired == 0


def test_another_seed_is_another_day() -> None:
    assert described(lived(2, [])) != WHOLE


def test_going_back_changes_nothing() -> None:
    world = lived(1, [])

    world.advance(NOW)

    assert described(world) == WHOLE


def test_one_deployment_more_changes_no_other() -> None:
    account = standard(1)[0]
    more = replace(account, deployments=(*account.deployments, a_deployment((1, 3))))
    world = World(more, seed=1, start=NOW)
    world.human_patch("chat-prod", NOW + timedelta(hours=7), maxReplicaCount=2)
    world.advance(NOW + DAY)

    def changes(inc: Incarnation) -> list[tuple[int, int]]:
        return list(inc.gpus.changes(0, world.agenda.now))

    for inc in DAY_OLD.account().everything():
        twin = world.account().incarnations[inc.deployment_id][inc.number]
        assert changes(twin) == changes(inc), inc.deployment_id


@pytest.mark.parametrize("name", FLEETS)
def test_every_fleet_lives_a_day(name: str) -> None:
    world = World(FLEETS[name](3), seed=3, start=NOW)

    world.advance(NOW + DAY)

    assert len(list(world.account().live())) >= 7


def test_the_standard_fleet_is_what_it_promises() -> None:
    world = World(standard(1), seed=1, start=NOW)
    account = world.account()
    fleet = {inc.deployment_id: inc for inc in account.present()}
    soon = at(minutes=-30)

    def quiet(inc: Incarnation) -> bool:
        last = inc.last_request(account.now)
        return inc.ready_count > 0 and (last is None or last < soon)

    assert len(fleet) == 24
    assert sum(quiet(inc) and inc.floor > 0 for inc in fleet.values()) >= 4
    assert sum(inc.traffic.count(soon, at()) > 0 for inc in fleet.values()) >= 4
    assert sum(inc.floor == 0 for inc in fleet.values()) == 3
    assert sum(inc.state == "CREATING" for inc in fleet.values()) == 2
    assert sum("custom/firewarden.protect" in text(inc) for inc in fleet.values()) == 1
    assert sum(inc.plan.published for inc in fleet.values()) == 1
    assert sum(bool(inc.plan.cluster) for inc in fleet.values()) == 1
    assert sum(inc.accelerator_type == "NVIDIA_X900_512GB" for inc in fleet.values()) == 1
    assert sum(bool(inc.plan.recreated) for inc in fleet.values()) == 1


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_standard_fleet_changes_about_twice_an_hour(seed: int) -> None:
    world = World(standard(seed), seed=seed, start=NOW)
    world.advance(NOW + DAY)

    changes = sum(
        len(list(inc.gpus.changes(at(), world.agenda.now))) for inc in world.account().everything()
    )

    assert 30 <= changes <= 80


def test_a_sized_fleet_stands_still() -> None:
    world = World(sized(300, live=60, seed=1), seed=1, start=NOW)
    before = [deployment_bytes(inc) for inc in world.account().present()]
    version = world.account().version

    world.advance(NOW + DAY)

    assert world.account().version == version
    assert [deployment_bytes(inc) for inc in world.account().present()] == before
    assert sum(inc.ready_count for inc in world.account().present()) == 60


def test_every_sin_has_its_subject() -> None:
    world = World(standard(1), seed=1, start=NOW)

    sins = truth.sins(world.account(), world.agenda.now)

    priced = {sin["kind"]: sin["usd_per_month"] for sin in sins if sin["usd_per_month"]}
    assert {sin["kind"] for sin in sins} == {
        "trainer_gone",
        "always_on",
        "failed_holds_gpus",
        "long_starting",
        "deleted_this_week",
        "no_owner",
        "quota_nearly_used",
        "unpriced",
        "price_plan",
    }
    assert priced["trainer_gone"] == "75920.00"  # 8 × B200 × 13 USD × 730 h
    assert priced["failed_holds_gpus"] == "11680.00"  # 2 × H100 × 8 USD × 730 h
    assert all(
        sin["deployment_id"]
        for sin in sins
        if sin["kind"] not in {"quota_nearly_used", "price_plan"}
    )


def text(inc: Incarnation) -> str:
    return deployment_bytes(inc).decode()
