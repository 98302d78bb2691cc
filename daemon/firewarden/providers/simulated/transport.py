"""The simulated control plane without a socket: requests go straight into the application."""

import httpx
from starlette.applications import Starlette


def in_process(app: Starlette) -> httpx.AsyncBaseTransport:
    """Make the transport with which a client reaches *app* in the same event loop."""
    return httpx.ASGITransport(app=app)
