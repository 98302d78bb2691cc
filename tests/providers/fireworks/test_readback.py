"""Two readings of a deployment, compared: what says the same is the same, all else is seen."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from firewarden.model.action import Effect
from firewarden.providers.fireworks.fleet import read_deployment
from firewarden.providers.fireworks.readback import (
    PROVIDER_S_OWN,
    duration_text,
    fields_of,
    strayed,
)
from firewarden.providers.fireworks.translate import duration
from tests.architecture.conftest import ROOT
from tests.providers.fireworks.stage import ACME, a_deployment, written

CONTRACT = ROOT / "tests/providers/contract/openapi.yaml"
TO_ZERO = Effect(min_replica_count=0)


def parts_of_the_contract() -> list[dict[str, Any]]:
    schemas = YAML(typ="safe").load(CONTRACT)["components"]["schemas"]
    read_only = schemas["Deployment"]["allOf"]
    written = next(
        schema
        for name, schema in schemas.items()
        if "maxWithRevocableReplicaCount" in schema.get("properties", {})
    )
    return [written["properties"], *(part.get("properties", {}) for part in read_only)]


MUTABLE, *OTHERS = parts_of_the_contract()
READ_ONLY = {name for part in OTHERS for name in part} - MUTABLE.keys()


def test_what_counts_as_the_provider_s_is_what_its_contract_calls_read_only() -> None:
    assert READ_ONLY == PROVIDER_S_OWN


def compared(
    before: dict[str, Any], after: dict[str, Any], effect: Effect = TO_ZERO
) -> tuple[str, ...]:
    """Name what strayed between two readings; the second has a floor of 0 unless it says else."""
    later = {"minReplicaCount": None, **after}
    now = a_deployment("chat", **later)
    found = read_deployment(written(now).content, ACME)
    then = fields_of(a_deployment("chat", **before))
    return tuple(sorted(strayed(then, fields_of(now), found, effect)))


@pytest.mark.parametrize("name", sorted(MUTABLE.keys() - {"minReplicaCount", "autoscalingPolicy"}))
def test_a_change_of_any_field_of_the_contract_is_seen(name: str) -> None:
    value: Any = {"x": 1} if name in {"placement", "autoTune"} else "x"
    kind = MUTABLE[name].get("type")
    value = {"integer": 7, "boolean": True, "array": ["x"]}.get(kind, value)
    value = "2027-01-01T00:00:00Z" if name == "expireTime" else value
    value = {"custom/x": "y"} if name == "annotations" else value

    assert compared({name: None}, {name: value}) == (name,)
    assert compared({name: value}, {name: None}) == (name,)
    assert compared({name: value}, {name: value}) == ()


def test_a_field_that_nobody_has_heard_of_is_watched() -> None:
    assert compared({}, {"novelty": {"spin": "up"}}) == ("novelty",)


@pytest.mark.parametrize(
    "zero",
    [None, 0, 0.0, "", False, [], {}, {"a": {"b": 0, "c": []}}, "ACCELERATOR_TYPE_UNSPECIFIED"],
)
def test_what_proto3_leaves_out_is_the_same_as_its_zero(zero: Any) -> None:
    content = {"kept": 1, "zero": zero, "deep": {"kept": "x", "zero": zero}}

    assert fields_of(content) == fields_of({"kept": 1, "deep": {"kept": "x"}})


@pytest.mark.parametrize(
    ("before", "after", "effect", "names"),
    [
        pytest.param({}, {}, TO_ZERO, (), id="as wanted"),
        pytest.param({}, {"minReplicaCount": 0}, TO_ZERO, (), id="a zero that is said"),
        pytest.param({}, {"minReplicaCount": 1}, TO_ZERO, ("minReplicaCount",), id="not done"),
        pytest.param({}, {"minReplicaCount": 2}, TO_ZERO, ("minReplicaCount",), id="overdone"),
        pytest.param(
            {"minReplicaCount": None}, {"minReplicaCount": 1}, TO_ZERO, ("minReplicaCount",),
            id="the other way round",
        ),
        pytest.param(
            {"autoscalingPolicy": {"scaleToZeroWindow": "3600s"}},
            {"autoscalingPolicy": {"scaleToZeroWindow": "300s"}},
            TO_ZERO, ("autoscalingPolicy.scaleToZeroWindow",), id="a window nobody asked for",
        ),
        pytest.param(
            {"autoscalingPolicy": {"scaleToZeroWindow": "3600s"}},
            {"minReplicaCount": 1, "autoscalingPolicy": {"scaleToZeroWindow": "300.000s"}},
            Effect(scale_to_zero_window=timedelta(minutes=5)), (), id="a window, written otherwise",
        ),
        pytest.param(
            {}, {"minReplicaCount": 1, "autoscalingPolicy": {
                "scaleToZeroWindow": "300s", "scaleUpWindow": "30s"}},
            Effect(scale_to_zero_window=timedelta(minutes=5)), ("autoscalingPolicy",),
            id="a policy that grew",
        ),
        pytest.param(
            {}, {"minReplicaCount": 1}, Effect(scale_to_zero_window=timedelta(minutes=5)),
            ("autoscalingPolicy.scaleToZeroWindow",), id="a window that is not there",
        ),
        pytest.param(
            {}, {"state": "UPDATING", "desiredReplicaCount": 0, "replicaCount": 3,
                 "updateTime": "2027-01-01T00:00:00Z", "region": "US_OHIO_1",
                 "replicaStats": {"readyReplicaCount": 9}},
            TO_ZERO, (), id="what changes by itself",
        ),
    ],
)  # fmt: skip
def test_what_strayed_is_what_nobody_asked_for_or_what_was_not_done(
    before: dict[str, Any], after: dict[str, Any], effect: Effect, names: tuple[str, ...]
) -> None:
    assert compared(before, after, effect) == names


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(content=st.dictionaries(st.text(max_size=8), json_values))
def test_a_reading_equals_itself_however_its_members_are_ordered(content: dict[str, Any]) -> None:
    assert fields_of(content) == fields_of(dict(reversed(content.items())))


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_a_duration_is_read_as_it_was_written(span: timedelta) -> None:
    assert duration(duration_text(span)) == span
