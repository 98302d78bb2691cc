"""Lists by pages: followed to their end, or to the point where they stop making sense."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from firewarden.errors import ProviderError, ProviderRejected
from firewarden.providers.fireworks.answers import not_json
from firewarden.providers.fireworks.client import Ask, Client
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.wire import Unreadable, decode, decoder_of

T = TypeVar("T")

PAGE_SIZE = 200
LONGEST_TOKEN = 8_192

_MEMBERS = decoder_of(dict[str, msgspec.Raw])
_ITEMS = decoder_of(list[msgspec.Raw])
_TOKEN = decoder_of(str)
_TOTAL = decoder_of(int)
_PAGING = frozenset({"nextPageToken", "totalSize"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page(Generic[T]):
    """One page, translated; *problems* are of the items that could not be read."""

    items: tuple[T, ...]
    count: int
    next_token: str
    total: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[T]):
    """The pages of a list; *problem* says why it is not the whole of it, "" where it is."""

    pages: list[Page[T]] = field(default_factory=list)
    problem: str = ""
    error: ProviderError | None = None

    def whole(self, where: str) -> list[T]:
        """Give all items, for lists that are of no use in part.

        Raises:
            ProviderError: the one that ended it, or a `ProviderRejected` that says the problem.
        """
        if self.error is not None:
            raise self.error
        if self.problem:
            raise ProviderRejected(self.problem, where=where)
        return [item for page in self.pages for item in page.items]


def split_page(body: bytes, collection: str) -> tuple[list[msgspec.Raw], str, int]:
    """Split a page into its items, still encoded, its next token and the announced total.

    Raises:
        Unreadable: it is no page of *collection*. An empty page may lack the collection, but
            then it has nothing else either: a refusal, or a list of something else, sent with
            status 200 must not pass for an account without deployments.
    """
    members = decode(_MEMBERS, body)
    if collection not in members and (strange := members.keys() - _PAGING):
        names = ", ".join(sorted(strange)[:3])
        raise Unreadable(f"no {collection} in it, but {names}")
    items = _member(_ITEMS, members, collection, [])
    token = _member(_TOKEN, members, "nextPageToken", "")
    total = _member(_TOTAL, members, "totalSize", 0)
    if len(token) > LONGEST_TOKEN:
        raise Unreadable(f"a page token of {len(token)} characters")
    return items, token, total


def _member(
    decoder: "msgspec.json.Decoder[T]",
    members: Mapping[str, msgspec.Raw],
    name: str,
    default: T,
) -> T:
    raw = members.get(name)
    return default if raw is None or bytes(raw) == b"null" else decode(decoder, raw)


def page_reader(collection: str, kind: type[T]) -> Callable[[bytes], Page[T]]:
    """Make a reader of pages whose every item has to be a *kind*."""
    item_decoder = decoder_of(kind)

    def read(body: bytes) -> Page[T]:
        raw, token, total = split_page(body, collection)
        items = tuple(decode(item_decoder, item) for item in raw)
        return Page(items=items, count=len(items), next_token=token, total=total)

    return read


async def walk(
    client: Client,
    path: str,
    read: Callable[[bytes], Page[T]],
    *,
    limits: Limits,
    params: dict[str, str] | None = None,
) -> Listing[T]:
    """Follow the list at *path* from page to page.

    Raises:
        ProviderError: the first page could not be had or read. What befalls a later one is
            told in the listing.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + limits.walk_s
    asked = {"pageSize": str(PAGE_SIZE), **(params or {})}

    async def fetch(token: str) -> Page[T]:
        ask = Ask(
            path=path,
            params={**asked, "pageToken": token} if token else asked,
            most_bytes=limits.page_bytes,
            within_s=max(0.001, min(limits.call_s, ends_at - loop.time())),
        )
        return await read_body(client, ask, read)

    pages = [await fetch("")]
    error: ProviderError | None = None
    problem = ""
    seen = {""}
    while not problem and (token := pages[-1].next_token):
        problem = _obstacle(pages, limits, is_repeated=token in seen)
        if not problem and loop.time() >= ends_at:
            problem = f"not read to its end within {limits.walk_s:.0f} s"
        if problem:
            break
        seen.add(token)
        try:
            pages.append(await fetch(token))
        except ProviderError as failed:
            error, problem = failed, f"page {len(pages) + 1} could not be had: {failed}"
    return Listing(pages=pages, problem=problem or _doubts(pages), error=error)


async def read_body(client: Client, ask: Ask, read: Callable[[bytes], T]) -> T:
    """Ask, and read the answer.

    Raises:
        ProviderError: as `Client.get`; `ProviderRejected` where *read* cannot read it.
    """
    body = await client.get(ask)
    try:
        return read(body)
    except Unreadable as error:
        raise not_json(body, str(error), where=ask.where) from error


def _obstacle(pages: list[Page[T]], limits: Limits, *, is_repeated: bool) -> str:
    """Say what forbids to ask for a next page; "" where nothing does."""
    count = sum(page.count for page in pages)
    if is_repeated:
        return "a page token came a second time: the pages go round in a circle"
    if len(pages) >= limits.pages:
        return f"more than {limits.pages} pages"
    if count > limits.items:
        return f"more than {limits.items} items"
    return ""


def _doubts(pages: list[Page[T]]) -> str:
    """Say what makes a list doubtful that was read to its end; "" where nothing does."""
    for page in pages:
        if page.problems:
            return page.problems[0]
    count = sum(page.count for page in pages)
    announced = {page.total for page in pages if page.total}
    if announced - {count}:
        totals = ", ".join(map(str, sorted(announced)))
        return f"{count} items came, {totals} were announced"
    return ""
