"""The simulator on a real socket: its own port, its faults as a client meets them, its end."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from firewarden.errors import AddressInUse
from firewarden.providers.simulated.faults import Faults, parse_faults
from firewarden.providers.simulated.http import application
from firewarden.providers.simulated.serve import serve
from tests.providers.simulated.builders import PREFIX, a_deployment, a_world
from tests.support.clock import FakeClock

LIST = f"{PREFIX}/deployments"


@asynccontextmanager
async def served(faults: Faults | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Serve one deployment on a free port of loopback, and give a client for it."""
    app = application(a_world(a_deployment()), clock=FakeClock(), faults=faults)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=port.set_result))
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{await port}",
            headers={"Authorization": "Bearer fw_simulated"},
            timeout=httpx.Timeout(10, read=1),
        ) as client:
            yield client
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def a_fault(kind: str) -> Faults:
    return parse_faults(f'[[fault]]\nkind = "{kind}"\ntimes = 1\non = "list"\n')


async def test_it_answers_over_a_connection() -> None:
    async with served() as client:
        answer = await client.get(LIST)

    assert [item["name"] for item in answer.json()["deployments"]] == [
        "accounts/acme/deployments/chat"
    ]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        pytest.param("reset", httpx.ReadError, id="reset"),
        pytest.param("lost-answer", httpx.ReadError, id="lost after its effect"),
        pytest.param("cut", httpx.TransportError, id="cut off in the middle"),
        pytest.param("hang", httpx.ReadTimeout, id="hanging"),
    ],
)
async def test_a_broken_answer_is_an_error_and_the_next_is_whole(
    kind: str, error: type[Exception]
) -> None:
    async with served(a_fault(kind)) as client:
        with pytest.raises(error):
            await client.get(LIST)
        again = await client.get(LIST)

    assert again.status_code == 200


async def test_a_port_that_is_taken_is_one_line_with_a_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        app = application(a_world(), clock=FakeClock())
        with pytest.raises(AddressInUse, match=f"127.0.0.1:{port}: cannot listen: .*--port"):
            await serve(app, "127.0.0.1", port, on_ready=lambda _port: None)


async def test_cancelled_it_ends_and_frees_its_port() -> None:
    app = application(a_world(), clock=FakeClock())
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(app, "127.0.0.1", 0, on_ready=ready.set_result))
    port = await ready

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    socket.create_server(("127.0.0.1", port)).close()
