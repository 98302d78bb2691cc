"""Whatever a file holds: findings with places, never a traceback, never a half-read policy."""

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from firewarden.errors import PolicyError
from firewarden.policy.attribution import AttributionEntry
from firewarden.policy.checking import check
from firewarden.policy.loading import load
from firewarden.policy.match import Match
from firewarden.policy.people import AlertsEntry, ApprovalEntry, SnoozeEntry
from firewarden.policy.routes import Route
from firewarden.policy.schema import (
    LimitsEntry,
    PolicyEntry,
    PolicyFile,
    ProtectionEntry,
    When,
)
from firewarden.policy.stages import SetAutoscalingStage, Stage

_MODELS = (
    *(PolicyFile, PolicyEntry, Match, When, Stage, SetAutoscalingStage, ProtectionEntry, Route),
    *(LimitsEntry, ApprovalEntry, AlertsEntry, SnoozeEntry, AttributionEntry),
)
_WORDS = sorted(
    {field.alias or name for model in _MODELS for name, field in model.model_fields.items()}
    | {word for model in _MODELS for word in model.later}
    | {"for", "within", "to", "channel", "by", "map", "owner", "exp-*", "*", "READY", "observe"}
    | {"45m", "0m", "20%", "2026-12-15", "env:KEY", "terminal", "global", "any", "hold"}
    | {"lower_to", "now", "on_wake", "at_end", "let_go", "cli", "@group", "tonight", "owner"}
)
_IN_POLICY = (
    *("match", "when", "stages", "mode", "allow", "limits", "notify"),
    *("restore", "provider_delete", "approval"),
)
_SIGNS = (": ", "\n", "  ", "- ", "&a", "*a", "!x", "? ", "---", "...", "\t", *"[]{},#'\"|>%@`")
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=True)
    | st.sampled_from(_WORDS)
    | st.text(max_size=8)
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
files = st.fixed_dictionaries(
    {"version": st.just(1) | scalars},
    optional={
        "policies": st.dictionaries(
            st.sampled_from(["one", "two", ""]),
            st.fixed_dictionaries(
                {},
                optional=dict.fromkeys(_IN_POLICY, trees),
            )
            | trees,
            max_size=2,
        )
        | trees,
        "protect": trees,
        "notify": trees,
        "alerts": trees,
        "snooze": trees,
        "defaults": trees,
        "timezone": trees,
    },
)


def _holds_together(text: str) -> None:
    problems = check({"p.yaml": text})
    errors = [problem for problem in problems if problem.severity == "error"]
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
    assert list(problems) == sorted(problems, key=lambda problem: (problem.line, problem.column))
    with suppress(PolicyError):
        assert load({"p.yaml": text}).notes == problems
        assert not errors


@settings(max_examples=25, deadline=None)
@given(text=st.text(alphabet=st.characters(codec=None), max_size=80))
def test_any_text_is_judged(text: str) -> None:
    _holds_together(text)


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.sampled_from([*_WORDS, *_SIGNS]), max_size=25))
def test_any_heap_of_yaml_signs_is_judged(parts: list[str]) -> None:
    _holds_together("version: 1\n" + "".join(parts))


@settings(max_examples=25, deadline=None)
@given(document=files)
def test_any_tree_of_known_words_is_judged(document: object) -> None:
    _holds_together(json.dumps(document))
