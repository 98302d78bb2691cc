"""Looks at every request just before it leaves: reads of the control plane, or a permitted change.

It is an event hook of the one pool, not a transport wrapped around the real one: httpx makes
further transports where the environment names proxies, and gives them up where it is handed
one. The hook is asked before all of them, and again for whatever an auth flow or a redirect
would add; nothing that the pool sends goes past it.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

import httpx

from firewarden.errors import Forbidden
from firewarden.ports import Permit

MASKABLE: Final[Mapping[str, str]] = {
    "min_replica_count": "minReplicaCount",
    "max_replica_count": "maxReplicaCount",
    "autoscaling_policy": "autoscalingPolicy",
}
"""The fields that a PATCH may name in its mask, and what its body calls them."""

MOST_BYTES: Final = 64 * 1024
"""Of the body of a change."""

PLAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""An id that means in an address what it says; others are read, and never changed."""

_NEVER: Final = frozenset({"hard", "ignorechecks"})
_ONE: Final = rf"/v1/accounts/{PLAIN_ID.pattern}/deployments/{PLAIN_ID.pattern}"
_MASKED: Final = re.compile(rf"{_ONE}\?updateMask=([a-z_]+(?:,[a-z_]+)*)")
_SCALED: Final = re.compile(rf"{_ONE}:scale")
_DELETED: Final = re.compile(_ONE)
_UNDELETED: Final = re.compile(rf"{_ONE}:undelete")
_READABLE: Final = "/v1/accounts/"
_LEAVES: Final = "send_request_headers.started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that changes something, as it is to leave: to the byte.

    ``target`` is its path and query.
    """

    method: str
    target: str
    body: bytes = b""

    @property
    def path(self) -> str:
        """Where it goes, without its query."""
        return self.target.partition("?")[0]

    @property
    def where(self) -> str:
        """The request as it is named in messages."""
        return f"{self.method} {self.path}"


@dataclass(slots=True, kw_only=True)
class Passage:
    """A permit held open for one request; *left*: the request is on its way, or was."""

    permit: Permit
    spent: bool = False
    left: bool = False


class Guard:
    """Lets out reads of the control plane at *base_url*, and each open change once."""

    def __init__(self, base_url: str) -> None:
        self._base = httpx.URL(base_url)
        self._prefix = self._base.raw_path.decode("ascii").rstrip("/")
        self._open: dict[Change, Passage] = {}

    @contextmanager
    def opened(self, change: Change, *, permit: Permit) -> Iterator[Passage]:
        """Let *change* out once before the end of the block.

        Raises:
            Forbidden: the same change is on its way already.
        """
        if change in self._open:
            raise Forbidden("the same change is on its way already", where=change.where)
        passage = self._open[change] = Passage(permit=permit)
        try:
            yield passage
        finally:
            del self._open[change]

    async def look(self, request: httpx.Request) -> None:
        """Let *request* pass, or raise.

        Raises:
            Forbidden: nothing of ours may send this; nothing was sent.
            LeaseLost: the permit does not hold any more; nothing was sent.
        """
        change = Change(method=request.method, target=self._target(request), body=_body_of(request))
        name = forbidden_name(_content(change.body)) or _forbidden_parameter(change.target)
        if name:
            raise Forbidden(f"{name} is never sent", where=change.where)
        if request.method == "GET":
            _check_read(change)
            return
        passage = self._open.get(change)
        if passage is None or passage.spent or not _is_lawful(change):
            raise Forbidden("no permit is open for exactly this change", where=change.where)
        passage.spent = True
        passage.permit.still_held()
        passage.left = True
        request.extensions = {**request.extensions, "trace": _ask_again(passage)}

    def _target(self, request: httpx.Request) -> str:
        """Give the path and query below the control plane's own address."""
        url = request.url
        target = url.raw_path.decode("ascii")
        is_ours = (url.scheme, url.host, url.port, url.userinfo) == (
            self._base.scheme, self._base.host, self._base.port, b"",
        )  # fmt: skip
        if not is_ours or not target.startswith(f"{self._prefix}/"):
            raise Forbidden("a request to another address", where=request.method)
        if any("method-override" in name.lower() for name in request.headers):
            raise Forbidden("a request that asks to be taken for another", where=request.method)
        return target.removeprefix(self._prefix)


def forbidden_name(content: Any) -> str:
    """Find what is never sent among the names in decoded JSON, however deep; "" if nothing is."""
    left = [content]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if named := next(filter(_is_never, part), ""):
                return str(named)
            left += part.values()
        elif isinstance(part, list):
            left += part
    return ""


def _forbidden_parameter(target: str) -> str:
    parts = re.split("[&;]", target.partition("?")[2])
    names = (unquote_plus(part.partition("=")[0]) for part in parts)
    return next(filter(_is_never, names), "")


def _is_never(name: str) -> bool:
    return re.sub("[^a-z]", "", name.lower()) in _NEVER


def _check_read(change: Change) -> None:
    segments = [unquote(segment) for segment in change.path.split("/")[1:]]
    strange = any(segment in {"", ".", ".."} or "/" in segment for segment in segments)
    if change.body or strange or not f"{change.path}/".startswith(_READABLE):
        raise Forbidden("not a read of the control plane", where=change.where)


def _is_lawful(change: Change) -> bool:
    """Is it one of the four changes there are, with a body that says no more than it has to?"""
    content = _content(change.body)
    match change.method:
        case "PATCH" if found := _MASKED.fullmatch(change.target):
            return _is_masked(content, found[1].split(","))
        case "PATCH" if _SCALED.fullmatch(change.target):
            return content.keys() == {"replicaCount"} and _is_count(content["replicaCount"])
        case "DELETE":
            return bool(_DELETED.fullmatch(change.target)) and not change.body
        case "POST":
            return bool(_UNDELETED.fullmatch(change.target)) and change.body == b"{}"
        case _:
            return False


def _is_masked(content: Mapping[str, Any], mask: list[str]) -> bool:
    """Does the body hold the base model, what the mask names, and nothing else?"""
    named = {MASKABLE[name] for name in mask if name in MASKABLE}
    counts = (value for name, value in content.items() if name.endswith("ReplicaCount"))
    return (
        len(named) == len(mask)
        and content.keys() == {"baseModel", *named}
        and bool(content["baseModel"])
        and all(map(_is_count, counts))
        and isinstance(content.get("autoscalingPolicy", {}), dict)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _content(body: bytes) -> dict[str, Any]:
    """Decode a body; what is no JSON object has no members, and belongs to no change."""
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _body_of(request: httpx.Request) -> bytes:
    try:
        body = request.content
    except httpx.RequestNotRead:
        raise Forbidden("a body that cannot be looked at", where=request.method) from None
    if len(body) > MOST_BYTES:
        raise Forbidden(f"a body of {len(body)} bytes", where=request.method)
    return body


def _ask_again(passage: Passage) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """Ask the permit once more when a connection is there: making it can take seconds."""

    async def trace(event: str, _info: Mapping[str, Any]) -> None:
        if event.endswith(_LEAVES):
            passage.left = False
            passage.permit.still_held()
            passage.left = True

    return trace
