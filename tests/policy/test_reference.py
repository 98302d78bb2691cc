"""The reference of the policy language says what the language is: each key, each example."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from firewarden.decide.plan import SavesBasis
from firewarden.model.vocabulary import Blocker, Mode, ProviderDelete, PutBack, Verb
from firewarden.policy.attribution import AttributionEntry
from firewarden.policy.budgets import BudgetEntry, LimitEntry, ScopeEntry
from firewarden.policy.checking import check
from firewarden.policy.durations import format_duration
from firewarden.policy.fields import LIFTABLE
from firewarden.policy.joining import Snooze
from firewarden.policy.limits import Limits
from firewarden.policy.loading import load
from firewarden.policy.match import Description, Match
from firewarden.policy.people import AlertsEntry, ApprovalEntry, SnoozeEntry
from firewarden.policy.rules import EFFECTS, Approval, RequireData
from firewarden.policy.schedules import ScheduleEntry
from firewarden.policy.schema import (
    LimitsEntry,
    PolicyEntry,
    PolicyFile,
    ProtectionEntry,
    RequireDataEntry,
    When,
)
from firewarden.policy.stages import EffectStage, SetAutoscalingStage, Stage, WaitStage, WarnStage
from firewarden.policy.strict import Strict
from tests.policy.texts import budget

TEXT = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
WHOLE = re.findall(r"^```yaml\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
HOURS = 'schedules: {nights: {days: mon-sun, from: "20:00", to: "07:00"}}\n'
ACTS = "[{at: 80%, do: warn}, {at: 100%, do: park}]"
SOUND = {"match": "{name: x}", "when": "{idle_for: 1h}", "stages": "[warn]"}


def section(heading: str) -> str:
    """The text from one heading to the next of any level."""
    return re.split(r"^#+ ", TEXT.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(heading: str) -> Iterator[list[str]]:
    """The rows of the tables of a section, cell by cell."""
    for line in section(heading).splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def keys(heading: str) -> set[str]:
    return {key for row in rows(heading) for key in re.findall(r"`([^`]+)`", row[0])}


def examples(heading: str) -> list[str]:
    """What stands in code in the last cell of each row."""
    return [found for row in rows(heading) for found in re.findall(r"`([^`]+)`", row[-1])]


def fields(*models: type[Strict]) -> set[str]:
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        pytest.param("## Files", fields(PolicyFile), id="the file"),
        pytest.param("## A policy", fields(PolicyEntry), id="a policy"),
        pytest.param("### `match`", fields(Match), id="match"),
        pytest.param("### `when`", fields(When), id="when"),
        pytest.param("### `stages`", fields(Stage), id="stages"),
        pytest.param("### `set_autoscaling`", fields(SetAutoscalingStage), id="set_autoscaling"),
        pytest.param("### Modes", {mode.label for mode in Mode}, id="modes"),
        pytest.param("### `provider_delete`", set(ProviderDelete), id="provider_delete"),
        pytest.param("### `approval`", fields(ApprovalEntry), id="approval"),
        pytest.param("## `alerts`", fields(AlertsEntry), id="alerts"),
        pytest.param("## `snooze`", fields(SnoozeEntry), id="snooze"),
        pytest.param("### `limits`", fields(LimitsEntry), id="limits"),
        pytest.param("## `budgets`", fields(BudgetEntry), id="budgets"),
        pytest.param("## `schedules`", fields(ScheduleEntry), id="schedules"),
        pytest.param("### `scope`", fields(ScopeEntry), id="scope"),
        pytest.param("### `limit`", fields(LimitEntry), id="limit"),
        pytest.param("### `require_data`", fields(RequireDataEntry), id="require_data"),
        pytest.param("## `notify`", {"slack", "dm", "slack_webhook", "webhook"}, id="notify"),
    ],
)
def test_every_key_has_its_row(heading: str, expected: set[str]) -> None:
    assert keys(heading) == expected


def test_every_key_of_a_protection_and_of_a_rule_has_its_row() -> None:
    assert fields(ProtectionEntry) - fields(Match) <= keys("## `protect`")
    assert fields(AttributionEntry) - fields(Description) <= keys("## `attribution`")


def in_policy(**lines: str) -> str:
    """A sound policy but for *lines*."""
    body = "".join(f"    {key}: {text}\n" for key, text in (SOUND | lines).items())
    return f"version: 1\npolicies:\n  one:\n{body}"


def in_stages(example: str) -> str:
    changes = any(verb in example for verb in EFFECTS)
    after = "" if changes else ", {wait: 1h}, scale_to_zero"
    routes = "notify: {chat: {slack: x}}\n"
    return in_policy(stages=f"[warn, {{wait: 1h}}, {example}{after}]", notify="[chat]") + routes


def in_protect(example: str) -> str:
    until = "" if "until" in example or "forever" in example else ", forever: true"
    return f"version: 1\nprotect: [{{name: x, {example}{until}}}]\n"


def in_file(example: str) -> str:
    return example if example.startswith("version") else f"version: 1\n{example}\n"


FRAMES: dict[str, Callable[[str], str]] = {
    "## Files": in_file,
    "## A policy": lambda example: (
        in_policy(
            **{"stages": "[{wait: 1h}, scale_to_zero]"}
            | ({"during": "nights"} if "active" in example or "awake" in example else {})
            | dict([example.split(": ", maxsplit=1)])
        )
        + HOURS
    ),
    "### `match`": lambda example: in_policy(match=f"{{{example}}}"),
    "### `when`": lambda example: in_policy(when=f"{{{example}}}"),
    "### `stages`": in_stages,
    "### `set_autoscaling`": lambda example: in_policy(
        stages=f"[{{set_autoscaling: {{{example}}}}}]"
    ),
    "### `approval`": lambda example: in_policy(
        mode="approve", stages="[{wait: 1h}, park]", approval=f"{{{example}}}"
    ),
    "## `alerts`": lambda example: in_file(f"alerts: {{{example}}}"),
    "## `snooze`": lambda example: in_file(f"snooze: {{{example}}}"),
    "### `limits`": lambda example: in_policy(limits=f"{{{example}}}"),
    "### `require_data`": lambda example: in_policy(require_data=f"{{{example}}}"),
    "## `protect`": in_protect,
    "## `attribution`": lambda example: in_file(f"attribution: [{{name: x, {example}}}]"),
    "## `budgets`": lambda example: budget(
        **{"thresholds": ACTS} | dict([example.split(": ", maxsplit=1)])
    ),
    "## `schedules`": lambda example: in_file(f"schedules: {{some: {{{example}}}}}"),
    "### `scope`": lambda example: budget(scope=f"{{{example}}}"),
    "### `limit`": lambda example: budget(limit=f"{{{example}}}", scope="{each: team}"),
    "### `thresholds`": lambda example: budget(
        thresholds=f"[{{at: 1%, do: info}}, {{{example}}}]", limit="{usd: 5, per: month}"
    ),
    "## `notify`": lambda example: f"version: 1\nnotify: {{one: {example}}}\n",
}
EXAMPLES = [
    pytest.param(heading, example, id=example)
    for heading in FRAMES
    for example in examples(heading)
    if not (heading == "## `protect`" and ":" not in example)
]


@pytest.mark.parametrize(("heading", "example"), EXAMPLES)
def test_every_example_is_accepted(heading: str, example: str) -> None:
    problems = check({"example.yaml": FRAMES[heading](example)})

    assert [str(problem) for problem in problems if problem.severity == "error"] == []


@pytest.mark.parametrize("text", WHOLE)
def test_every_whole_file_is_accepted(text: str) -> None:
    assert load({"example.yaml": text}).notes == ()


def test_every_effect_and_every_answer_to_it_has_an_example_that_loads() -> None:
    shown = [policy for text in WHOLE for policy in load({"example.yaml": text}).policies]

    assert {policy.verb for policy in shown} == EFFECTS
    assert {Mode.OBSERVE, Mode.APPROVE, Mode.ENFORCE} <= {policy.mode for policy in shown}
    assert {policy.put_back for policy in shown} == set(PutBack)
    assert {policy.budget for policy in shown} >= {"", "research-day"}


def test_every_word_of_later_versions_is_listed() -> None:
    models = (PolicyFile, PolicyEntry, Match, When, LimitsEntry, ProtectionEntry, Stage)
    inner = (WarnStage, WaitStage, EffectStage, SetAutoscalingStage, AlertsEntry)
    apart = (LimitEntry, ScheduleEntry)
    later = {word for model in (*models, *inner, *apart) for word in model.later}

    assert later <= set(re.findall(r"`(?:restore: )?([a-z_]+)`", section("## Not in this version")))


def test_the_blockers_are_all_there_and_in_their_order() -> None:
    cells = " ".join(row[0] for row in rows("## Why something is not done"))
    _, *listed = re.findall(r"`([a-z_]+)`", cells)

    assert listed == [blocker.value for blocker in Blocker]


def test_the_built_in_protections_say_which_may_be_lifted() -> None:
    found = rows("## Built-in protections")
    liftable = {row[0].strip("| `") for row in found if row[-1].startswith("yes")}

    assert liftable == {blocker.value for blocker in LIFTABLE}
    assert keys("## Built-in protections") == liftable | {"training"}


def test_the_closed_lists_in_prose_are_whole() -> None:
    for word in [*SavesBasis, *Verb]:
        assert f"`{word.value}`" in TEXT


def test_the_defaults_in_the_tables_are_the_defaults() -> None:
    limits = {row[0].strip("| `"): row[2] for row in rows("### `limits`")}
    data = {row[0].strip("| `"): row[2] for row in rows("### `require_data`")}

    assert (limits["per_cycle"], limits["per_hour"]) == (
        str(Limits().per_cycle),
        str(Limits().per_hour),
    )
    assert limits["share_per_hour"] == f"{Limits().share_per_hour:.0%}"
    assert limits["on_exceed"] == f"{Limits().on_exceed.value}; hold for `delete`"
    assert limits["per_day"] == "no limit"
    assert Limits().per_day is None
    assert data == {"fresh_within": "5m", "coverage": f"{RequireData().coverage:.0%}"}


def test_the_defaults_of_people_are_the_defaults() -> None:
    approval = {row[0].strip("| `"): row[2] for row in rows("### `approval`")}
    snooze = {row[0].strip("| `"): row[2] for row in rows("## `snooze`")}

    assert approval["expires"] == "24h"
    assert Approval().expires == timedelta(hours=24)
    assert snooze["choices"] == ", ".join(Snooze().choices)
    assert snooze["max"] == format_duration(Snooze().max)
    assert snooze["max_total"] == format_duration(Snooze().max_total)
