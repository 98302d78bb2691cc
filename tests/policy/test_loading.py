from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from firewarden.errors import PolicyError
from firewarden.model.commitment import Commitment
from firewarden.model.ids import PolicyName
from firewarden.model.vocabulary import Blocker, CommitmentKind, Mode, ProviderDelete, Verb
from firewarden.policy.capabilities import FIREWORKS
from firewarden.policy.checking import check
from firewarden.policy.joining import Alerts, Snooze
from firewarden.policy.limits import Limits, OnExceed
from firewarden.policy.loading import load
from firewarden.policy.rules import Approval, Autoscaling, Policy, PolicySet, RequireData, Step
from tests.policy.texts import CREDIT, HEAD, a_delete, a_policy

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
  parked:
    match: {name: "demo-*"}
    when: {idle_for: 2d}
    stages: [warn, {wait: 1h}, park]
    provider_delete: ask
    allow: [unknown_env]
  bounded:
    match: {name: "big-*"}
    when: {idle_for: 1h}
    stages:
      - warn
      - set_autoscaling: {min: {lower_to: 1}, max: {lower_to: 4}}
  windowed:
    match: {name: "small-*"}
    when: {idle_for: 1h}
    stages: [{set_autoscaling: {min: 0, max: now, scale_to_zero_window: 30m}}]
    restore: never
    provider_delete: let_go
  held:
    match: {name: "grown-*"}
    when: {gpus_at_least: 64}
    stages: [hold_growth]
  stale:
    mode: approve
    match: {tags: {env: [dev, experiment]}}
    when: {at_zero_for: 3d}
    stages: [{warn: {to: owner}}, {wait: 8h}, delete]
    approval: {by: [ml-owners@example.com, "@gpu-owners", cli], expires: 12h}
    limits: {per_day: 5}
