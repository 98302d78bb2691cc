"""When a single read contradicts the listing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firewarden.model.deployment import Deployment, Trait
from firewarden.model.fleet import Examined
from firewarden.observe.doubts import contradiction
from tests.support.deciding import NOW, a_deployment

LISTED = a_deployment("exp-1", updated_at=NOW - timedelta(hours=1))


def examined(found: Deployment | None) -> Examined:
    return Examined(asked_at=NOW, answered_at=NOW, deployment=found)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the same"),
        pytest.param({"status_message": "ok"}, id="what no action rests on may differ"),
    ],
)
def test_they_agree(changes: dict[str, Any]) -> None:
    assert contradiction(LISTED, examined(replace(LISTED, **changes))) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"state": "UPDATING"}, "state is READY", id="state"),
        pytest.param({"min_replica_count": 3}, "min_replica_count is 1", id="min"),
        pytest.param({"max_replica_count": 9}, "max_replica_count is 2", id="max"),
        pytest.param({"desired_replica_count": 2}, "desired_replica_count", id="desired"),
        pytest.param({"ready_replica_count": 2}, "ready_replica_count", id="ready"),
        pytest.param({"starting_replica_count": 1}, "starting_replica_count", id="starting"),
        pytest.param({"updated_at": NOW}, "updated_at", id="somebody wrote to it"),
        pytest.param({"traits": frozenset({Trait.HOT_LOAD})}, "traits", id="a protection"),
        pytest.param({"tags": {"owner": "me"}}, "tags", id="a tag"),
    ],
)
def test_they_disagree(changes: dict[str, Any], said: str) -> None:
    assert said in contradiction(LISTED, examined(replace(LISTED, **changes)))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(None, "could not be read", id="no answer is no agreement"),
        pytest.param(examined(None), "not there", id="not found"),
        pytest.param(
            examined(a_deployment("exp-1", created_at=NOW)), "another of that name", id="re-created"
        ),
    ],
)
def test_it_is_not_there_or_another(found: Examined | None, said: str) -> None:
    assert said in contradiction(LISTED, found)
