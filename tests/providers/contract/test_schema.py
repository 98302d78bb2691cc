"""The simulator answers every path of the contract without breaking its schema."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette

from firewarden.providers.simulated.fleets import standard
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.world import World
from tests.support.clock import NOW, FakeClock

KEY = {"Authorization": "Bearer fw_simulated_admin"}
ONE = "/v1/accounts/{account_id}/deployments/{deployment_id}"
SHAPE = "/v1/accounts/{account_id}/deploymentShapes/{deployment_shape_id}"
WEEK = {"startTime": "2026-10-26T00:00:00Z", "endTime": "2026-11-02T00:00:00Z"}
CONFORMS = (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
REAL: Mapping[str, tuple[str, ...]] = {
    "account_id": ("acme",),
    "deployment_id": ("embed-old", "poc-march", "finetune-failed", "chat-prod", "no-such-one"),
    "deployed_model_id": ("gpt-oss-120b-chat-prod", "search-search-prod", "no-such-one"),
    "rlor_trainer_job_id": ("grpo-math", "no-such-one"),
    "deployment_shape_id": ("gpt-oss-120b-fast", "-", "no-such-one"),
    "version_id": ("v1", "v9"),
    "quota_id": ("global--h200-count", "monthly-spend-usd", "no-such-one"),
}


def simulated(clock: FakeClock) -> Starlette:
    """Serve the standard account, without the GPU type that the contract does not know."""
    account = standard(seed=1)[0]
    known = tuple(one for one in account.deployments if one.deployment_id != "x900-preview")
    world = World(replace(account, deployments=known), seed=1, start=NOW)
    world.advance(NOW + timedelta(hours=1))
    return application(world, clock=clock)


WELL_FORMED: tuple[tuple[str, str, dict[str, str], Any], ...] = (
    ("GET", "/v1/accounts", {}, None),
    ("GET", "/v1/accounts/{account_id}", {}, None),
    ("GET", "/v1/accounts/{account_id}/users", {}, None),
    ("GET", "/v1/accounts/{account_id}/deployments", {"showDeleted": "true"}, None),
    ("GET", f"{ONE}", {}, None),
    ("GET", f"{ONE}:metrics", {"timeRange": "2h"}, None),
    ("GET", f"{ONE}/shards", {}, None),
    ("GET", f"{ONE}/terminationMessage", {}, None),
    ("PATCH", f"{ONE}", {"updateMask": "description"}, {"baseModel": "m", "description": "x"}),
    ("PATCH", f"{ONE}:scale", {}, {"replicaCount": 2}),
    ("POST", f"{ONE}:setTags", {}, {"tags": {"custom/owner": "ada"}}),
    ("POST", f"{ONE}:deleteTags", {}, {"keys": ["custom/owner"]}),
    ("DELETE", f"{ONE}", {"ignoreChecks": "true"}, None),
    ("POST", f"{ONE}:undelete", {}, {}),
    (
        "POST",
        "/v1/accounts/{account_id}/deployments",
        {"deploymentId": "brand-new"},
        {"baseModel": "m", "acceleratorType": "NVIDIA_H100_80GB", "acceleratorCount": 1},
    ),
    ("GET", "/v1/accounts/{account_id}/deployedModels", {}, None),
    ("GET", "/v1/accounts/{account_id}/deployedModels/{deployed_model_id}", {}, None),
    ("GET", "/v1/accounts/{account_id}/routers", {}, None),
    ("GET", "/v1/accounts/{account_id}/rlorTrainerJobs/{rlor_trainer_job_id}", {}, None),
    ("GET", "/v1/accounts/{account_id}/deploymentShapes", {}, None),
    ("GET", f"{SHAPE}/versions", {}, None),
    ("GET", f"{SHAPE}/versions/{{version_id}}", {}, None),
    ("GET", "/v1/accounts/{account_id}/quotas", {}, None),
    ("GET", "/v1/accounts/{account_id}/quotas/{quota_id}", {}, None),
    ("PATCH", "/v1/accounts/{account_id}/quotas/{quota_id}", {}, {"value": "20"}),
    ("GET", "/v1/accounts/{account_id}/pricingPlans", {}, None),
    ("GET", "/v1/accounts/{account_id}/billingUsage", WEEK, None),
    ("POST", "/v1/accounts/{account_id}/billingUsage:query", {}, WEEK),
    ("GET", "/v1/accounts/{account_id}/billing/summary", WEEK, None),
    ("POST", "/v1/accounts/{account_id}/usageCosts:query", {}, WEEK),
    ("GET", "/v1/accounts/{account_id}/auditLogs", {"pageSize": "5"}, None),
    ("GET", "/v1/accounts/{account_id}/metrics", {}, None),
)

schema = schemathesis.openapi.from_path(
    Path(__file__).with_name("openapi.yaml"), config=SchemathesisConfig(seed=1)
)
schema.config.generation.update(deterministic=True, with_security_parameters=False)
schema.app = simulated(FakeClock(NOW + timedelta(hours=1)))


@schema.hook
def map_path_parameters(
    context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Ask mostly for what exists; which of it depends on what would have been asked."""
    if not path_parameters:
        return path_parameters
    return {
        name: REAL[name][len(str(value)) % len(REAL[name])] if name in REAL else value
        for name, value in path_parameters.items()
    }


@schema.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_breaks_the_contract(case: schemathesis.Case) -> None:
    response = case.call(headers=KEY)

    # 501 is how a grpc-gateway says that a path has no such method, or is not published.
    is_refusal = response.status_code == HTTPStatus.NOT_IMPLEMENTED
    checks = CONFORMS if is_refusal else (*CONFORMS, not_a_server_error)
    case.validate_response(response, checks=list(checks))


async def test_every_published_path_answers_a_well_formed_request_within_its_schema() -> None:
    clock = FakeClock(NOW + timedelta(hours=1))
    first = {name: values[0] for name, values in REAL.items()}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=simulated(clock)), base_url="http://sim", headers=KEY
    ) as client:
        for method, path, query, body in WELL_FORMED:
            response = await client.request(method, path.format(**first), params=query, json=body)

            assert response.status_code == HTTPStatus.OK, (method, path, response.text)
            schema[path][method].validate_response(response)
            await clock.advance(timedelta(minutes=1))

    asked = {(method, path) for method, path, _, _ in WELL_FORMED}
    published = {
        (method.upper(), path)
        for path, item in schema.raw_schema["paths"].items()
        for method in item.keys() & {"get", "post", "patch", "delete"}
    }
    assert published - asked == {("GET", "/v1/accounts/{account_id}/reservations")}