alerts: {default: gpu-costs, page: oncall, fallback: terminal}
snooze: {choices: [tonight, 4h], max: 7d, max_total: 2w}
"""


def named(loaded: PolicySet, name: str) -> Policy:
    """The policy of that name."""
    return next(policy for policy in loaded.policies if policy.name == name)


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


@pytest.mark.parametrize(
    ("name", "verb", "autoscaling"),
    [
        pytest.param("idle-to-zero", Verb.SCALE_TO_ZERO, None, id="scale_to_zero"),
        pytest.param("parked", Verb.PARK, None, id="park"),
        pytest.param(
            "bounded",
            Verb.SET_AUTOSCALING,
            Autoscaling(lower_min_to=1, lower_max_to=4),
            id="bounds that are only lowered",
        ),
        pytest.param(
            "windowed",
            Verb.SET_AUTOSCALING,
            Autoscaling(min_to=0, max_to_now=True, scale_to_zero_window=timedelta(minutes=30)),
            id="values",
        ),
        pytest.param("held", Verb.HOLD_GROWTH, None, id="hold_growth"),
        pytest.param("stale", Verb.DELETE, None, id="delete"),
    ],
)
def test_a_policy_ends_in_its_effect(
    name: str, verb: Verb, autoscaling: Autoscaling | None, whole: PolicySet
) -> None:
    policy = named(whole, name)

    assert policy.effect == Step(verb=verb, autoscaling=autoscaling)
    assert (policy.verb, policy.steps[-1]) == (verb, policy.effect)


def test_a_policy_without_an_effect_has_none(whole: PolicySet) -> None:
    assert named(whole, "told").effect is None


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        pytest.param("", "on_wake never never never never never never", id="by itself"),
        pytest.param("never", "never never never never never never never", id="the default"),
        pytest.param("on_wake", "on_wake never never never never never never", id="the same"),
    ],
)
def test_only_what_went_to_zero_is_put_back_on_a_wake(default: str, expected: str) -> None:
    head = f"  restore: {default}\n" if default else ""
    loaded = load({"a.yaml": WHOLE.replace("  mode: warn\n", f"  mode: warn\n{head}", 1)})

    assert " ".join(policy.put_back for policy in loaded.policies) == expected


def test_the_providers_own_delete_is_prevented_unless_a_policy_says_otherwise(
    whole: PolicySet,
) -> None:
    answers = {policy.name: policy.provider_delete for policy in whole.policies}

    assert answers.pop(PolicyName("parked")) is ProviderDelete.ASK
    assert answers.pop(PolicyName("windowed")) is ProviderDelete.LET_GO
    assert set(answers.values()) == {ProviderDelete.RESTORE}


def test_an_approval_is_taken_as_it_is_written_or_lasts_a_day(whole: PolicySet) -> None:
    assert named(whole, "stale").approval == Approval(
        by=("ml-owners@example.com", "@gpu-owners", "cli"), expires=timedelta(hours=12)
    )
    assert named(whole, "parked").approval == Approval(by=(), expires=timedelta(hours=24))


@pytest.mark.parametrize(
    ("stages", "own", "default", "expected"),
    [
        pytest.param("[warn, {wait: 1h}, park]", "", "", OnExceed.TRICKLE, id="a stop trickles"),
        pytest.param("[warn, {wait: 1h}, delete]", "", "", OnExceed.HOLD, id="a delete holds"),
        pytest.param(
            "[warn, {wait: 1h}, delete]", "trickle", "hold", OnExceed.TRICKLE, id="or as it says"
        ),
        pytest.param(
            "[warn, {wait: 1h}, delete]", "", "trickle", OnExceed.TRICKLE, id="or its defaults say"
        ),
        pytest.param("[warn, {wait: 1h}, park]", "", "hold", OnExceed.HOLD, id="of a stop as well"),
    ],
)
def test_what_is_over_the_limits(stages: str, own: str, default: str, expected: OnExceed) -> None:
    limits = f"{{per_day: 2, on_exceed: {own}}}" if own else "{per_day: 2}"
    text = a_delete(stages=stages, when="{failed_for: 3d}", limits=limits)
    if default:
        text += f"defaults: {{limits: {{per_day: 9, per_cycle: 1, on_exceed: {default}}}}}\n"

    (policy,) = load({"a.yaml": text}).policies

    assert (policy.limits.on_exceed, policy.limits.per_day) == (expected, 2)
    assert policy.limits.per_cycle == (1 if default else 3)


def test_a_day_has_a_limit_only_where_one_is_given(whole: PolicySet) -> None:
    per_day = {policy.name: policy.limits.per_day for policy in whole.policies}

    assert per_day.pop(PolicyName("stale")) == 5
    assert set(per_day.values()) == {None}


def test_a_policy_tells_by_every_route_that_it_names(whole: PolicySet) -> None:
    assert named(whole, "idle-to-zero").routes == ("team", "terminal", "owner")
    assert named(whole, "stale").routes == ("gpu-costs", "owner")
    assert load({"a.yaml": a_policy()}).policies[0].routes == ()


def test_alerts_and_snoozing_are_taken_as_they_are_written(whole: PolicySet) -> None:
    assert whole.alerts == Alerts(default="gpu-costs", page="oncall", fallback="terminal")
    assert whole.snooze == Snooze(
        choices=("tonight", "4h"), max=timedelta(days=7), max_total=timedelta(days=14)
    )


def test_alerts_and_snoozing_are_joined_over_files() -> None:
    one = "version: 1\nalerts: {default: log}\nsnooze: {max: 60d}\n"
    other = "version: 1\nalerts: {page: terminal}\nsnooze: {max_total: 90d}\n"

    both = load({"a.yaml": one, "b.yaml": other})

    assert both.alerts == Alerts(default="log", page="terminal")
    assert both.snooze == Snooze(max=timedelta(days=60), max_total=timedelta(days=90))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("", Snooze(), id="nothing"),
        pytest.param(
            "snooze: {max: 1d}", Snooze(choices=("tonight", "4h", "1d"), max=timedelta(days=1)),
            id="offered is what is allowed",
        ),
        pytest.param(
            "snooze: {max_total: 1h}",
            Snooze(choices=("tonight",), max=timedelta(hours=1), max_total=timedelta(hours=1)),
            id="one snooze is not longer than all",
        ),
    ],
)  # fmt: skip
def test_what_is_left_out_of_snoozing_fits_what_is_given(given: str, expected: Snooze) -> None:
    assert load({"a.yaml": f"version: 1\n{given}\n"}).snooze == expected


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


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("alerts: {page: log}", id="alerts"),
        pytest.param("snooze: {max: 1d}", id="snooze"),
    ],
)
def test_a_key_of_a_joined_block_twice_is_an_error_with_both_places(line: str) -> None:
    text = f"version: 1\n{line}\n"

    (problem,) = check({"a.yaml": text, "b.yaml": text})

    assert "b.yaml:2:10: `" in str(problem)
    assert "is also defined at a.yaml:2:10" in str(problem)


def test_a_route_of_another_file_gives_the_receipt_that_a_delete_needs() -> None:
    policy, _, routes = a_delete().partition("notify: {")

    assert check({"a.yaml": policy, "b.yaml": f"version: 1\nnotify: {{{routes}"}) == ()


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
        pytest.param(WHOLE.replace("saves_at_least: 5,", "saves_at_least: 5.0,"), id="a zero"),
        pytest.param(WHOLE.replace("expires: 12h", "expires: 720m"), id="minutes for hours"),
        pytest.param(
            WHOLE.replace("    allow: [router", "    restore: on_wake\n    allow: [router"),
            id="a default written out",
        ),
        pytest.param(WHOLE.replace("customer traffic", "customers"), id="a protection's reason"),
    ],
)
def test_the_hashes_survive_layout_and_wording(text: str, whole: PolicySet) -> None:
    other = load({"other.yaml": text})

    assert [policy.hash for policy in other.policies] == [policy.hash for policy in whole.policies]
    assert other.hash == whole.hash


MONEY = """\
attribution:
  - name: "exp-*"
    team: research
