"""The fake Slack over real HTTP, in a thread of its own, on a free port of this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from firewarden.web.server import listen
from tests.support.slack import FakeSlack


class _Server(uvicorn.Server):
    """Leaves the signals to the test run, and cuts off who hangs."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def serving(slack: FakeSlack) -> Iterator[str]:
    """Serve *slack* around the body; gives the address that a client calls methods under."""
    socket = listen("127.0.0.1", 0)
    config = uvicorn.Config(
        _application(slack), http="h11", ws="none", lifespan="off", log_config=None
    )
    config.timeout_graceful_shutdown = 0
    server = _Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, name="fake slack")
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}/api"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        socket.close()


def _application(slack: FakeSlack) -> Starlette:
    async def call(request: Request) -> Response:
        arguments = dict(request.query_params)
        if body := await request.body():
            assert request.headers["content-type"].startswith("application/json"), body
            arguments |= await request.json()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        answer = slack.answer(request.path_params["method"], arguments, token=token)
        if answer.body is None:
            await _until_gone(request)
        if isinstance(answer.body, str):
            return PlainTextResponse(answer.body, answer.status, dict(answer.headers))
        return JSONResponse(answer.body, answer.status, dict(answer.headers))

    return Starlette(routes=[Route("/api/{method}", call, methods=["GET", "POST"])])


async def _until_gone(request: Request) -> None:
    """Say nothing until the client has given up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
