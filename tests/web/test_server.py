"""The web port over real sockets."""

import asyncio
import base64
import contextlib
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from queue import Queue
from typing import Any

import httpx
import pytest

from firewarden.errors import AddressInUse, SettingsError
from firewarden.web.application import make_application
from firewarden.web.figures import AccountFigures, DeploymentFigures, Snapshot
from firewarden.web.metrics import Exposition
from firewarden.web.server import listen, serve

TOKEN = "correct horse".replace(" ", "-") * 2


@contextlib.asynccontextmanager
async def served(
    *,
    token: Callable[[], str] | None = None,
    hosts: tuple[str, ...] = (),
    readiness: Callable[[], Mapping[str, str]] = lambda: {"database": "", "polls": ""},
) -> AsyncIterator[httpx.AsyncClient]:
    exposition = Exposition()
    exposition.publish(
        Snapshot(
            accounts=(AccountFigures(account="acme"),),
            deployments=(DeploymentFigures(account="acme", deployment="chat-7", gpu="H100"),),
        )
    )
    app = make_application(exposition=exposition, readiness=readiness, token=token, hosts=hosts)
    on = listen("127.0.0.1", 0)
    port = on.getsockname()[1]
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(app, on, stop=stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        try:
            yield client
        finally:
            stop.set()
            await serving


def run_site(**options: Any) -> Iterator[str]:
    """Serve in a thread of its own, for tests that differ in what they ask only."""
    ready: Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def main() -> None:
        done = asyncio.Event()
        async with served(**options) as client:
            ready.put((str(client.base_url), asyncio.get_running_loop(), done))
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    url, loop, done = ready.get(timeout=30)
    yield url
    loop.call_soon_threadsafe(done.set)
    thread.join()


@pytest.fixture(scope="module")
def open_site() -> Iterator[str]:
    yield from run_site(hosts=("warden.example.com",))


@pytest.fixture(scope="module")
def guarded_site() -> Iterator[str]:
    yield from run_site(token=lambda: TOKEN)


def ask(site: str, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
    with httpx.Client(base_url=site, trust_env=False) as client:
        return client.request(method, path, **options)


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_health_says_that_the_loop_turns() -> None:
    async with served() as client:
        answer = await client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"alive": True})


@pytest.mark.parametrize(
    ("lacks", "status", "reasons"),
    [
        pytest.param({"database": "", "polls": ""}, 200, {}, id="all ready"),
        pytest.param(
            {"database": "", "polls": "refused"}, 503, {"polls": "refused"}, id="no fresh poll"
        ),
        pytest.param(
            {"database": "unavailable", "polls": ""},
            503,
            {"database": "unavailable"},
            id="no database",
        ),
    ],
)
async def test_readiness_needs_every_part_and_says_what_is_lacking(
    lacks: dict[str, str], status: int, reasons: dict[str, str]
) -> None:
    async with served(readiness=lambda: lacks) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == status
    assert answer.json() == {
        "ready": status == 200,
        "parts": {"database": "database" not in reasons, "polls": "polls" not in reasons},
        "reasons": reasons,
    }


async def test_metrics_are_prometheus_text() -> None:
    async with served() as client:
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'deployment="chat-7"' in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("host", ["evil.example.com", "", "10.0.0.1:8642"])
def test_health_and_readiness_need_no_token_take_any_host_and_name_nothing(
    guarded_site: str, path: str, host: str
) -> None:
    answer = ask(guarded_site, path, headers={"Host": host})

    assert answer.status_code == 200
    assert "acme" not in answer.text
    assert "chat" not in answer.text


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param(f"Bearer {TOKEN}", 200, id="bearer"),
        pytest.param(f"bearer {TOKEN}", 200, id="bearer in small letters"),
        pytest.param(basic(TOKEN), 200, id="basic"),
        pytest.param(basic(TOKEN, ""), 200, id="basic without a user"),
        pytest.param(None, 401, id="nothing"),
        pytest.param("Bearer wrong", 401, id="a wrong token"),
        pytest.param(f"Bearer {TOKEN}x", 401, id="a longer one"),
        pytest.param(f"Bearer {TOKEN[:-1]}", 401, id="a shorter one"),
        pytest.param("Bearer", 401, id="no token"),
        pytest.param(basic("", ""), 401, id="an empty token"),
        pytest.param(TOKEN, 401, id="no scheme"),
        pytest.param(f"Digest {TOKEN}", 401, id="another scheme"),
        pytest.param("Basic %%%", 401, id="no base64"),
        pytest.param(basic("", TOKEN), 401, id="the token as the user"),
        pytest.param("Bearer \xff\xfe", 401, id="no ASCII"),
    ],
)
def test_metrics_need_the_token(guarded_site: str, authorization: str | None, status: int) -> None:
    headers = {"Authorization": authorization.encode("latin-1")} if authorization else {}
    answer = ask(guarded_site, "/metrics", headers=headers)

    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert TOKEN not in answer.text


def test_a_token_in_the_address_is_no_token(guarded_site: str) -> None:
    answer = ask(guarded_site, "/metrics", params={"token": TOKEN, "access_token": TOKEN})

    assert answer.status_code == 401


async def test_a_token_that_was_changed_counts_at_once() -> None:
    present = ["first-token"]
    async with served(token=lambda: present[0]) as client:
        headers = {"Authorization": "Bearer first-token"}
        before = await client.get("/metrics", headers=headers)
        present[0] = "second-token"
        after = await client.get("/metrics", headers=headers)

    assert (before.status_code, after.status_code) == (200, 401)


