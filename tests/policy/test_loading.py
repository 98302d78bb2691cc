from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from firewarden.errors import PolicyError
from firewarden.model.verdict import Blocker, Mode, Verb
from firewarden.policy.capabilities import FIREWORKS
from firewarden.policy.loading import check, load
from firewarden.policy.rules import Limits, OnExceed, PolicySet, RequireData

WHOLE = """\
version: 1
timezone: Europe/Berlin
defaults:
  mode: warn
  notify: [gpu-costs]
  limits: {per_cycle: 2, share_per_hour: 50%, on_exceed: hold}
  require_data: {fresh_within: 2m}
notify:
  gpu-costs: {slack: gpu-costs}
  team: {slack: {by: team, map: {research: gpu-research}, else: gpu-costs}}
  owner: {dm: owner, else: team}
  hook: {slack_webhook: "env:SLACK_WEBHOOK_URL"}
  oncall: {webhook: "env:ONCALL_WEBHOOK_URL", secret: "file:/run/secrets/oncall"}
protect:
  - {tags: {env: prod}, reason: customer traffic, owner: sre@example.com, forever: true}
  - {name: eval-nightly, until: "2026-12-15"}
  - {name: other, until: "2026-12-15T08:00:00+01:00"}
policies:
  idle-to-zero:
    description: Experiments nobody calls go to zero replicas.
    mode: enforce
    match: {name: "exp-*", state: READY, not: {accelerator: NVIDIA_L4_24GB}}
    when: {idle_for: 45m, older_than: 2h, replicas_at_least: 1, saves_at_least: 5}
    stages: [warn, {wait: 10m}, {warn: {to: owner}}, {wait: {for: 5m}}, scale_to_zero]
    allow: [router_member]
    limits: {per_hour: 4}
    require_data: {coverage: 95%}
    notify: [team, terminal]
  told:
    match: {all: true, not: {name: ["a-*", "b-*"]}}
    when: {any: [{failed_for: 1h}, {starting_for: 2h}], not: {gpus_at_least: 8}}
    stages: [warn]
"""


@pytest.fixture
def whole() -> PolicySet:
    return load({"policies/all.yaml": WHOLE})


def test_a_policy_has_every_default_filled_in(whole: PolicySet) -> None:
    policy = whole.policies[0]

    assert (policy.name, policy.mode, policy.verb) == (
        "idle-to-zero",
        Mode.ENFORCE,
        Verb.SCALE_TO_ZERO,
    )
    assert policy.limits == Limits(
        per_cycle=2, per_hour=4, share_per_hour=Decimal("0.5"), on_exceed=OnExceed.HOLD
    )
    assert policy.require_data == RequireData(
        fresh_within=timedelta(minutes=2), coverage=Decimal("0.95")
    )
    assert policy.allow == {Blocker.ROUTER_MEMBER}
    assert policy.saves_at_least == 5
    assert policy.grace == timedelta(minutes=15)
    assert [step.routes for step in policy.steps] == [("team", "terminal"), (), ("owner",), (), ()]
    assert policy.line == 19


def test_what_a_policy_leaves_out_comes_from_its_files_defaults(whole: PolicySet) -> None:
    policy = whole.policies[1]

    assert (policy.mode, policy.verb) == (Mode.WARN, Verb.WARN)
    assert policy.limits.per_hour == 10
    assert policy.require_data.coverage == Decimal("0.9")
    assert policy.steps[0].routes == ("gpu-costs",)
    assert policy.saves_at_least == 1


def test_a_protection_lasts_to_the_end_of_its_local_day(whole: PolicySet) -> None:
    forever, day, instant = (protection.until for protection in whole.protections)

    assert forever is None
    assert day == datetime(2026, 12, 15, 23, 0, tzinfo=UTC)
    assert instant == datetime(2026, 12, 15, 7, 0, tzinfo=UTC)


