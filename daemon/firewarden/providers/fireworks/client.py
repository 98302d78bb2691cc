"""One request at a time: sent, bounded, timed, repeated where that can help, translated."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import httpx
import structlog

from firewarden.errors import ProviderRejected, ProviderUnavailable
from firewarden.ports import Clock
from firewarden.providers.fireworks.answers import Refusal, clean, http_date, translate
from firewarden.providers.fireworks.connection import Bearer
from firewarden.providers.fireworks.pacing import Deadlines, Lane, RetryBudget

MOST_TRIES: Final = 3
PATIENCE: Final = timedelta(seconds=10)
"""A Retry-After up to this is waited for at once; a longer one is left to the caller."""

_FIRST_PAUSE_S: Final = 0.5
_REFUSAL_BYTES: Final = 64 * 1024

log = structlog.stdlib.get_logger(__name__)


class Torn(ProviderUnavailable):
    """The answer began well and broke off."""


class Oversized(ProviderRejected):
    """The answer is longer than we are willing to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One GET: what for, and how much of it may come back; ``within_s`` in real seconds."""

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    most_bytes: int
    within_s: float
    lane: Lane = Lane.CONTROL

    @property
    def where(self) -> str:
        """The request as it is named in messages: no host, no query, no key."""
        return f"GET {self.path}"


class Client:
    """Asks about one account, and keeps to what the provider said about being asked.

    Time-outs are counted by the event loop (real time in production, virtual in a
    simulation), pauses between tries and the provider's Retry-After by the `Clock`, which
    may be compressed.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, auth: Bearer, clock: Clock, rng: random.Random
    ) -> None:
        self._http = http
        self._base = str(http.base_url).removesuffix("/")
        self._auth = auth
        self._clock = clock
        self._rng = rng
        self._deadlines = Deadlines()
        self.budget = RetryBudget()
        self.last_skew_ms: int | None = None

    async def get(self, ask: Ask) -> bytes:
        """Give the body of a 200.

        Raises:
            ProviderUnavailable: no answer, one that tells us to come back, or not yet the
                time to ask. `ProviderRejected`, `NotFound`, `KeyRefused`, `AccountSuspended`
                as their names say.
        """
        self.check_deadline(ask.lane, where=ask.where)
        self.budget.earn()
        attempt = 1
        while True:
            chunks: list[bytes] = []
            try:
                await self._try(ask, chunks.append)
            except ProviderUnavailable as error:
                pause = self._pause(attempt, error)
                if pause is None:
                    raise
                attempt += 1
                await self._rest(ask, error, attempt=attempt, pause=pause)
                self.check_deadline(ask.lane, where=ask.where)
            else:
                return b"".join(chunks)

    async def stream(self, ask: Ask, take: Callable[[bytes], None]) -> None:
        """Hand the body of a 200 to *take* piece by piece; never asked twice.

        Raises:
            Torn, Oversized: after some of it was handed over. Otherwise as `get`.
        """
        self.check_deadline(ask.lane, where=ask.where)
        await self._try(ask, take)

    def check_deadline(self, lane: Lane, *, where: str) -> None:
        """Raise `ProviderUnavailable` where the provider wants not to be asked yet."""
        left_s = self._deadlines.left_s(lane, now=self._clock.mono())
        if left_s > 0:
            raise ProviderUnavailable(
                f"not asked: the provider wants to be left alone for another {left_s:.0f} s",
                where=where,
                retry_after=timedelta(seconds=left_s),
            )

    def remember(self, lane: Lane, error: ProviderUnavailable) -> None:
        """Ask nothing in *lane* for as long as *error* says that the provider wants."""
        if error.retry_after:
            until = self._clock.mono() + error.retry_after.total_seconds()
            self._deadlines.remember(lane, until=until, throttled=error.throttled)

    async def _try(self, ask: Ask, take: Callable[[bytes], None]) -> None:
        try:
            # Until Python 3.12 wait_for loses a cancellation that meets the end of the answer.
            async with asyncio.timeout(ask.within_s):  # noqa: TID251 - clock is a sibling
                await self._once(ask, take)
        except ProviderUnavailable as error:
            self.remember(ask.lane, error)
            raise
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ProviderUnavailable(
                f"no whole answer within {ask.within_s:.0f} s", where=ask.where
            ) from error
        except httpx.DecodingError as error:
            raise ProviderRejected(
                "an answer whose compression is broken", where=ask.where
            ) from error
        except httpx.LocalProtocolError:
            # What we sent cannot be sent: its text, and the error's own, may hold the key.
            raise ProviderUnavailable("the request could not be sent", where=ask.where) from None
        except httpx.HTTPError as error:
            raise ProviderUnavailable(told(error), where=ask.where) from error

    async def _once(self, ask: Ask, take: Callable[[bytes], None]) -> None:
        asked_at = self._clock.now()
        request = self._http.build_request("GET", self._address(ask))
        response = await self._http.send(request, stream=True)
        try:
            self._note_skew(response, asked_at)
            if response.status_code == httpx.codes.OK:
                await hand_over(response, take, most_bytes=ask.most_bytes, where=ask.where)
                return
            body = await read_head(response)
        finally:
            await response.aclose()
        answer = Refusal(
            status=response.status_code,
            headers=response.headers,
            body=body,
            at=self._clock.now(),
        )
        raise translate(answer, where=ask.where, secret=self._auth.key())

    def _address(self, ask: Ask) -> httpx.URL:
        """Give the whole address, read once: httpx reads its parts, and what it makes of them."""
        query = f"?{urlencode(ask.params)}" if ask.params else ""
        return httpx.URL(f"{self._base}{ask.path}{query}")

    def _pause(self, attempt: int, error: ProviderUnavailable) -> timedelta | None:
        """Choose how long to wait before the next try; None where there is to be none."""
        asked_for = error.retry_after or timedelta(0)
        if attempt == MOST_TRIES or asked_for > PATIENCE or not self.budget.spend():
            return None
        spread = self._rng.uniform(0.5, 1.5)
        return asked_for + timedelta(seconds=_FIRST_PAUSE_S * 2 ** (attempt - 1) * spread)

    async def _rest(
        self, ask: Ask, error: ProviderUnavailable, *, attempt: int, pause: timedelta
    ) -> None:
        log.info(
            "request.retried",
            path=ask.path,
            attempt=attempt,
            pause_seconds=round(pause.total_seconds(), 3),
            problem=error.problem,
        )
        await self._clock.sleep(pause)

    def _note_skew(self, response: httpx.Response, asked_at: datetime) -> None:
        told = http_date(response.headers.get("date", ""))
        if told is not None:
            middle = asked_at + (self._clock.now() - asked_at) / 2
            half_a_second = timedelta(milliseconds=500)  # Date has whole seconds, cut off
            self.last_skew_ms = round((told + half_a_second - middle) / timedelta(milliseconds=1))


async def hand_over(
    response: httpx.Response, take: Callable[[bytes], None], *, most_bytes: int, where: str
) -> None:
    """Hand the body of *response* to *take* piece by piece.

    Raises:
        Torn, Oversized: after some of it was handed over.
    """
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > most_bytes:
                raise Oversized(f"an answer of more than {most_bytes // 1024} KiB", where=where)
            take(chunk)
    except httpx.DecodingError:
        raise
    except httpx.TransportError as error:
        raise Torn(f"the answer broke off: {told(error)}", where=where) from error
    promised = response.headers.get("content-length", "")
    got = response.num_bytes_downloaded if "content-encoding" in response.headers else size
    if promised.isdecimal() and got < int(promised):
        raise Torn(f"the answer broke off after {got} of {promised} bytes", where=where)


async def read_head(response: httpx.Response) -> bytes:
    """Read enough of a refusal to understand it; what breaks off says what its status says."""
    body = b""
    with suppress(httpx.HTTPError):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _REFUSAL_BYTES:
                break
    return body[:_REFUSAL_BYTES]


def told(error: Exception) -> str:
    """Say what broke."""
    said = clean(str(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