async def test_an_empty_token_lets_nobody_in() -> None:
    async with served(token=lambda: "") as client:
        answer = await client.get("/metrics", headers={"Authorization": basic("")})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("localhost", 200, id="localhost"),
        pytest.param("LOCALHOST:8642", 200, id="with a port, in capitals"),
        pytest.param("127.0.0.1:1", 200, id="an address"),
        pytest.param("[::1]:8642", 200, id="an address in IPv6"),
        pytest.param("10.1.2.3", 200, id="another address: it cannot be rebound"),
        pytest.param("warden.example.com", 200, id="a name of ours"),
        pytest.param("evil.example.com", 400, id="a name that may have been rebound"),
        pytest.param("localhost.evil.example.com", 400, id="a name that begins like ours"),
        pytest.param("127.0.0.1.evil.example.com", 400, id="a name that begins like an address"),
        pytest.param("evil.example.com:127.0.0.1", 400, id="nonsense"),
        pytest.param("", 400, id="none"),
    ],
)
def test_only_our_own_names_are_answered(open_site: str, host: str, status: int) -> None:
    answer = ask(open_site, "/metrics", headers={"Host": host})

    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nowhere"])
def test_every_answer_forbids_what_browsers_should_not_do(open_site: str, path: str) -> None:
    headers = ask(open_site, path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"])
@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_nothing_can_be_changed(open_site: str, method: str, path: str) -> None:
    answer = ask(open_site, path, method=method)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_head_answers_like_get_without_the_body(open_site: str, path: str) -> None:
    answer = ask(open_site, path, method="HEAD")

    assert (answer.status_code, answer.content) == (200, b"")


def test_a_body_is_not_read(open_site: str) -> None:
    sized = ask(open_site, "/metrics", content=b"x" * 1_000)
    chunked = ask(open_site, "/metrics", headers={"Transfer-Encoding": "chunked"})

    assert (sized.status_code, chunked.status_code) == (413, 413)


def test_a_head_that_is_too_large_is_refused(open_site: str) -> None:
    header = ask(open_site, "/healthz", headers={"X-Long": "x" * 17_000})
    query = ask(open_site, "/healthz", params={"long": "x" * 17_000})

    assert (header.status_code, query.status_code) == (431, 431)


async def test_a_head_that_never_ends_is_cut_off() -> None:
    async with served() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 1_000_000)
        first = await reader.read(100)
        writer.close()

    assert first.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/metrics/", "/%2e%2e/metrics"])
def test_there_is_nothing_else(open_site: str, path: str) -> None:
    assert ask(open_site, path).status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", id="a bad length"),
        pytest.param(b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n", id="a bad address"),
        pytest.param(b"GET /metrics HTTP/1.1\r\nHost: \xff\r\n\r\n", id="a bad host"),
    ],
)
async def test_garbage_is_answered_and_does_not_end_the_server(sent: bytes) -> None:
    async with served() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(sent)
        await writer.drain()
        first = await reader.read(100)
        writer.close()
        await writer.wait_closed()
        after = await client.get("/healthz")

    assert not first.startswith((b"HTTP/1.1 200", b"HTTP/1.1 5"))
    assert after.status_code == 200


async def test_a_bug_in_readiness_is_an_error_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> dict[str, str]:
        raise LookupError("secret words")

    async with served(readiness=broken) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret words" in caplog.text


def test_a_busy_port_is_one_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(AddressInUse) as caught:
            listen("127.0.0.1", port)

    assert str(caught.value) == (
        f"127.0.0.1:{port}: another process listens there; set FIREWARDEN_LISTEN"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_one_line(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^FIREWARDEN_LISTEN: cannot listen on "):
        listen(host, 0)


def test_it_listens_on_ipv6_too() -> None:
    try:
        with listen("::1", 0) as on:
            assert on.family is socket.AF_INET6
    except SettingsError:
        pytest.skip("this machine has no IPv6")


async def test_the_signals_stay_ours() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async with served() as client:
        await client.get("/healthz")
        during = {number: signal.getsignal(number) for number in before}

    assert during == before


async def test_it_stops_within_two_seconds_though_somebody_holds_a_connection() -> None:
    on = listen("127.0.0.1", 0)
    port = on.getsockname()[1]
    stop = asyncio.Event()
    app = make_application(exposition=Exposition(), readiness=dict)
    serving = asyncio.create_task(serve(app, on, stop=stop))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: a")
    await writer.drain()

    began = time.monotonic()  # noqa: TID251 - the real time that a person waits
    stop.set()
    await serving
    took = time.monotonic() - began  # noqa: TID251 - likewise

    writer.close()
    assert took < 2.5
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""


async def test_it_stops_when_it_is_cancelled() -> None:
    on = listen("127.0.0.1", 0)
    port = on.getsockname()[1]
    app = make_application(exposition=Exposition(), readiness=dict)
    serving = asyncio.create_task(serve(app, on, stop=asyncio.Event()))
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    with listen("127.0.0.1", port):
        pass


def test_the_routes_are_these() -> None:
    app = make_application(exposition=Exposition(), readiness=dict)

    routes: list[Any] = list(app.routes)
    assert [(route.path, route.methods) for route in routes] == [
        ("/healthz", {"GET", "HEAD"}),
        ("/readyz", {"GET", "HEAD"}),
        ("/metrics", {"GET", "HEAD"}),
    ]