commitments:
  - {kind: credit, usd: 20000, expires: "2026-12-31"}
budgets:
  gpus:
    description: what all of them may cost
    scope: {all: true}
    limit: {usd: 1000, per: month}
    thresholds: [{at: 80%, do: warn}]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("what all of them may cost", "another wording", id="a description"),
        pytest.param("budgets:", "\n# more lines\nbudgets:", id="its place"),
    ],
)
def test_the_hash_of_budgets_survives_layout_and_wording(old: str, new: str) -> None:
    whole, other = (
        load({"a.yaml": WHOLE + MONEY}),
        load({"b.yaml": WHOLE + MONEY.replace(old, new)}),
    )

    assert other.hash == whole.hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("usd: 1000,", "usd: 1001,", id="a budget"),
        pytest.param("at: 80%", "at: 90%", id="a threshold"),
        pytest.param("usd: 20000", "usd: 20001", id="a commitment"),
        pytest.param("team: research", "team: search", id="whose it is"),
        pytest.param('"exp-*"', '"exp-?"', id="what is somebody's"),
    ],
)
def test_money_that_counts_changes_the_hash(old: str, new: str) -> None:
    whole, other = (
        load({"a.yaml": WHOLE + MONEY}),
        load({"a.yaml": WHOLE + MONEY.replace(old, new)}),
    )

    assert other.hash != whole.hash


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("idle-to-zero", "idle_for: 45m", "idle_for: 46m", id="a threshold"),
        pytest.param("idle-to-zero", "{wait: 10m}", "{wait: 11m}", id="a wait"),
        pytest.param("idle-to-zero", "mode: enforce", "mode: observe", id="the mode"),
        pytest.param("idle-to-zero", '"exp-*"', '"exp-?"', id="the match"),
        pytest.param("idle-to-zero", "[router_member]", "[addons]", id="what is allowed"),
        pytest.param("idle-to-zero", "saves_at_least: 5", "saves_at_least: 6", id="the saving"),
        pytest.param("idle-to-zero", "{per_hour: 4}", "{per_hour: 5}", id="a limit"),
        pytest.param("idle-to-zero", "coverage: 95%", "coverage: 96%", id="the data it asks for"),
        pytest.param("idle-to-zero", "[team, terminal]", "[team, log]", id="its routes"),
        pytest.param("held", "[hold_growth]", "[{wait: 1m}, park]", id="the verb"),
        pytest.param("parked", "allow: [unknown_env]", "allow: [addons]", id="unknown_env"),
        pytest.param("parked", "provider_delete: ask", "provider_delete: restore", id="its delete"),
        pytest.param("bounded", "min: {lower_to: 1}", "min: {lower_to: 2}", id="a relative bound"),
        pytest.param("bounded", "min: {lower_to: 1}", "min: 1", id="a bound that may raise"),
        pytest.param("windowed", "max: now", "max: 3", id="a bound"),
        pytest.param("bounded", ", max: {lower_to: 4}", "", id="no bound"),
        pytest.param("windowed", "window: 30m", "window: 31m", id="the window"),
        pytest.param(
            "idle-to-zero",
            "    limits: {per_h",
            "    restore: never\n    limits: {per_h",
            id="what is put back",
        ),
        pytest.param("stale", "expires: 12h", "expires: 13h", id="how long a question stands"),
        pytest.param("stale", '"@gpu-owners", cli]', "cli]", id="who approves"),
        pytest.param("stale", "per_day: 5", "per_day: 6", id="a limit of a day"),
        pytest.param("stale", "{per_day: 5}", "{per_day: 5, on_exceed: trickle}", id="on_exceed"),
    ],
)
def test_the_hash_of_a_policy_changes_with_anything_that_counts(
    name: str, old: str, new: str, whole: PolicySet
) -> None:
    other = load({"a.yaml": WHOLE.replace(old, new)})

    hashes = {policy.name: policy.hash for policy in other.policies}
    assert {each.name for each in whole.policies if hashes[each.name] != each.hash} == {name}
    assert other.hash != whole.hash


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("held", "fresh_within: 2m", "fresh_within: 3m", id="the data"),
        pytest.param("held", "  notify: [gpu-costs]", "  notify: [oncall]", id="the routes"),
        pytest.param(
            "idle-to-zero", "  mode: warn", "  mode: warn\n  restore: never", id="what is put back"
        ),
    ],
)
def test_the_hash_of_a_policy_changes_with_a_default_that_it_uses(
    name: str, old: str, new: str, whole: PolicySet
) -> None:
    other = load({"a.yaml": WHOLE.replace(old, new, 1)})

    assert named(other, name).hash != named(whole, name).hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("page: oncall", "page: log", id="a route for alerts"),
        pytest.param("max: 7d", "max: 8d", id="how long people may snooze"),
        pytest.param("{slack: gpu-costs}", "{slack: gpu-cost}", id="where a route leads"),
        pytest.param('until: "2026-12-15"', 'until: "2026-12-16"', id="a protection"),
    ],
)
def test_what_belongs_to_no_policy_changes_the_hash_of_the_whole(
    old: str, new: str, whole: PolicySet
) -> None:
    other = load({"a.yaml": WHOLE.replace(old, new, 1)})

    assert other.hash != whole.hash
    assert [policy.hash for policy in other.policies] == [policy.hash for policy in whole.policies]


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


