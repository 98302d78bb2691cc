"""The demo's scenes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from firewarden.model.activity import Activity
from firewarden.model.verdict import IncidentState
from firewarden.report.story import Glimpse, Grip, Plot, Storyteller, scenes
from tests.report.views import a_deployment, a_status

BUSY: dict[str, Any] = {
    "activity": Activity.ACTIVE,
    "quiet_since": None,
    "quiet_for": None,
    "idle_for": None,
}


def look(*grips: Grip, **changes: Any) -> Glimpse:
    return Glimpse(status=a_status(a_deployment(**changes)), grips=grips)


def a_grip(**changes: Any) -> Grip:
    values: dict[str, Any] = {
        "deployment_id": "exp-7",
        "policy": "idle-to-zero",
        "state": IncidentState.WARNED,
        "reason": "idle 45m",
        "held_by": None,
        "idle_cost": Decimal("12.5"),
        "saves_usd_per_hour": Decimal(16),
    }
    return Grip(**values | changes)


@pytest.mark.parametrize(
    ("before", "after", "plots"),
    [
        pytest.param(None, look(), [Plot.WATCHED], id="the first look introduces the fleet"),
        pytest.param(look(), look(), [], id="nothing happened"),
        pytest.param(look(**BUSY), look(), [Plot.GOING_IDLE], id="going idle"),
        pytest.param(
            look(**BUSY), look(quiet_for=timedelta(minutes=14)), [], id="a short quiet is none"
        ),
        pytest.param(look(), look(**BUSY), [Plot.IN_USE_AGAIN], id="in use again"),
        pytest.param(
            look(**BUSY, gpu_count=0),
            look(**BUSY, gpu_count=2),
            [Plot.SERVING],
            id="serving",
        ),
        pytest.param(
            look(activity=Activity.ZERO, gpu_count=0, quiet_for=None),
            look(activity=Activity.STARTING, gpu_count=0, quiet_for=None),
            [Plot.STARTING],
            id="starting",
        ),
        pytest.param(
            look(), look(activity=Activity.ZERO, gpu_count=0), [Plot.AT_ZERO], id="at zero"
        ),
        pytest.param(look(), look(a_grip()), [Plot.WARNED], id="warned"),
        pytest.param(
            look(a_grip(state=IncidentState.WAITING)),
            look(a_grip(state=IncidentState.DONE)),
            [Plot.STOPPED],
            id="stopped",
        ),
        pytest.param(
            look(), look(a_grip(state=IncidentState.HELD, held_by="limits")), [Plot.HELD], id="held"
        ),
        pytest.param(look(), Glimpse(status=a_status()), [Plot.WENT], id="a deployment that left"),
        pytest.param(Glimpse(status=a_status()), look(), [Plot.CAME], id="a deployment that came"),
        pytest.param(
            look(),
            Glimpse(status=replace(look().status, complete=False, problem="HTTP 503")),
            [Plot.BLIND],
            id="blind",
        ),
    ],
)
def test_what_is_told(before: Glimpse | None, after: Glimpse, plots: list[Plot]) -> None:
    assert [scene.plot for scene in scenes(before, after)] == plots


def test_a_stop_is_told_with_the_cost_so_far() -> None:
    (scene,) = scenes(look(), look(a_grip(state=IncidentState.DONE)))

    assert scene.text == (
        "exp-7 would be stopped: idle 45m; idle it cost 12.50 USD so far; saves 16.00 USD/h"
    )


def test_each_kind_of_scene_is_told_once_a_deployment_and_numbered() -> None:
    teller = Storyteller(verbose=False)
    looks = [look(**BUSY), look(), look(**BUSY), look(), look(**BUSY)]

    told = [line for each in looks for line in teller.look(each)]

    assert [line.split()[0] for line in told] == ["1.", "2.", "3."]
    loud = Storyteller(verbose=True)
    assert len([line for each in looks for line in loud.look(each)]) == 5


def test_nothing_is_told_before_the_first_poll() -> None:
    assert list(Storyteller(verbose=True).look(Glimpse(status=a_status(observed_at=None)))) == []


def test_many_of_one_kind_at_once_are_one_line() -> None:
    teller = Storyteller(verbose=False)
    names = [f"d{each}" for each in range(9)]
    busy = [a_deployment(deployment_id=name, **BUSY) for name in names]
    quiet = [a_deployment(deployment_id=name) for name in names]
    list(teller.look(Glimpse(status=a_status(*busy))))

    (line,) = teller.look(Glimpse(status=a_status(*quiet)))

    assert line.endswith("going idle: 9 deployments at once: d0, d1, d2 and 6 more")
