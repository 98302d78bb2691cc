"""A saved plan is applied as it was made, or not at all."""

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firewarden.app.saved_plan import read_plan_file, save_plan
from firewarden.decide.plan import fingerprint_of, plan_id_of
from firewarden.errors import FileUnusable, UserError
from firewarden.policy.rules import PolicySet
from firewarden.report.plan import PlanItem, PlanView
from tests.support.deciding import IDLE, NOW, policies

POLICIES = policies()
(POLICY,) = POLICIES.policies


def an_item(name: str = "exp-1") -> PlanItem:
    evidence = {"uid": f"accounts/acme/deployments/{name}@2026-11-19", "state": "READY"}
    return PlanItem(
        deployment_id=name,
        verb="scale_to_zero",
        policy=POLICY.name,
        mode="enforce",
        reason="idle 52m",
        evidence=evidence,
        saves_usd_per_hour=None,
        list_usd_per_hour=None,
        saves_basis="list",
        fingerprint=fingerprint_of(POLICY.name, POLICY.hash, "scale_to_zero", evidence),
        gpu_count=2,
        accelerator_type="NVIDIA_H100_80GB",
        before=1,
        after=0,
    )


def a_plan(*items: PlanItem) -> PlanView:
    return PlanView(
        plan_id=plan_id_of(POLICIES.hash, (each.fingerprint for each in items)),
        created_at=NOW,
        account="acme",
        timezone="UTC",
        policy_hash=POLICIES.hash,
        actions=items,
        held=(),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    save_plan(a_plan(an_item(), an_item("exp-2")), path)
    return path


def edited(file: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    return file


def check(file: Path, *, account: str = "acme", by: PolicySet = POLICIES, after: float = 0) -> None:
    now = NOW + timedelta(minutes=after)
    read_plan_file(file).demand_good(account=account, policies=by, now=now)


def test_a_plan_comes_back_as_it_was_saved_for_its_owner_alone(file: Path) -> None:
    saved = read_plan_file(file)

    assert [each.deployment_id for each in saved.items] == ["exp-1", "exp-2"]
    assert saved.items[0].uid == "accounts/acme/deployments/exp-1@2026-11-19"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    check(file, after=60)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"after": 60.1}, "old", id="an hour and a little later"),
        pytest.param({"after": -1}, "old", id="from the future"),
        pytest.param({"account": "globex"}, "not of globex", id="another account"),
        pytest.param(
            {"by": policies(IDLE.replace("45m", "50m"))}, "other policies", id="edited policies"
        ),
    ],
)
def test_a_plan_that_is_old_or_foreign_is_refused(
    file: Path, given: dict[str, Any], why: str
) -> None:
    with pytest.raises(UserError, match=why) as raised:
        check(file, **given)
    assert "firewarden plan -o" in raised.value.mend


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda plan: plan["actions"].pop(), id="an item left out"),
        pytest.param(lambda plan: plan["actions"].append(plan["actions"][0]), id="an item twice"),
        pytest.param(lambda plan: plan["actions"][0].update(verb="delete"), id="another verb"),
        pytest.param(
            lambda plan: plan["actions"][0]["evidence"].update(uid="x@y"), id="another deployment"
        ),
        pytest.param(lambda plan: plan["actions"][0].update(policy="other"), id="another policy"),
        pytest.param(lambda plan: plan.update(plan_id="0" * 16), id="another name"),
    ],
)
def test_a_plan_that_was_edited_is_refused(
    file: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    with pytest.raises(UserError, match="edited"):
        check(edited(file, change))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"plan_id": 1}', id="half of one"),
        pytest.param(b"[" * 100_000, id="nested"),
    ],
)
def test_what_is_no_plan_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)

    with pytest.raises(UserError, match="no saved plan"):
        read_plan_file(path)


def test_a_file_that_is_not_there_or_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable, match="cannot be read"):
        read_plan_file(tmp_path / "none.json")
    with pytest.raises(FileUnusable, match="cannot be written"):
        save_plan(replace(a_plan(), account="acme"), tmp_path / "none" / "plan.json")