def bought(text: str) -> tuple[Commitment, ...] | None:
    return load({"p.yaml": f"version: 1\n{text}"}).commitments


def test_what_was_bought_ahead_is_unknown_until_something_is_said() -> None:
    assert bought("") is None
    assert bought("commitments: none\n") == ()


def test_what_was_bought_ahead_holds_for_local_days() -> None:
    rows = """\
timezone: Europe/Berlin
commitments:
  - kind: capacity
    accelerator: NVIDIA_H100_80GB
    placement: US
    gpus: 64
    usd_per_gpu_hour: 5.10
    from: "2026-03-01"
    to: "2026-07-01"
  - {kind: spend, usd: 500000, from: "2026-01-01", to: "2027-01-01"}
  - {kind: credit, usd: 20000, expires: "2026-12-31"}
"""
    assert bought(rows) == (
        Commitment(
            kind=CommitmentKind.CAPACITY,
            since=datetime(2026, 2, 28, 23, tzinfo=UTC),
            until=datetime(2026, 6, 30, 22, tzinfo=UTC),
            accelerator_type="NVIDIA_H100_80GB",
            placement="us",
            gpus=64,
            micro_usd_per_gpu_hour=5_100_000,
        ),
        Commitment(
            kind=CommitmentKind.SPEND,
            since=datetime(2025, 12, 31, 23, tzinfo=UTC),
            until=datetime(2026, 12, 31, 23, tzinfo=UTC),
            usd=Decimal(500_000),
        ),
        Commitment(
            kind=CommitmentKind.CREDIT,
            since=None,
            until=datetime(2026, 12, 30, 23, tzinfo=UTC),
            usd=Decimal(20_000),
        ),
    )


def test_none_beside_something_is_an_error_with_both_places() -> None:
    files = {"a.yaml": f"{HEAD}commitments: [{CREDIT}]\n", "b.yaml": f"{HEAD}commitments: none\n"}
    (problem,) = check(files)

    assert str(problem).startswith("b.yaml:2:1: `none`, and yet there is one at a.yaml:2")
