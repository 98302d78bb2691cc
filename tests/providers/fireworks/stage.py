"""A provider on a stage: answers as scripted, at the transport, and remembers what it was asked."""

import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from firewarden.model.ids import AccountId, DeploymentId
from firewarden.providers.fireworks import FireworksAccount, FireworksDoor, Limits

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
KEY = "fw_CANARY_do_not_print_me"
ACME = AccountId("acme")
CHAT = DeploymentId("chat")
BASE = "accounts/fireworks/models/gpt-oss-120b"
ACCOUNT = {"name": "accounts/acme", "displayName": "Acme"}

Answer = httpx.Response | Exception
Play = Callable[[httpx.Request], Answer]


class EagerClock:
    """A clock whose sleepers do not wait: sleeping moves it on at once."""

    def __init__(self, now: datetime = NOW) -> None:
        self._start = now
        self._gone = timedelta(0)
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self._start + self._gone

    def mono(self) -> float:
        return self._gone.total_seconds()

    async def sleep(self, duration: timedelta) -> None:
        if duration > timedelta(0):
            self.slept.append(duration)
            self._gone += duration

    def move(self, seconds: float) -> None:
        self._gone += timedelta(seconds=seconds)


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces, and may break off with an error."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = pieces
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error


@dataclass
class Stage(httpx.AsyncBaseTransport):
    """One account behind a scripted transport, and the clock it is seen by."""

    play: Play
    limits: Limits | None = None
    key: Callable[[], str] = lambda: KEY
    clock: EagerClock = field(default_factory=EagerClock)
    asked: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.door = FireworksDoor(
            base_url="https://api.example",
            api_key=self.key,
            clock=self.clock,
            rng=random.Random(7),
            transport=self,
            limits=self.limits,
        )

    @property
    def account(self) -> FireworksAccount:
        return self.door.account(ACME)

    @property
    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/v1/accounts/acme") for request in self.asked]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.play(request)
        if isinstance(answer, Exception):
            raise answer
        return answer


def in_turn(*answers: Answer | Callable[[], Answer]) -> Play:
    """Give each answer once, and the last one for ever; one with a stream has to be made anew."""
    left = list(answers)

    def play(request: httpx.Request) -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer() if callable(answer) else answer

    return play


def by_path(answers: Mapping[str, Any]) -> Play:
    """Answer by the end of the path: a play, an answer, or something to write as JSON."""

    def play(request: httpx.Request) -> Answer:
        path = request.url.path.removeprefix("/v1/accounts/acme")
        answer = answers.get(path, httpx.Response(404, json=NOT_FOUND))
        if callable(answer):
            answer = answer(request)
        return answer if isinstance(answer, Answer) else written(answer)

    return play


def pages(
    *contents: Sequence[Mapping[str, Any]], collection: str = "deployments", total: int | None = 0
) -> Callable[[httpx.Request], httpx.Response]:
    """Answer a list by pages; *total* 0 announces the right number, None no number."""
    count = sum(map(len, contents)) if total == 0 else total

    def play(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("pageToken", "0"))
        page: dict[str, Any] = {collection: contents[number]}
        if number + 1 < len(contents):
            page["nextPageToken"] = str(number + 1)
        if count:
            page["totalSize"] = count
        return written(page)

    return play


def written(content: object, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=json.dumps(content).encode(), headers=named)


NOT_FOUND = {"code": 5, "message": "not found", "details": []}


def a_deployment(deployment_id: str = "chat", **changes: Any) -> dict[str, Any]:
    """Write a deployment as the wire has it; *changes* by their wire names, None leaves out."""
    fields: dict[str, Any] = {
        "name": full(deployment_id),
        "createTime": "2026-10-01T08:00:00.123456789Z",
        "state": "READY",
        "minReplicaCount": 1,
        "maxReplicaCount": 2,
        "desiredReplicaCount": 1,
        "replicaStats": {"readyReplicaCount": 1},
        "baseModel": BASE,
        "acceleratorCount": 4,
        "acceleratorType": "NVIDIA_H100_80GB",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def a_series(name: str, deployment_id: str, value: object, **labels: str) -> str:
    more = "".join(f',{label}="{text}"' for label, text in labels.items())
    return (
        f'{name}{{base_model="m",deployment="accounts/acme/deployments/{deployment_id}",'
        f'deployment_account="acme",deployment_id="{deployment_id}"{more}}} {value}\n'
    )


def door_to(base_url: str) -> FireworksDoor:
    return FireworksDoor(
        base_url=base_url, api_key=lambda: KEY, clock=EagerClock(), rng=random.Random(7)
    )


def full(name: str) -> str:
    return f"accounts/acme/deployments/{name}"


def row(deployment: str = "chat", model: str = BASE, **changes: Any) -> dict[str, Any]:
    return {"model": model, "deployment": full(deployment), "state": "DEPLOYED", **changes}


def router(router_id: str, *members: str, **changes: Any) -> dict[str, Any]:
    name = f"accounts/acme/routers/{router_id}"
    return {"name": name, "deployments": [full(member) for member in members], **changes}


def an_account(
    *,
    models: list[dict[str, Any]] | None = None,
    routers: list[dict[str, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Stage:
    """Set up an account with two deployments; `chat` belongs to the trainer `t`."""
    trained = a_deployment("chat", hotLoadTrainerJob="accounts/acme/rlorTrainerJobs/t")
    return Stage(
        by_path(
            {
                "": ACCOUNT,
                "/deployments": pages([trained, a_deployment("eval")]),
                "/deployments/chat": trained,
                "/deployedModels": pages(models or [], collection="deployedModels"),
                "/routers": pages(routers or [], collection="routers"),
                **(more or {}),
            }
        )
    )
