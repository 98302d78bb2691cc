"""What may leave, and what is stopped on its way: nothing that is stopped was sent."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.errors import FirewardenError, Forbidden, LeaseLost
from firewarden.providers.fireworks.connection import Bearer, open_http
from firewarden.providers.fireworks.guard import Change, Guard
from firewarden.providers.fireworks.limits import Limits
from tests.architecture.conftest import ROOT
from tests.providers.fireworks.changing import PATH, a_permit

PATCH = f"{PATH}?updateMask=min_replica_count"
TO_ZERO: dict[str, Any] = {"baseModel": "m", "minReplicaCount": 0}
NOBODY_S = "https://api.example"


class Wall(httpx.AsyncBaseTransport):
    """Answers everything alike, and remembers what hit it."""

    def __init__(self, sent: list[httpx.Request], status: int = 200, **headers: str) -> None:
        self._sent = sent
        self._answer = (status, headers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._sent.append(request)
        return httpx.Response(self._answer[0], json={}, headers=self._answer[1])


class Gate:
    """A guarded pool in front of a wall."""

    def __init__(self, base_url: str = NOBODY_S) -> None:
        self.sent: list[httpx.Request] = []
        self.guard = Guard(base_url)
        self.http = open_http(
            base_url=base_url,
            auth=Bearer(lambda: "fw_key"),
            guard=self.guard,
            transport=Wall(self.sent),
            limits=Limits(),
        )

    async def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.http.request(method, target, content=body or None, headers=named)


def dump(content: object) -> bytes:
    return json.dumps(content).encode()


def a_change(method: str = "PATCH", target: str = PATCH, content: object = None) -> Change:
    body = dump(TO_ZERO if content is None else content) if method == "PATCH" else b""
    return Change(method=method, target=target, body=b"{}" if method == "POST" else body)


LAWFUL = {
    "one bound": a_change(),
    "both bounds": a_change(
        target=f"{PATH}?updateMask=min_replica_count,max_replica_count",
        content={**TO_ZERO, "maxReplicaCount": 0},
    ),
    "the policy": a_change(
        target=f"{PATH}?updateMask=autoscaling_policy",
        content={"baseModel": "m", "autoscalingPolicy": {"scaleToZeroWindow": "300s"}},
    ),
    "replicas": a_change(target=f"{PATH}:scale", content={"replicaCount": 0}),
    "a soft delete": a_change("DELETE", PATH),
    "its undoing": a_change("POST", f"{PATH}:undelete"),
}
each_lawful = pytest.mark.parametrize("change", LAWFUL.values(), ids=LAWFUL)


@each_lawful
async def test_what_a_permit_is_open_for_leaves_once(change: Change) -> None:
    gate = Gate()

    with gate.guard.opened(change, permit=a_permit()) as passage:
        await gate.send(change.method, change.target, change.body)
        with pytest.raises(Forbidden):
            await gate.send(change.method, change.target, change.body)
        assert passage.left

    (request,) = gate.sent
    assert request.method == change.method
    assert request.url.raw_path.decode() == change.target
    assert request.content == change.body


@each_lawful
async def test_without_an_open_permit_nothing_is_changed(change: Change) -> None:
    gate = Gate()
    with gate.guard.opened(change, permit=a_permit()):
        pass

    with pytest.raises(Forbidden, match="no permit is open"):
        await gate.send(change.method, change.target, change.body)

    assert gate.sent == []


@each_lawful
async def test_a_permit_for_something_else_opens_nothing(change: Change) -> None:
    gate = Gate()
    others = [other for other in LAWFUL.values() if other != change]

    for other in others:
        with gate.guard.opened(other, permit=a_permit()), pytest.raises(Forbidden):
            await gate.send(change.method, change.target, change.body)

    assert gate.sent == []


@each_lawful
async def test_a_right_that_is_lost_stops_the_change_before_it_leaves(change: Change) -> None:
    gate = Gate()

    def lost() -> None:
        raise LeaseLost("another process has it")

    with (
        gate.guard.opened(change, permit=a_permit(lost)) as passage,
        pytest.raises(LeaseLost),
    ):
        await gate.send(change.method, change.target, change.body)

    assert gate.sent == []
    assert not passage.left


def test_the_same_change_cannot_be_under_way_twice() -> None:
    guard = Guard(NOBODY_S)

    with (
        guard.opened(a_change(), permit=a_permit()),
        pytest.raises(Forbidden, match="on its way already"),
        guard.opened(a_change(), permit=a_permit()),
    ):
        pass


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        pytest.param("DELETE", f"{PATH}?hard=true", b"", id="hard"),
        pytest.param("DELETE", f"{PATH}?hard=false", b"", id="not so hard"),
        pytest.param("DELETE", f"{PATH}?hard", b"", id="hard without a value"),
        pytest.param("DELETE", f"{PATH}?h%61rd=1", b"", id="hard, spelled out"),
        pytest.param("DELETE", f"{PATH}?x=1;HARD=1", b"", id="hard, behind a semicolon"),
        pytest.param("DELETE", f"{PATH}?ignoreChecks=true", b"", id="ignoreChecks"),
        pytest.param("DELETE", f"{PATH}?ignore_checks=true", b"", id="ignore_checks"),
        pytest.param("DELETE", f"{PATH}?x=1", b"", id="a delete with a query"),
        pytest.param("DELETE", PATH, b'{"hard":true}', id="hard in a body"),
        pytest.param("DELETE", PATH, b"{}", id="a delete with a body"),
        pytest.param("DELETE", f"{PATH}%3Fhard=true", b"", id="a question in the id"),
        pytest.param("DELETE", f"{PATH}/", b"", id="a slash at the end"),
        pytest.param("DELETE", "/v1/accounts/acme/deployments/-", b"", id="a wildcard"),
        pytest.param("DELETE", "/v1/accounts/acme", b"", id="the account"),
        pytest.param("DELETE", "/v1/accounts/acme/models/chat", b"", id="a model"),
        pytest.param("DELETE", "/v1/accounts/acme/deployments/..", b"", id="dots"),
        pytest.param("PATCH", PATH, dump(TO_ZERO), id="no mask"),
        pytest.param("PATCH", f"{PATH}?updateMask=", dump(TO_ZERO), id="an empty mask"),
        pytest.param("PATCH", f"{PATH}?updateMask=*", dump(TO_ZERO), id="a mask of all"),
        pytest.param("PATCH", f"{PATH}?updateMask=minReplicaCount", dump(TO_ZERO), id="camelCase"),
        pytest.param(
            "PATCH", f"{PATH}?updateMask=description",
            b'{"baseModel":"m","description":""}', id="another field",
        ),
        pytest.param("PATCH", f"{PATCH},annotations", dump(TO_ZERO), id="one field more"),
        pytest.param("PATCH", f"{PATCH},min_replica_count", dump(TO_ZERO), id="a field twice"),
        pytest.param("PATCH", f"{PATCH}&updateMask=x", dump(TO_ZERO), id="two masks"),
        pytest.param("PATCH", f"{PATCH}&skipShapeValidation=true", dump(TO_ZERO), id="a flag"),
        pytest.param("PATCH", PATCH, b'{"minReplicaCount":0}', id="no base model"),
        pytest.param("PATCH", PATCH, b'{"baseModel":"m"}', id="less than the mask says"),
        pytest.param("PATCH", PATCH, dump({**TO_ZERO, "maxReplicaCount": 0}), id="more than that"),
        pytest.param("PATCH", PATCH, dump({**TO_ZERO, "baseModel": ""}), id="an empty base model"),
        pytest.param("PATCH", PATCH, dump({**TO_ZERO, "minReplicaCount": "0"}), id="a text"),
        pytest.param("PATCH", PATCH, dump({**TO_ZERO, "minReplicaCount": -1}), id="below zero"),
        pytest.param("PATCH", PATCH, dump({**TO_ZERO, "minReplicaCount": True}), id="a truth"),
        pytest.param("PATCH", PATCH, b"", id="no body"),
        pytest.param("PATCH", PATCH, b"[]", id="a list"),
        pytest.param("PATCH", PATCH, b'{"baseModel":', id="no JSON"),
        pytest.param("PATCH", PATCH, b"[" * 60_000, id="too deep"),
        pytest.param(
            "PATCH", f"{PATH}?updateMask=autoscaling_policy",
            dump({"baseModel": "m", "autoscalingPolicy": {"a": [{"ignore_checks": 1}]}}),
            id="deep in a body",
        ),
        pytest.param(
            "PATCH", f"{PATH}?updateMask=autoscaling_policy",
            dump({"baseModel": "m", "autoscalingPolicy": None}), id="no policy",
        ),
        pytest.param(
            "PATCH", f"{PATH}?updateMask=autoscaling_policy",
            dump({"baseModel": "m", "autoscalingPolicy": {"x": "y" * 70_000}}), id="too long",
        ),
        pytest.param("PATCH", f"{PATH}:scale", b'{"replicaCount":-1}', id="fewer than none"),
        pytest.param("PATCH", f"{PATH}:scale", b"{}", id="no count"),
        pytest.param("PATCH", f"{PATH}:scale?x=1", b'{"replicaCount":0}', id="a query"),
        pytest.param("POST", f"{PATH}:scale", b'{"replicaCount":0}', id="another method"),
        pytest.param("POST", f"{PATH}:undelete", b"", id="an undelete without a body"),
        pytest.param("POST", f"{PATH}:undelete", b'{"x":1}', id="an undelete that says more"),
        pytest.param("POST", f"{PATH}:setTags", b'{"tags":{}}', id="tags"),
        pytest.param("POST", "/v1/accounts/acme/deployments", b"{}", id="a create"),
        pytest.param("POST", "/v1/accounts/acme/chat/completions", b"{}", id="a chat"),
        pytest.param("POST", "/inference/v1/chat/completions", b"{}", id="inference"),
        pytest.param("POST", "/v1/chat/completions", b"{}", id="inference, the other path"),
        pytest.param("PUT", PATH, dump(TO_ZERO), id="PUT"),
        pytest.param("patch", PATCH, dump(TO_ZERO) + b" ", id="a space more"),
    ],
)  # fmt: skip
async def test_no_permit_opens_what_is_never_sent(method: str, target: str, body: bytes) -> None:
    gate = Gate()
    change = Change(method=method.upper(), target=target, body=body)

    with (
        gate.guard.opened(change, permit=a_permit()),
        gate.guard.opened(a_change(), permit=a_permit()),
        pytest.raises(Forbidden),
    ):
        await gate.send(method, target, body + b" " if method == "patch" else body)

    assert gate.sent == []


@pytest.mark.parametrize(
    ("method", "target"),
    [
        pytest.param("GET", "/inference/v1/models", id="inference"),
        pytest.param("GET", "/v1/chat/completions", id="a chat"),
        pytest.param("GET", "/v1/accountsX", id="a longer word"),
        pytest.param("GET", "/v1", id="a shorter path"),
        pytest.param("GET", "/", id="the root"),
        pytest.param("GET", "/v1/accounts/%2e%2e/chat/completions", id="dots, spelled out"),
        pytest.param("GET", "/v1/accounts/a%2F..%2F..%2Fchat", id="slashes, spelled out"),
        pytest.param("GET", "/v1/accounts//deployments", id="an empty part"),
        pytest.param("GET", f"{PATH}?hard=true", id="a word that is never sent"),
        pytest.param("HEAD", "/v1/accounts", id="HEAD"),
        pytest.param("OPTIONS", "/v1/accounts", id="OPTIONS"),
        pytest.param("TRACE", "/v1/accounts", id="TRACE"),
        pytest.param("GET", "https://elsewhere.example/v1/accounts", id="another host"),
        pytest.param("GET", "http://api.example/v1/accounts", id="in the clear"),
        pytest.param("GET", "https://api.example:8443/v1/accounts", id="another port"),
        pytest.param("GET", "https://x:y@api.example/v1/accounts", id="a login"),
    ],
)
async def test_what_is_no_read_of_the_control_plane_is_stopped(method: str, target: str) -> None:
    gate = Gate()

    with pytest.raises(Forbidden):
        await gate.send(method, target)

    assert gate.sent == []


async def test_a_read_with_a_body_or_in_disguise_is_stopped() -> None:
    gate = Gate()

    with pytest.raises(Forbidden):
        await gate.send("GET", PATH, b"{}")
    with pytest.raises(Forbidden, match="taken for another"):
        await gate.send("GET", PATH, x_http_method_override="DELETE")
    with pytest.raises(Forbidden, match="cannot be looked at"):
        await gate.http.request("PATCH", PATCH, content=_pieces())

    assert gate.sent == []


async def _pieces() -> Any:
    yield dump(TO_ZERO)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/accounts",
        "/v1/accounts?pageSize=200&pageToken=hard",
        "/v1/accounts/acme",
        PATH,
        "/v1/accounts/acme/deployments/hard",
        "/v1/accounts/acme/deployments/h%C3%A4rter%20name",
        "/v1/accounts/acme/metrics",
    ],
)
async def test_reads_of_the_control_plane_pass(target: str) -> None:
    gate = Gate()

    await gate.send("GET", target)

    assert [request.url.raw_path.decode() for request in gate.sent] == [target]


async def test_below_a_path_of_its_own_the_same_holds() -> None:
    gate = Gate("https://proxy.example/fireworks/")

    await gate.send("GET", "/v1/accounts")
    with gate.guard.opened(a_change(), permit=a_permit()):
        await gate.send("PATCH", PATCH, dump(TO_ZERO))
    with pytest.raises(Forbidden):
        await gate.send("GET", "https://proxy.example/v1/accounts")
    with pytest.raises(Forbidden):
        await gate.send("GET", "https://proxy.example/fireworksX/v1/accounts")

    assert [request.url.path for request in gate.sent] == [
        "/fireworks/v1/accounts",
        f"/fireworks{PATH}",
    ]


async def test_a_redirect_is_looked_at_like_all_else() -> None:
    gate = Gate()
    elsewhere = "https://api.example/inference/v1/chat"
    gate.http._transport = Wall(gate.sent, 307, location=elsewhere)

    with pytest.raises(Forbidden):
        await gate.http.get("/v1/accounts", follow_redirects=True)

    assert [request.url.path for request in gate.sent] == ["/v1/accounts"]


@contextmanager
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.AsyncClient]:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    guard = Guard(NOBODY_S)
    yield open_http(
        base_url=NOBODY_S,
        auth=Bearer(lambda: "fw_key"),
        guard=guard,
        transport=None,
        limits=Limits(),
    )


async def test_a_proxy_of_the_environment_does_not_lead_past_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with proxied(monkeypatch) as http:
        with pytest.raises(Forbidden):
            await http.delete(PATH)
        with pytest.raises(httpx.ConnectError):
            await http.get("/v1/accounts")
        await http.aclose()


paths = st.one_of(
    st.text(st.sampled_from("/v1acounts.%2fe:?&=hrdABC-"), max_size=40).map("/".__add__),
    st.just(PATH),
    st.builds("".join, st.tuples(st.just(PATH), st.sampled_from(["?hard=1", ":scale", "/x"]))),
)
methods = st.sampled_from(["DELETE", "PATCH", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "X"])


@given(method=methods, target=paths, body=st.binary(max_size=40))
def test_whatever_is_sent_no_change_leaves_without_its_permit(
    method: str, target: str, body: bytes
) -> None:
    gate = Gate()

    async def attempt() -> None:
        with gate.guard.opened(a_change("DELETE", f"{PATH}x"), permit=a_permit()):
            await gate.send(method, target, body)

    with pytest.raises((FirewardenError, httpx.HTTPError, httpx.InvalidURL)):
        asyncio.run(attempt())

    assert gate.sent == []


@given(target=paths)
def test_whatever_is_read_is_below_the_accounts(target: str) -> None:
    gate = Gate()

    async def attempt() -> None:
        try:
            await gate.send("GET", target)
        except (Forbidden, httpx.HTTPError, httpx.InvalidURL):
            return

    asyncio.run(attempt())

    for request in gate.sent:
        path = request.url.path
        assert path == "/v1/accounts" or path.startswith("/v1/accounts/")
        assert not {"", ".", ".."} & set(path.split("/")[1:])
        assert request.url.host == "api.example"


def test_no_client_leads_to_a_provider_but_the_guarded_one() -> None:
    sources = (ROOT / "daemon").rglob("*.py")
    made = {
        path.name: text.count("httpx.AsyncClient(") + text.count("httpx.Client(")
        for path in sources
        if "httpx" in (text := path.read_text(encoding="utf-8"))
    }

    # webhook.py sends letters to people, to addresses that are checked on their own.
    assert {name: count for name, count in made.items() if count} == {
        "connection.py": 1,
        "webhook.py": 1,
    }
