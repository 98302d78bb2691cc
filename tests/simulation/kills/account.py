"""The simulated account, which outlives whoever looks after it: all that was done to it is kept.

It lies in the process that is killed, and is made anew by the next one: the same plan, seed and
start give the same world, and the calls that changed it are made again, each at its instant.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from firewarden.clock.virtual import VirtualClock
from firewarden.providers.simulated.fleet_parts import GPT, H100, H200, fields, flow, own_model
from firewarden.providers.simulated.patterns import Steady, Waves
from firewarden.providers.simulated.plan import DeploymentPlan
from tests.simulation.stages import MINUTE

RECREATED_AFTER = 8 * MINUTE
"""When something happens that the next poll sees: one incarnation ends and another begins."""

FAULTS = """
[[fault]]
kind = "server-error"
on = "metrics"
from = "13m"
to = "14m10s"
"""
"""What people hear of twice: that it began, and that it is over."""

POLICY = """\
version: 1
defaults:
  mode: enforce
  limits: {per_cycle: 3, per_hour: 10, share_per_hour: 100%, on_exceed: trickle}
policies:
  idle-to-zero:
    match: {all: true}
    when: {idle_for: 10m, older_than: 1h, replicas_at_least: 1}
    stages: [warn, {wait: 5m}, scale_to_zero]
"""

_AGE = timedelta(days=2)


def fleet() -> tuple[DeploymentPlan, ...]:
    """Plan a few that change all the time, but never there and back between two polls."""
    return (
        DeploymentPlan(
            deployment_id="waving",
            fields=fields(H100, 2, (1, 4), model=own_model("waving")),
            age=_AGE,
            flows=flow(Waves(per_minute=(31.5, 97.5, 163.5, 211.5), hours=(0.1, 0.3))),
        ),
        DeploymentPlan(
            deployment_id="forgotten",
            fields=fields(H100, 8, (1, 1), model=own_model("forgotten")),
            age=_AGE,
        ),
        DeploymentPlan(
            deployment_id="paused",
            fields=fields(H200, 4, (1, 2), model=GPT),
            age=_AGE,
            flows=(
                *flow(Steady(per_minute=37.5), until=2 * MINUTE),
                *flow(Steady(per_minute=37.5), since=45 * MINUTE),
            ),
        ),
        DeploymentPlan(
            deployment_id="again",
            fields=fields(H200, 1, (1, 1), model=own_model("again")),
            age=_AGE,
            flows=flow(Steady(per_minute=7.3)),
            recreated=RECREATED_AFTER,
        ),
        DeploymentPlan(
            deployment_id="preempted",
            fields=fields(H200, 2, (1, 1), model=own_model("preempted")),
            age=_AGE,
            flows=flow(Steady(per_minute=13.3)),
            vanishes=18 * MINUTE,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that was to change something."""

    at: datetime
    method: str
    url: str
    body: str

    @property
    def deployment_id(self) -> str:
        return self.url.rpartition("/deployments/")[2].partition("?")[0].partition(":")[0]

    @property
    def verb(self) -> str:
        """What was asked for: the method, and the custom verb where there is one."""
        return f"{self.method}{self.url.partition('?')[0].rpartition('/')[2].partition(':')[2]}"


class Calls:
    """The calls that changed the account, in a file that no kill takes away."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "calls.jsonl"

    def read(self) -> list[Call]:
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        told: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [Call(**each | {"at": datetime.fromisoformat(each["at"])}) for each in told]

    def add(self, call: Call) -> None:
        told = {
            "at": call.at.isoformat(),
            "method": call.method,
            "url": call.url,
            "body": call.body,
        }
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(told)}\n")


class Lasting(httpx.AsyncBaseTransport):
    """The way to an account that keeps what is done to it, before it is done."""

    def __init__(self, inner: httpx.AsyncBaseTransport, calls: Calls, clock: "WorldClock") -> None:
        self._inner = inner
        self._calls = calls
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            body = (await request.aread()).decode()
            now = self._clock.now()
            self._calls.add(Call(at=now, method=request.method, url=str(request.url), body=body))
        return await self._inner.handle_async_request(request)

    async def replay(self, key: str) -> None:
        """Do again all that was done, each call at its instant."""
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        async with httpx.AsyncClient(transport=self._inner, headers=headers) as client:
            for call in self._calls.read():
                self._clock.replayed = call.at
                await client.request(call.method, call.url, content=call.body)
        self._clock.replayed = None


class WorldClock(VirtualClock):
    """A clock that shows the account a past instant while that is replayed."""

    replayed: datetime | None = None

    def now(self) -> datetime:
        return self.replayed or super().now()
