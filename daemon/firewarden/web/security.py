"""Who may ask what of the web port, and what every answer says to browsers."""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Asked by machines that know neither the token nor our name; there are no names in them."""

LARGEST_HEAD = 16 * 1024
"""Octets of path, query and headers. The server itself only bounds a head that never ends."""

_LOCAL = frozenset({"localhost"})
_METHODS = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Token = Callable[[], str]


class Guard:
    """Lets GET and HEAD through, without a body, to our own name, with the token if there is one.

    A page of another site could have its name point at our address and read us from inside
    the browser; so names other than ours are refused. Addresses are not names and pass.
    """

    def __init__(self, app: ASGIApp, *, token: Token | None, hosts: Iterable[str]) -> None:
        """Guard *app*; *token* gives the present one, None where none is needed."""
        self._app = app
        self._token = token
        self._hosts = _LOCAL | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or have the application answer it."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._refuse(scope) or self._app
        await answer(scope, receive, send_guarded)

    def _refuse(self, scope: Scope) -> Response | None:
        if refusal := _refuse_shape(scope):
            return refusal
        return None if scope["path"] in OPEN_PATHS else self._refuse_asker(Headers(scope=scope))

    def _refuse_asker(self, headers: Headers) -> Response | None:
        if not self._is_ours(headers.getlist("host")):
            return _refusal(400, "this name is not ours; add it to FIREWARDEN_ALLOWED_HOSTS")
        if self._token is None or _matches(headers.getlist("authorization"), self._token()):
            return None
        challenge = 'Basic realm="firewarden", charset="UTF-8"'
        return _refusal(
            401, "a token is needed, as bearer or as password", {"WWW-Authenticate": challenge}
        )

    def _is_ours(self, given: list[str]) -> bool:
        if len(given) != 1:
            return False
        host = _without_port(given[0])
        try:
            ip_address(host)
        except ValueError:
            return host in self._hosts
        return True


def _refuse_shape(scope: Scope) -> Response | None:
    """Refuse what nobody may send, whoever they are."""
    headers = Headers(scope=scope)
    head = len(scope["raw_path"]) + len(scope["query_string"])
    if head + sum(len(name) + len(value) for name, value in headers.raw) > LARGEST_HEAD:
        return _refusal(431, "the request is too long")
    if scope["method"] not in _METHODS:
        return _refusal(405, "only GET and HEAD", {"Allow": "GET, HEAD"})
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        return _refusal(413, "no body is read here")
    return None


def _without_port(host: str) -> str:
    """Give the name or address in a Host header, in small letters."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _matches(given: list[str], token: str) -> bool:
    """Compare in constant time; two headers are one too many."""
    scheme, _, credentials = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    match scheme.lower():
        case "bearer":
            offered = credentials.strip().encode("latin-1")
        case "basic":
            offered = _password(credentials.strip())
        case _:
            offered = b""
    return hmac.compare_digest(offered, token.encode()) and token != ""


def _password(credentials: str) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers=headers)
