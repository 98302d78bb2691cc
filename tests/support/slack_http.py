"""The fake Slack over real HTTP: its Web API under ``/api``."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.serving import serving
from tests.support.slack import FakeSlack


@contextmanager
def serving_slack(slack: FakeSlack) -> Iterator[str]:
    """Serve *slack* around the body; gives the address that a client calls methods under."""
    with serving(_application(slack)) as address:
        yield f"{address}/api"


def _application(slack: FakeSlack) -> Starlette:
    async def call(request: Request) -> Response:
        arguments = dict(request.query_params)
        if body := await request.body():
            assert request.headers["content-type"].startswith("application/json"), body
            arguments |= await request.json()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        answer = slack.answer(request.path_params["method"], arguments, token=token)
        if answer.body is None:
            await until_gone(request)
        if isinstance(answer.body, str):
            return PlainTextResponse(answer.body, answer.status, dict(answer.headers))
        return JSONResponse(answer.body, answer.status, dict(answer.headers))

    return Starlette(routes=[Route("/api/{method}", call, methods=["GET", "POST"])])


async def until_gone(request: Request) -> None:
    """Say nothing until the client has given up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
