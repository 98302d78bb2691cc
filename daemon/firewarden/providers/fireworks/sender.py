"""One change at a time: let out once by its permit, sent once, timed, told in the log."""

import asyncio
from dataclasses import dataclass
from typing import Final

import httpx
import structlog

from firewarden.errors import AnswerLost, ProviderError, ProviderUnavailable
from firewarden.ports import Clock, Permit
from firewarden.providers.fireworks.answers import READ_FIRST, Refusal, translate_change
from firewarden.providers.fireworks.client import Client, hand_over, read_head, told
from firewarden.providers.fireworks.connection import Bearer
from firewarden.providers.fireworks.guard import Change, Guard, Passage
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.pacing import Lane

_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""What httpx raises before the first byte of a request is written."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way out of one account: the pool, what guards it, and the key that may change things."""

    http: httpx.AsyncClient
    guard: Guard
    auth: Bearer


class Sender:
    """Sends the changes of one account, each exactly once, whatever becomes of it."""

    def __init__(self, way: Way, *, client: Client, clock: Clock, limits: Limits) -> None:
        self._way = way
        self._client = client
        self._clock = clock
        self._limits = limits

    async def send(self, change: Change, *, permit: Permit) -> bytes:
        """Send *change*, and give the body of the 200 that answered it.

        Raises:
            AnswerLost: it was sent, or may have been, and nothing tells what came of it.
            ProviderUnavailable: it did not leave, or the provider wants to be left alone.
            ProviderRejected: it was refused; `InUse`, `NotFound`, `KeyRefused` and
                `AccountSuspended` as their names say.
            LeaseLost, Forbidden: it was not let out.
        """
        self._client.check_deadline(Lane.CONTROL, where=change.where)
        answer = await self._ask(change, permit)
        if answer.status == httpx.codes.OK:
            return answer.body
        error = translate_change(answer, where=change.where, secret=self._way.auth.key())
        if isinstance(error, ProviderUnavailable):
            self._client.remember(Lane.CONTROL, error)
        raise error

    async def _ask(self, change: Change, permit: Permit) -> Refusal:
        began = self._clock.mono()
        status = 0
        with self._way.guard.opened(change, permit=permit) as passage:
            try:
                answer = await self._answered(change, passage)
                status = answer.status
            finally:
                if passage.left:
                    log.info(
                        "change.sent",
                        action_id=permit.action_id,
                        method=change.method,
                        path=change.path,
                        status=status,
                        duration_seconds=round(self._clock.mono() - began, 3),
                    )
        return answer

    async def _answered(self, change: Change, passage: Passage) -> Refusal:
        try:
            # Until Python 3.12 wait_for loses a cancellation that meets the end of the answer.
            async with asyncio.timeout(self._limits.change_s):  # noqa: TID251 - clock is a sibling
                return await self._once(change)
        except _NEVER_LEFT as error:
            passage.left = False
            raise ProviderUnavailable(
                f"the change was not sent: {told(error)}", where=change.where
            ) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            problem = f"no whole answer within {self._limits.change_s:.0f} s"
            raise AnswerLost(problem, where=change.where, mend=READ_FIRST) from error
        except httpx.LocalProtocolError:
            # Its text may hold the key.
            raise AnswerLost("sending it failed", where=change.where, mend=READ_FIRST) from None
        except httpx.HTTPError as error:
            raise AnswerLost(told(error), where=change.where, mend=READ_FIRST) from error

    async def _once(self, change: Change) -> Refusal:
        response = await self._way.http.send(
            self._request(change), auth=self._way.auth, stream=True, follow_redirects=False
        )
        try:
            is_good = response.status_code == httpx.codes.OK
            body = await (self._whole(response, change) if is_good else read_head(response))
        finally:
            await response.aclose()
        return Refusal(
            status=response.status_code,
            headers=response.headers,
            body=body,
            at=self._clock.now(),
        )

    async def _whole(self, response: httpx.Response, change: Change) -> bytes:
        pieces: list[bytes] = []
        most = self._limits.body_bytes
        try:
            await hand_over(response, pieces.append, most_bytes=most, where=change.where)
        except ProviderError as error:
            raise AnswerLost(error.problem, where=change.where, mend=READ_FIRST) from error
        return b"".join(pieces)

    def _request(self, change: Change) -> httpx.Request:
        """Write *change* down; connecting is timed so that failing at it shows as such."""
        whole = self._limits.change_s
        return self._way.http.build_request(
            change.method,
            change.target,
            content=change.body or None,
            headers={"Content-Type": "application/json"} if change.body else None,
            timeout=httpx.Timeout(whole, connect=whole / 3, pool=whole / 4),
        )