def test_any_saving_can_be_asked_for() -> None:
    text = WHOLE.replace("saves_at_least: 5", "saves_at_least: any")

    assert load({"a.yaml": text}).policies[0].saves_at_least is None


def test_a_folder_is_one_document() -> None:
    routes = "version: 1\nnotify: {gpu-costs: {slack: gpu-costs}}\n"
    policy = (
        "version: 1\npolicies:\n  p:\n    match: {name: x}\n    when: {idle_for: 1h}\n"
        "    stages: [{warn: {to: gpu-costs}}]\n"
    )

    both = load({"b.yaml": routes, "a.yaml": policy})

    assert [one.name for one in both.policies] == ["p"]
    assert set(both.routes) == {"gpu-costs"}


def test_a_name_twice_over_files_is_an_error_with_both_places() -> None:
    text = (
        "version: 1\npolicies:\n  p:\n    match: {name: x}\n    when: {idle_for: 1h}\n"
        "    stages: [warn]\n"
    )

    (problem,) = check({"a.yaml": text, "b.yaml": text})

    assert str(problem).startswith("b.yaml:3:3: `p` is also defined at a.yaml:3:3")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WHOLE.replace(", ", " ,   "), id="spaces"),
        pytest.param("# a comment\n" + WHOLE, id="comments"),
        pytest.param(WHOLE.replace('"exp-*"', "'exp-*'"), id="quotes"),
        pytest.param(WHOLE.replace("{wait: 10m}", "{wait: 600s}"), id="another unit"),
        pytest.param(WHOLE.replace("{wait: {for: 5m}}", "{wait: 5m}"), id="the short form"),
        pytest.param(WHOLE.replace("Experiments nobody", "Nobody"), id="description"),
    ],
)
def test_the_hash_survives_layout_and_wording(text: str, whole: PolicySet) -> None:
    assert load({"other.yaml": text}).policies[0].hash == whole.policies[0].hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("idle_for: 45m", "idle_for: 46m", id="a threshold"),
        pytest.param("{wait: 10m}", "{wait: 11m}", id="a wait"),
        pytest.param("mode: enforce", "mode: observe", id="the mode"),
        pytest.param('"exp-*"', '"exp-?"', id="the match"),
        pytest.param("allow: [router_member]", "allow: [addons]", id="what is allowed"),
        pytest.param("fresh_within: 2m", "fresh_within: 3m", id="a default it uses"),
        pytest.param("saves_at_least: 5", "saves_at_least: 6", id="the saving"),
    ],
)
def test_the_hash_changes_with_anything_that_counts(old: str, new: str, whole: PolicySet) -> None:
    assert load({"a.yaml": WHOLE.replace(old, new)}).policies[0].hash != whole.policies[0].hash


def test_all_problems_of_all_files_come_at_once_and_in_order() -> None:
    with pytest.raises(PolicyError) as raised:
        load({"b.yaml": "version: 2\nfoo: 1\n", "a.yaml": "policies: {}\n"})

    assert raised.value.exit_code == 2
    assert [line.split(" ")[0] for line in raised.value.problems] == [
        "a.yaml:1:1:",
        "b.yaml:1:10:",
        "b.yaml:2:1:",
    ]


def test_more_than_two_hundred_files_are_refused() -> None:
    (problem,) = check({f"{number:03}.yaml": "version: 1\n" for number in range(201)})

    assert problem.message == "201 policy files, at most 200 are read"


def test_no_file_at_all_is_an_empty_document() -> None:
    assert load({}).policies == ()


@pytest.mark.parametrize(
    "path", sorted(Path("policies").glob("*.yaml")), ids=lambda path: path.name
)
def test_the_shipped_policies_load_and_only_observe(path: Path) -> None:
    shipped = load({str(path): path.read_text(encoding="utf-8")})

    assert shipped.notes == ()
    assert {policy.mode for policy in shipped.policies} <= {Mode.OBSERVE, Mode.WARN}
    assert shipped.auto_delete_after == FIREWORKS.auto_delete_after
