"""The other end of a webhook: takes every letter, as a receiver that works would."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def receiver() -> Starlette:
    """Serve ``POST /``: reads what comes to its end and answers 204."""

    async def take(request: Request) -> Response:
        await request.body()
        return Response(status_code=204)

    return Starlette(routes=[Route("/", take, methods=["POST"])])
