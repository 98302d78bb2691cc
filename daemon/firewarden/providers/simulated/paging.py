"""Lists by pages: order, filter, tokens that are bound to everything else that was asked."""

import base64
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from firewarden.providers.simulated.gateway import Call, Reply, invalid
from firewarden.providers.simulated.plan import Json

T = TypeVar("T")
Place = tuple[int | str, ...]

DEFAULT_SIZE = 50
LARGEST_SIZE = 200

_TERM = re.compile(r'\s*([A-Za-z][\w.]*)\s*(!=|=)\s*(?:"([^"]*)"|([^\s"]+))\s*')


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """What a list is made of: *items* in rising order of their *places*, no two alike."""

    collection: str
    items: Sequence[T]
    places: Sequence[Place]
    render: Callable[[T], bytes]
    default_size: int = DEFAULT_SIZE


def listing(
    collection: str,
    items: Iterable[T],
    *,
    place: Callable[[T], Place],
    render: Callable[[T], bytes],
    default_size: int = DEFAULT_SIZE,
) -> Listing[T]:
    """Sort *items* by *place*."""
    ordered = sorted(items, key=place)
    return Listing(
        collection=collection,
        items=ordered,
        places=[place(item) for item in ordered],
        render=render,
        default_size=default_size,
    )


def answer(call: Call, source: Listing[T], *, orders: Sequence[str]) -> Reply:
    """Give the page that *call* asks for; *orders* are the fields it may be ordered by."""
    size = call.integer("pageSize", 0)
    if size < 0:
        raise invalid("page_size must not be negative")
    size = min(size or source.default_size, LARGEST_SIZE)
    is_falling = _is_falling(call.text("orderBy"), orders)
    source = _matching(source, call.text("filter"))
    start = _start(call, source, is_falling=is_falling)
    chosen = range(len(source.items))[:: -1 if is_falling else 1][start : start + size]
    rendered = [source.render(source.items[index]) for index in chosen]
    mask = call.text("readMask", "*")
    if mask not in {"", "*"}:
        rendered = [mask_item(item, mask) for item in rendered]
    is_last = start + size >= len(source.items)
    token = "" if is_last or not chosen else _token(call, source.places[chosen[-1]])
    return Reply(body=_body(source, rendered, token))


def mask_item(item: bytes, mask: str) -> bytes:
    """Keep the fields that *mask* names, in snake or camel case; at least one must be there."""
    names = {camel(name.strip()).split(".")[0] for name in mask.split(",")}
    if names == {"*"}:
        return item
    content: Json = json.loads(item)
    kept = {key: value for key, value in content.items() if key in names}
    if not kept:
        raise invalid(f"read_mask: no field of {mask!r} is known")
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()


def camel(name: str) -> str:
    """Write a snake_case path in the names of JSON; camelCase stays as it is."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _body(source: Listing[T], rendered: list[bytes], token: str) -> bytes:
    parts = []
    if rendered:
        parts.append(b'"%s":[%s]' % (source.collection.encode(), b",".join(rendered)))
    if token:
        parts.append(b'"nextPageToken":"%s"' % token.encode())
    if source.items:
        parts.append(b'"totalSize":%d' % len(source.items))
    return b"{%s}" % b",".join(parts)


def _is_falling(order: str, orders: Sequence[str]) -> bool:
    if not order.strip():
        return False
    name, *direction = order.split()
    if name not in orders or direction not in ([], ["asc"], ["desc"]):
        raise invalid(f"order_by: cannot order by {order!r}; one of: {', '.join(orders)}")
    return direction == ["desc"]


def _matching(source: Listing[T], text: str) -> Listing[T]:
    if not text.strip():
        return source
    terms = [_TERM.fullmatch(term) for term in re.split(r"\sAND\s", text)]
    if None in terms or "annotations" in text:
        raise invalid(f"filter: cannot be applied: {text!r}")
    kept = [
        (item, place)
        for item, place in zip(source.items, source.places, strict=True)
        if _matches(json.loads(source.render(item)), [term for term in terms if term])
    ]
    return replace(
        source,
        items=[item for item, _ in kept],
        places=[place for _, place in kept],
    )


def _matches(item: Json, terms: Iterable[re.Match[str]]) -> bool:
    for term in terms:
        path, operator, quoted, bare = term.groups()
        value: Any = item
        for name in path.split("."):
            value = value.get(camel(name)) if isinstance(value, dict) else None
        wanted = quoted if quoted is not None else bare
        text = str(value).lower() if isinstance(value, bool) else str(value or "")
        if (text == wanted) is not (operator == "="):
            return False
    return True


def _start(call: Call, source: Listing[T], *, is_falling: bool) -> int:
    token = call.text("pageToken")
    if not token:
        return 0
    try:
        digest, *place = json.loads(base64.urlsafe_b64decode(token))
        places = source.places
        if is_falling:
            after = len(places) - bisect_left(places, tuple(place))
        else:
            after = bisect_right(places, tuple(place))
    except (ValueError, TypeError):
        raise invalid("page_token: invalid") from None
    if digest != _digest(call):
        raise invalid("page_token: the other parameters must be those of the first page")
    return after


def _token(call: Call, place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps([_digest(call), *place]).encode()).decode()


def _digest(call: Call) -> str:
    asked = sorted((key, value) for key, value in call.query.items() if key != "pageToken")
    text = json.dumps([sorted(call.params.items()), asked])
    return blake2b(text.encode(), digest_size=6).hexdigest()
