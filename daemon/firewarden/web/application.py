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

Readiness = Callable[[], Mapping[str, bool]]
"""Tells of each part whether it is ready; the parts have no names from outside in them."""


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
        parts = dict(readiness())
        ready = all(parts.values())
        return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)

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
