"""Runs an ASGI application on a socket of its own until it is cancelled."""

import asyncio
import socket
import struct
from asyncio import Transport
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from firewarden.errors import AddressInUse
from firewarden.providers.simulated.broken import ABORT

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class _Protocol(H11Protocol):
    """Gives each request a way to reset its connection."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # uvicorn narrows it likewise
        """Put the way out into the scope of every request of this connection."""
        super().connection_made(transport)
        inner: ASGIApp = self.app

        async def with_abort(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[ABORT] = lambda: _reset(transport)
            await inner(scope, receive, send)

        self.app = cast("Any", with_abort)


@asynccontextmanager
async def serving(app: Starlette, host: str) -> AsyncIterator[int]:
    """Serve *app* around the body, which gets the port; a failure of it ends the body."""
    at: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(serve(app, host, 0, on_ready=at.set_result))
        yield await at
        task.cancel()


async def serve(app: Starlette, host: str, port: int, *, on_ready: Callable[[int], None]) -> None:
    """Serve *app* until cancelled, then let open requests end for a second.

    *on_ready* gets the port listened on, which matters where *port* is 0.

    Raises:
        AddressInUse: the port is taken, or the address cannot be listened on.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,  # the application tells its own, which may be compressed
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    on_ready(int(listener.getsockname()[1]))
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        server.should_exit = True
        await running
        raise
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise AddressInUse(
            f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            mend="choose another port with --port, 0 for any that is free",
        ) from error
    return listener


def _reset(transport: Transport) -> None:
    """Close the connection so that the peer sees a reset, not an end."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
