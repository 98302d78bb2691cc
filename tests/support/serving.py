"""An application over real HTTP, in a thread of its own, on a free port of this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from firewarden.web.server import listen


class _Server(uvicorn.Server):
    """Leaves the signals to the test run."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve *app* around the body; gives its address. Who still waits at the end is cut off."""
    socket = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False
    )
    config.timeout_graceful_shutdown = 0
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, name="fake server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        socket.close()
