"""Two real processes in enforce: what stays idle goes to zero by one change each, nothing else."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from firewarden.model.action import Intent, Outcome
from firewarden.model.ids import Uid
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.store.incidents import read_closed
from firewarden.store.intents import read_actions
from tests.simulation.real import EVERY, Life, living
from tests.simulation.stages import (
    HOUR,
    KEY,
    MINUTE,
    SHIPPED,
    STANDARD_IDLE,
    STANDARD_RETURNING,
)
from tests.support.effects import demand_no_forbidden
from tests.support.oracles import MS, Truth, instant, written

WIDE = "{per_cycle: 20, per_hour: 100, share_per_hour: 100%}"
DEFAULTS = "{per_cycle: 3, per_hour: 10, share_per_hour: 20%, on_exceed: trickle}"
SHARE = 0.2

IDLE_FOR = 45 * MINUTE
FORGIVING = 2 * EVERY
"""What a scrape and a poll may be late by."""

IN_GRACE = "returning-in-grace"
RETURNS = 2 * HOUR + 7 * MINUTE
"""After the start: it is two hours old and warned of, and would go a quarter of an hour later."""

PATIENCE = 10 * HOUR
"""A machine that stalls for 300 ms ends every quiet stretch, and it must begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that changed something, as the provider's log has it."""

    at: datetime
    name: str
    what: str


def enforced(folder: Path, limits: str) -> Path:
    """Write what is shipped for idle ones as policies that enforce, within *limits*."""
    policies = folder / "policies"
    policies.mkdir()
    text = (SHIPPED / "idle.yaml").read_text(encoding="utf-8")
    assert "mode: observe" in text
    assert f"limits: {DEFAULTS}" in text
    text = text.replace("mode: observe", "mode: enforce").replace(DEFAULTS, limits)
    (policies / "idle.yaml").write_text(text, encoding="utf-8")
    return policies


def create_returning(life: Life, start: datetime, *, hours: float) -> None:
    """Create one that nobody calls until it is warned of, and that is called from then on."""
    body = {
        "baseModel": f"accounts/acme/models/{IN_GRACE}",
        "acceleratorType": "NVIDIA_H100_80GB",
        "acceleratorCount": 1,
        "minReplicaCount": 1,
        "maxReplicaCount": 1,
    }
    life.tell(f"/v1/accounts/acme/deployments?deploymentId={IN_GRACE}", body)
    for number in range(round(hours * HOUR / MINUTE)):
        at = written(start + RETURNS + number * MINUTE)
        life.tell("/_world", {"do": "request", "deployment_id": IN_GRACE, "at": at, "count": 9})


def changes(life: Life) -> list[Change]:
    requests = life.ask("/_log")["requests"]
    demand_no_forbidden([each for each in requests if "deploymentId=" not in each["query"]])
    return [
        Change(at=instant(each["at"]), name=name.partition(":")[0], what=_what(each, name))
        for each in requests
        if each["method"] != "GET" and "deploymentId=" not in each["query"]
        for name in [each["path"].rpartition("/")[2]]
    ]


def _what(request: Mapping[str, Any], name: str) -> str:
    body = json.loads(request["body"])
    return "scale" if name.endswith(":scale") else f"min {body['minReplicaCount']}"


def live(life: Life, start: datetime, *, until: datetime, names: set[str]) -> None:
    """Live *until*, and on until all of *names* are at zero, within reason."""
    life.until(until)
    while True:
        at = instant(life.log[-1]["timestamp"])
        held = {one.deployment_id for one in life.truth(at - MS, at).values() if one.gpu_count}
        if not names & held:
            return
        assert at < until + PATIENCE, f"{sorted(names & held)} still run"
        life.until(at + 20 * MINUTE)


def demand_once_each(found: Sequence[Change], *, idle: set[str], returned: set[str]) -> None:
    """Demand one masked PATCH and one ``:scale`` of each, and one more where it came back."""
    floors = {"eval-weekly": 2}
    wanted = Counter(
        {(name, what): 1 for name in idle | returned for what in ("min 0", "scale")}
        | {(name, f"min {floors.get(name, 1)}"): 1 for name in returned}
    )
    assert Counter((each.name, each.what) for each in found) == wanted


def demand_idle(life: Life, found: Sequence[Change]) -> None:
    """Demand that nothing was stopped that the truth knows a request of."""
    for each in found:
        if each.what == "scale":
            since = each.at - IDLE_FOR + FORGIVING
            truth = _named(life.truth(since, each.at), each.name)
            assert truth.last_request_at is None or truth.last_request_at < since, each


def demand_paced(life: Life, found: Sequence[Change]) -> None:
    """Demand that in any hour no more were stopped than a fifth of what ran."""
    stops = [each.at for each in found if each.what == "scale"]
    for first in stops:
        size = sum(each.gpu_count > 0 for each in life.truth(first - MS, first).values())
        own = [at for at in stops if first <= at < first + HOUR]
        assert len(own) <= max(1, int(size * SHARE)), f"{len(own)} of {size} from {first}"


def demand_written_down(intents: Sequence[Intent], found: Sequence[Change]) -> None:
    """Demand that each change was written down before it was sent, and came to an end."""
    assert {each.outcome for each in intents} <= {Outcome.APPLIED, Outcome.REFUSED}
    for each in found:
        own = [one for one in intents if _name_of(one.uid) == each.name and one.finished_at]
        assert any(
            one.planned_at <= each.at <= (one.finished_at or each.at) + FORGIVING for one in own
        ), each


def _named(truth: Mapping[Uid, Truth], name: str) -> Truth:
    return next(each for each in truth.values() if each.deployment_id == name)


def _name_of(uid: Uid) -> str:
    return uid.rpartition("@")[0].rpartition("/")[2]


def read(life: Life, since: datetime) -> tuple[Sequence[Intent], Sequence[Incident]]:
    with life.ledger() as ledger:
        session, account = ledger.session, ledger.account
        return (
            read_actions(session, account, since=since),
            read_closed(session, account, since=since),
        )


@pytest.mark.parametrize("limits", [WIDE, DEFAULTS], ids=["wide limits", "the default limits"])
def test_what_stays_idle_is_stopped_by_one_change_each_and_nothing_else(
    *, real_seed: int, whole_day: bool, limits: str, folder: Path
) -> None:
    policies = enforced(folder, limits)
    with living(folder, seed=real_seed, policies=policies, mode="enforce") as life:
        start = instant(life.ask("/_truth")["start"])
        hours = 24.0 if whole_day else 4.0
        create_returning(life, start, hours=hours + PATIENCE / HOUR)
        returned = {STANDARD_RETURNING} if whole_day else set()
        idle = STANDARD_IDLE if whole_day else STANDARD_IDLE | {STANDARD_RETURNING}
        live(life, start, until=start + hours * HOUR, names=idle)
        assert life.stop() == 0
        found = changes(life)
        demand_once_each(found, idle=idle, returned=returned)
        demand_idle(life, found)
        if limits == DEFAULTS:
            demand_paced(life, found)
        intents, incidents = read(life, start)
        demand_written_down(intents, found)
    assert not [each for each in life.log if each["level"] in {"error", "critical"}]
    assert KEY not in json.dumps(life.log)
    stopped = [each for each in incidents if each.verb is Verb.SCALE_TO_ZERO]
    done = {_name_of(each.uid) for each in stopped if each.state is IncidentState.DONE}
    assert done == idle | returned
    assert IN_GRACE not in done
