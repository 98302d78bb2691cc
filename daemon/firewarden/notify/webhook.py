"""Letters to webhooks: ours, signed, and Slack's, which takes a message and gives no name of it."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

import httpx

from firewarden.clock.real import within
from firewarden.errors import NotDelivered, SettingsError
from firewarden.model.delivery import Receipt
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.notify.addresses import (
    Address,
    Resolve,
    Target,
    ask_system,
    find_addresses,
    parse_target,
)
from firewarden.notify.slack.answers import REFUSES_BLOCKS
from firewarden.notify.slack.compose import compose_alone
from firewarden.ports import Clock
from firewarden.store.letters import Letter

TIMEOUT: Final = timedelta(seconds=10)
RESTS_FOR: Final = timedelta(seconds=30)
SIGNATURE: Final = "X-Firewarden-Signature"
TIMESTAMP: Final = "X-Firewarden-Timestamp"
_MOST_READ: Final = 4_096
_TOO_MANY: Final = 429
_REQUEST_TIMEOUT: Final = 408
_SERVER_ERROR: Final = 500
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where a route leads: *url* and *secret* give what is valid now, and are asked each time."""

    url: Callable[[], str]
    secret: Callable[[], str] | None = None


Hooks = Callable[[AccountId, str], Hook]
"""From an account and the name of one of its routes to where that leads."""


class Courier:
    """Sends one POST to a checked address; follows nothing and keeps no connection."""

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve = ask_system,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        """Ask nobody yet. *timeout* is of the event loop's own time.

        Each letter has a connection of its own: one that is kept would be chosen by its
        address, whatever name it was made for. So there is nothing to close.
        """
        self._transport = transport
        self._resolve = resolve
        self._timeout = timeout

    async def send(
        self, url: str, body: bytes, headers: Mapping[str, str], *, where: str
    ) -> tuple[int, str]:
        """Post *body* to *url*; gives the status and the beginning of the answer.

        Raises:
            NotDelivered: there was no answer, or one that says that it was not taken.
        """
        try:
            target = parse_target(url, where=where)
        except SettingsError as error:
            raise NotDelivered(
                error.problem, where=where, mend=error.mend, for_good=True
            ) from error
        try:
            async with within(self._timeout):
                addresses = await find_addresses(target, self._resolve, where=where)
                return await self._try_all(target, addresses, body, headers, where=where)
        except TimeoutError as error:
            raise NotDelivered("no answer in time", where=where, unknown=True) from error

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport,
            verify=_trusted(),
            trust_env=False,  # a proxy would resolve the name again, and lead elsewhere
            follow_redirects=False,
            timeout=self._timeout.total_seconds(),
        )

    async def _try_all(
        self,
        target: Target,
        addresses: list[Address],
        body: bytes,
        headers: Mapping[str, str],
        *,
        where: str,
    ) -> tuple[int, str]:
        for address in addresses[:-1]:
            try:
                return await self._post(target, address, body, headers, where=where)
            except NotDelivered as error:
                if error.unknown or not isinstance(error.__cause__, _NOT_SENT):
                    raise
        return await self._post(target, addresses[-1], body, headers, where=where)

    async def _post(
        self,
        target: Target,
        address: Address,
        body: bytes,
        headers: Mapping[str, str],
        *,
        where: str,
    ) -> tuple[int, str]:
        try:
            async with (
                self._client() as http,
                http.stream(
                    "POST",
                    target.at(address),
                    content=body,
                    headers={
                        **headers,
                        "Host": target.parts.netloc,
                        "Content-Type": "application/json",
                    },
                    extensions={"sni_hostname": target.host},
                ) as response,
            ):
                return response.status_code, _judge(response, await _read(response), where=where)
        except httpx.HTTPError as error:  # its words may hold the address
            unknown = not isinstance(error, _NOT_SENT)
            problem = f"no answer ({type(error).__name__})"
            raise NotDelivered(problem, where=where, unknown=unknown) from error


