"""Serves an application on a socket of ours, inside our event loop and with our signals."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from datetime import timedelta

import uvicorn
from starlette.types import ASGIApp

from firewarden.clock.real import within
from firewarden.errors import AddressInUse, SettingsError
from firewarden.web.security import LARGEST_HEAD

STOP_WITHIN = timedelta(seconds=2)
_BACKLOG = 64
_MOST_CONNECTIONS = 64


def listen(host: str, port: int) -> socket.socket:
    """Listen on *host* and *port*; with port 0 the system picks one.

    Raises:
        AddressInUse: another process listens there.
        SettingsError: nobody can listen there, or this user may not.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    opened: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        if opened is not None:
            opened.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(
                "another process listens there", where=place, mend="set FIREWARDEN_LISTEN"
            ) from error
        raise SettingsError(
            f"cannot listen on {place} ({error.strerror})",
            where="FIREWARDEN_LISTEN",
            mend="give an address of this machine and a port above 1023",
        ) from error
    return opened


class _Server(uvicorn.Server):
    """uvicorn without its own ideas about signals: it would end the process on its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever runs the process."""
        yield


async def serve(app: ASGIApp, on: socket.socket, *, stop: asyncio.Event) -> None:
    """Serve *app* on the listening socket *on* until *stop* is set, or this is cancelled.

    Ends within `STOP_WITHIN`: what is being answered gets half of it. Closes the socket.
    """
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[on]), name="web server")
    stopped = asyncio.create_task(stop.wait(), name="web stop")
    try:
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        server.should_exit = True
        await _end(serving)
        on.close()


async def _end(serving: asyncio.Task[None]) -> None:
    """Wait for the server's end, and force it when that takes too long, or nobody waits."""
    try:
        with contextlib.suppress(TimeoutError):
            async with within(STOP_WITHIN):
                await asyncio.shield(serving)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
