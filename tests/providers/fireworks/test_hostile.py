"""No answer whatever brings the client down: a result, or an error of ours."""

import json
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import httpx
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from firewarden.errors import ProviderError
from firewarden.model.ids import DeploymentId
from tests.providers.fireworks.stage import Pieces, Stage, a_deployment

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([
        "2026-11-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59",
        "300s", "accounts/acme/deployments/x", "accounts/acme", "USD", "ACCELERATOR_HOURS", "-1",
        "1" * 400,
    ])
)  # fmt: skip
keys = st.sampled_from([
    "deployments", "deployedModels", "routers", "accounts", "users", "quotas", "pricingPlans",
    "dedicatedCosts", "nextPageToken", "totalSize", "error", "code", "message", "name", "model",
    "deployment", "createTime", "startTime", "endTime", "state", "value", "usage", "units",
    "currencyCode", "acceleratorHourConfig", "acceleratorHourPrice", "acceleratorSeconds",
    "deploymentId", "autoscalingPolicy", "scalingSchedules", "placement", "annotations",
])  # fmt: skip
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
SAMPLE: dict[str, Any] = a_deployment(
    annotations={"custom/owner": "ada"},
    autoscalingPolicy={"scaleToZeroWindow": "300s", "scalingSchedules": {"a": {}}},
    placement={"multiRegion": "US"},
    status={"code": "OK", "message": ""},
)
del SAMPLE["name"]
mutated = st.builds(
    lambda name, changes: {**a_deployment(name), **SAMPLE, **changes},
    st.sampled_from("abcdef"),
    st.just({}) | st.dictionaries(st.sampled_from([*SAMPLE, "name"]), anything, max_size=1),
)
pages = st.fixed_dictionaries(
    {"deployments": st.lists(mutated, max_size=3)},
    optional={"nextPageToken": st.sampled_from(["", "a", "b"]), "totalSize": st.integers(0, 4)},
)
bodies = st.binary(max_size=80) | (anything | pages | mutated).map(
    lambda content: json.dumps(content).encode()
)
headers = st.dictionaries(
    st.sampled_from(["retry-after", "date", "content-length", "content-encoding", "location"]),
    st.sampled_from(["gzip", "0", "-1", "9", "1e9", "x", "Wed, 04 Nov 2026 12:00:20 GMT", "²"]),
)


@st.composite
def answers(draw: st.DrawFn) -> Any:
    status = draw(st.sampled_from([200, 200, 200, 200, 204, 302, 404, 412, 429, 500, 999]))
    given_headers = [
        (name.encode(), value.encode("latin-1")) for name, value in draw(headers).items()
    ]
    body = draw(bodies)
    cut = draw(st.integers(0, len(body)))
    error = draw(st.none() | st.just(httpx.ReadError("cut")))
    return lambda: httpx.Response(
        status, headers=given_headers, stream=Pieces(body[:cut], body[cut:], error=error)
    )


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(answers(), min_size=1, max_size=6))
async def test_every_answer_is_a_result_or_an_error_of_ours(answers: list[Any]) -> None:
    turn = iter(range(10**6))
    stage = Stage(lambda _: answers[next(turn) % len(answers)]())
    account = stage.account
    day = date(2026, 11, 1)

    for ask in (
        stage.door.accounts,
        account.facts,
        account.fetch_fleet,
        lambda: account.fetch_deployment(DeploymentId("chat")),
        account.fetch_surroundings,
        account.fetch_activity,
        account.fetch_prices,
        account.fetch_quotas,
        lambda: account.fetch_bill(first=day, last=day, timezone="UTC"),
        lambda: account.fetch_billed_money(day),
    ):
        stage.clock.move(timedelta(hours=2).total_seconds())
        with suppress(ProviderError):
            await ask()


@settings(max_examples=100)
@given(st.lists(pages, min_size=1, max_size=4))
async def test_a_complete_fleet_is_really_what_was_sent(contents: list[dict[str, Any]]) -> None:
    turn = iter(range(10**6))
    sent = [json.dumps(content).encode() for content in contents]
    stage = Stage(lambda _: httpx.Response(200, content=sent[next(turn) % len(sent)]))

    try:
        fleet = await stage.account.fetch_fleet()
    except ProviderError:
        return

    event(f"complete: {fleet.complete}, of {min(len(fleet.deployments), 2)} or more")
    asked = [contents[number % len(contents)] for number in range(len(stage.asked))]
    if fleet.complete:
        assert sum(len(content["deployments"]) for content in asked) == len(fleet.deployments)
        assert len({one.name for one in fleet.deployments.values()}) == len(fleet.deployments)
        assert not asked[-1].get("nextPageToken")
    for one in fleet.deployments.values():
        assert 0 <= one.ready_replica_count <= 100_000
        assert one.created_at.utcoffset() == timedelta(0)
        assert one.name.isprintable()
