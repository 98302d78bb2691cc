"""A simulated account that is changed: what leaves the client is written down on its way."""

import random
from collections.abc import Callable
from typing import Any

import httpx

from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, DeploymentId
from firewarden.ports import Clock, Permit
from firewarden.providers.fireworks import FireworksDoor
from firewarden.providers.simulated.faults import parse_faults
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.keys import Key
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.providers.simulated.world import World
from tests.providers.simulated.builders import a_deployment, an_account, newest
from tests.support.clock import NOW

ACME = AccountId("acme")
CHAT = DeploymentId("chat")
PATH = "/v1/accounts/acme/deployments/chat"
READS, WRITES = "fw_READ_CANARY", "fw_WRITE_CANARY"
ROUTE_KEY = "fw_ROUTE_CANARY_5d2"
POLICY = {
    "scaleUpWindow": "45s",
    "scaleToZeroWindow": "3600s",
    "loadTargets": {"default": 0.7},
    "scalingSchedules": {
        "days": {
            "minReplicaCount": 1,
            "schedule": "0 8 * * 1-5",
            "duration": "36000s",
            "timezone": "Europe/Berlin",
            "disabled": True,
        }
    },
}

KEYS = {
    READS: Key(role="inference-user", accounts=("acme",), user_id="reader"),
    WRITES: Key(role="user", accounts=("acme",), user_id="firewarden"),
}

Bend = Callable[[httpx.Request], httpx.Request]


def a_permit(still_held: Callable[[], None] = lambda: None) -> Permit:
    return Permit(action_id=17, still_held=still_held)


def rich(**fields: Any) -> DeploymentPlan:
    """Plan a deployment that has something to lose in many fields."""
    return a_deployment(
        (1, 3),
        fields={
            "displayName": "Chat",
            "description": "the assistant",
            "annotations": {"custom/team": "search"},
            "enableSessionAffinity": True,
            "maxContextLength": 8192,
            "autoscalingPolicy": POLICY,
            "directRouteApiKeys": [ROUTE_KEY],
            **fields,
        },
    )


class Recorder(httpx.AsyncBaseTransport):
    """Hands requests on, as they are or *bent*, and remembers each as it came."""

    def __init__(self, inner: httpx.AsyncBaseTransport, bend: Bend) -> None:
        self._inner = inner
        self._bend = bend
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return await self._inner.handle_async_request(self._bend(request))


class Site:
    """One simulated account with a deployment, and what may change it."""

    def __init__(
        self,
        clock: Clock,
        faults: str = "",
        *,
        plan: DeploymentPlan | None = None,
        bend: Bend = lambda request: request,
        write_key: str | None = WRITES,
    ) -> None:
        self.world = World(an_account(plan or rich()), seed=1, start=NOW)
        self.inside = httpx.ASGITransport(
            app=application(self.world, clock=clock, faults=parse_faults(faults), keys=KEYS)
        )
        self.recorder = Recorder(self.inside, bend)
        self.door = FireworksDoor(
            base_url="http://127.0.0.1",
            api_key=lambda: READS,
            clock=clock,
            rng=random.Random(1),
            transport=self.recorder,
        )
        write_key_of = None if write_key is None else lambda: write_key
        self.controls = self.door.controls(ACME, api_key=write_key_of)

    @property
    def chat(self) -> Incarnation:
        """The deployment as it is in the world."""
        return newest(self.world)

    @property
    def sent(self) -> list[tuple[str, str, bytes]]:
        """Every change that left: its method, path with query, and body."""
        return [
            (request.method, request.url.raw_path.decode(), request.content)
            for request in self.recorder.seen
            if request.method != "GET"
        ]

    @property
    def keys(self) -> set[tuple[str, str]]:
        """Every method that was sent, with the key it was sent with."""
        return {
            (request.method, request.headers["authorization"].removeprefix("Bearer "))
            for request in self.recorder.seen
        }

    async def examined(self) -> Deployment:
        """Read the deployment as an action does right before its call."""
        examined = await self.door.account(ACME).fetch_deployment(CHAT, alone=True)
        assert examined.deployment is not None
        return examined.deployment

    async def log(self) -> list[dict[str, Any]]:
        """Give the simulator's own log."""
        async with httpx.AsyncClient(transport=self.inside, base_url="http://sim") as other:
            rows: list[dict[str, Any]] = (await other.get("/_log")).json()["requests"]
        return rows


def without_mask(request: httpx.Request) -> httpx.Request:
    """Be a server that knows no ``updateMask``, and zeroes what the body leaves out."""
    url = request.url.copy_with(query=None) if request.method == "PATCH" else request.url
    return httpx.Request(
        request.method, url, headers=request.headers, content=request.content or None
    )