class WebhookPoster:
    """Delivers notices as JSON, signed where the route has a secret; what is taken has a 2xx."""

    def __init__(self, hooks: Hooks, courier: Courier, *, clock: Clock, wall: Clock) -> None:
        """Sign by what the *wall* shows: whoever checks the signature lives by it too."""
        self._hooks = hooks
        self._courier = courier
        self._clock = clock
        self._wall = wall

    async def post(self, letter: Letter) -> Receipt:
        """Deliver *letter*: a receiver knows by its ``id`` what it has got already."""
        notice = letter.notice
        hook = self._hooks(notice.account, letter.destination.address)
        body = json.dumps(_payload(letter), separators=(",", ":")).encode()
        headers = {}
        if hook.secret is not None:
            stamp = str(int(self._wall.now().timestamp()))
            headers = {TIMESTAMP: stamp, SIGNATURE: sign(hook.secret(), stamp, body)}
        await self._courier.send(hook.url(), body, headers, where=str(letter.destination))
        return Receipt(at=self._clock.now())


class SlackWebhookPoster:
    """Delivers to an incoming webhook of Slack: each letter is a message, and none is edited."""

    def __init__(self, hooks: Hooks, courier: Courier, *, clock: Clock) -> None:
        """Send by *courier* to where *hooks* lead."""
        self._hooks = hooks
        self._courier = courier
        self._clock = clock

    async def post(self, letter: Letter) -> Receipt:
        """Deliver *letter*; what may be there already says so, since nobody can be asked."""
        hook = self._hooks(letter.notice.account, letter.destination.address)
        message = compose_alone(letter.notice)
        message = message.marked() if letter.doubts else message
        try:
            await self._send(hook, {"text": message.text, "blocks": message.blocks}, letter)
        except _BlocksRefused:
            await self._send(hook, {"text": message.plain}, letter)
        return Receipt(at=self._clock.now())

    async def _send(self, hook: Hook, message: Mapping[str, Any], letter: Letter) -> None:
        where = str(letter.destination)
        body = json.dumps(message).encode()
        _, said = await self._courier.send(hook.url(), body, {}, where=where)
        if said != "ok":
            raise NotDelivered("an answer that Slack does not give", where=where, unknown=True)


class _BlocksRefused(NotDelivered):
    """Slack will take the text alone."""


@cache
def _trusted() -> ssl.SSLContext:
    """Load the certificates to trust; that takes as long as all else of a letter."""
    return httpx.create_ssl_context()


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Sign *body* as sent at *timestamp*: who knows *secret* can tell that it comes from us."""
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"


def check_address(url: str, *, where: str) -> None:
    """Refuse an address that nothing may be sent to.

    Raises:
        SettingsError: it is none, or not https.
    """
    parse_target(url, where=where)


def _payload(letter: Letter) -> Mapping[str, Any]:
    notice: Notice = letter.notice
    return {
        "version": 1,
        "id": letter.key,
        "account": notice.account,
        "kind": notice.kind,
        "key": notice.key,
        "story": notice.story or notice.key,
        "severity": notice.severity.value,
        "at": notice.at.isoformat().replace("+00:00", "Z"),
        "text": notice.text,
        "uid": notice.uid,
        "facts": dict(notice.facts),
        "resolved": notice.resolved,
    }


async def _read(response: httpx.Response) -> str:
    """Read the beginning of an answer, as long as it is."""
    read = b""
    async for chunk in response.aiter_bytes(_MOST_READ):
        read += chunk
        if len(read) >= _MOST_READ:
            break
    return read[:_MOST_READ].decode("utf-8", "replace").strip()


def _judge(response: httpx.Response, said: str, *, where: str) -> str:
    """Give what was *said* where the letter was taken.

    Raises:
        NotDelivered: it was not.
    """
    status = response.status_code
    if response.is_success:
        return said
    problem = f"HTTP {status}"
    if status == _TOO_MANY:
        raise NotDelivered(problem, where=where, retry_after=_rest(response))
    if status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT:
        raise NotDelivered(problem, where=where, unknown=True)
    if said in REFUSES_BLOCKS:
        raise _BlocksRefused(said, where=where, for_good=True)
    mend = "redirects are not followed: give its final address" if response.is_redirect else ""
    raise NotDelivered(problem, where=where, mend=mend, for_good=True)


def _rest(response: httpx.Response) -> timedelta:
    given = response.headers.get("Retry-After", "").strip()
    if not given.isascii() or not given.isdigit():
        return RESTS_FOR
    return timedelta(seconds=int(given[:9]))
