"""Answers that never come, or not wholly: hanging, reset, cut off, late."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from firewarden.ports import Clock
from firewarden.providers.simulated.gateway import Reply

ABORT = "firewarden.abort"
"""Key of the ASGI extension that resets the connection a request came on."""


class Break(StrEnum):
    """How an answer breaks."""

    HANG = "hang"
    RESET = "reset"
    CUT = "cut"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An answer that breaks: *reply* is what it would have been, as far as it is sent."""

    how: Break
    reply: Reply
    wait: timedelta = timedelta(hours=1)


class BrokenResponse(Response):
    """Breaks as `Broken` says, over a real connection and over an in-process transport.

    With a real connection (one that `serve` made) it is reset. Without one the error that
    a client would see is raised instead, which httpx's ASGI transport hands through.
    """

    def __init__(self, broken: Broken, *, clock: Clock) -> None:
        super().__init__(broken.reply.body, broken.reply.status, media_type=broken.reply.media_type)
        self._broken = broken
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send as much as is sent, then break."""
        if self._broken.how in {Break.HANG, Break.SLOW}:
            await self._clock.sleep(self._broken.wait)
        if self._broken.how is Break.SLOW:
            await super().__call__(scope, receive, send)
            return
        if self._broken.how is Break.CUT:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            half = bytes(self.body)[: len(self.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
        await self._end(scope, receive)

    async def _end(self, scope: Scope, receive: Receive) -> None:
        abort = scope.get("extensions", {}).get(ABORT)
        if abort is None:
            raise httpx.ReadError(f"simulated: {self._broken.how}")
        abort()
        while (await receive())["type"] != "http.disconnect":
            pass
