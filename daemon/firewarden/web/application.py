"""The routes of the web port."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firewarden.web.metrics import Exposition
from firewarden.web.security import Guard, Token

Readiness = Callable[[], Mapping[str, str]]
"""Tells of each part in a word what keeps it from being ready; "" nothing. No word of it is
from outside."""


def make_application(
    *,
    exposition: Exposition,
    readiness: Readiness,
    token: Token | None = None,
    hosts: Iterable[str] = (),
) -> Starlette:
    """Put the routes together; all of them read, and only from memory.

    *token* gives the present token, None where none is needed; *hosts* are the names this
    server goes by beside localhost and its addresses.
    """

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> Response:
        lacks = readiness()
        reasons = {part: why for part, why in lacks.items() if why}
        answer = {
            "ready": not reasons,
            "parts": {part: not why for part, why in lacks.items()},
            "reasons": reasons,
        }
        return JSONResponse(answer, status_code=503 if reasons else 200)

    async def metrics(_request: Request) -> Response:
        return Response(exposition.page(), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        middleware=[Middleware(Guard, token=token, hosts=tuple(hosts))],
    )
    app.router.redirect_slashes = False  # its answer would repeat the Host header
    return app
