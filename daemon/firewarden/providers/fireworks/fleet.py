"""The listing of deployments, kept from poll to poll so that what did not change costs nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import msgspec

from firewarden.model.deployment import Deployment
from firewarden.model.fleet import Fleet
from firewarden.model.ids import AccountId, Uid
from firewarden.ports import Clock
from firewarden.providers.fireworks.answers import clean
from firewarden.providers.fireworks.client import Client
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.paging import Page, split_page, walk
from firewarden.providers.fireworks.translate import deployment
from firewarden.providers.fireworks.wire import DeploymentWire, Unreadable, decode, decoder_of

_DEPLOYMENT = decoder_of(DeploymentWire)
_DIGEST_BYTES = 16


def read_deployment(data: bytes | msgspec.Raw, account: AccountId) -> Deployment:
    """Decode and translate one deployment.

    Raises:
        Unreadable: see `translate.deployment`.
    """
    return deployment(decode(_DEPLOYMENT, data), account)


class FleetReader:
    """Lists the deployments of one account, again and again.

    A page whose bytes are those of the last poll is not decoded, nor is an item: their
    deployments are the same objects. An item whose bytes differ, but in nothing that we
    read, is the same object too. A poll that found every page as it was gives the same
    mapping.
    """

    def __init__(self, client: Client, *, account: AccountId, clock: Clock, limits: Limits) -> None:
        self._client = client
        self._account = account
        self._clock = clock
        self._limits = limits
        self._whole = _Memory()
        self._memory = _Memory()
        self._pages: Sequence[Page[Deployment]] = ()
        self._deployments: Mapping[Uid, Deployment] = {}
        self._repeated = ""

    @property
    def deployments(self) -> Mapping[Uid, Deployment]:
        """What the last listing brought, complete or not."""
        return self._deployments

    async def fetch(self) -> Fleet:
        """Read every page; raises only when the first one cannot be had."""
        asked_at = self._clock.now()
        reader = _PageReader(self._account, self._memory)
        path = f"/v1/accounts/{self._account}/deployments"
        listing = await walk(self._client, path, reader.read, limits=self._limits)
        self._combine(listing.pages)
        problem = listing.problem or self._repeated
        self._remember(reader.kept, is_whole=not problem)
        return Fleet(
            account=self._account,
            asked_at=asked_at,
            answered_at=self._clock.now(),
            complete=not problem,
            deployments=self._deployments,
            problem=problem,
        )

    def same(self, found: Deployment) -> Deployment:
        """Give the object of earlier listings that equals *found*, else *found* itself."""
        return self._memory.same(found)

    def _combine(self, pages: Sequence[Page[Deployment]]) -> None:
        if self._pages == pages:  # pages compare by identity
            return
        items = [item for page in pages for item in page.items]
        self._pages = pages
        self._deployments = {item.uid: item for item in items}
        self._repeated = _repeated(items)

    def _remember(self, kept: dict[bytes, "_Kept"], *, is_whole: bool) -> None:
        """Know this listing next time, and the last whole one beside it where it is not whole."""
        if is_whole:
            self._memory = self._whole = _Memory(kept, self._deployments)
        else:
            self._memory = _Memory(
                {**self._whole.kept, **kept}, {**self._whole.by_uid, **self._deployments}
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A page that was read, and the digests of its items in their order."""

    page: Page[Deployment]
    digests: tuple[bytes, ...]


class _Memory:
    """Pages by the digest of their bytes, and the deployments in them."""

    def __init__(
        self,
        kept: Mapping[bytes, _Kept] | None = None,
        by_uid: Mapping[Uid, Deployment] | None = None,
    ) -> None:
        self.kept = kept or {}
        self.by_uid = by_uid or {}

    @cached_property
    def by_digest(self) -> dict[bytes, Deployment]:
        """Items by the digest of their bytes; made only when a page did change."""
        return {
            digest: item
            for kept in self.kept.values()
            for digest, item in zip(kept.digests, kept.page.items, strict=True)
        }

    def same(self, found: Deployment) -> Deployment:
        known = self.by_uid.get(found.uid)
        return known if known is not None and known == found else found


class _PageReader:
    """Reads the pages of one listing with the help of earlier ones."""

    def __init__(self, account: AccountId, memory: _Memory) -> None:
        self._account = account
        self._memory = memory
        self.kept: dict[bytes, _Kept] = {}

    def read(self, body: bytes) -> Page[Deployment]:
        digest = _digest(body)
        kept = self._memory.kept.get(digest) or self._decode(body)
        self.kept[digest] = kept
        return kept.page

    def _decode(self, body: bytes) -> _Kept:
        raw_items, token, total = split_page(body, "deployments")
        items: list[Deployment] = []
        digests: list[bytes] = []
        problems: list[str] = []
        for number, raw in enumerate(raw_items):
            digest = _digest(raw)
            try:
                items.append(self._item(digest, raw))
            except Unreadable as error:
                problems.append(f"item {number + 1} of a page cannot be read: {clean(str(error))}")
            else:
                digests.append(digest)
        page = Page(
            items=tuple(items),
            count=len(raw_items),
            next_token=token,
            total=total,
            problems=tuple(problems),
        )
        return _Kept(page=page, digests=tuple(digests))

    def _item(self, digest: bytes, raw: msgspec.Raw) -> Deployment:
        known = self._memory.by_digest.get(digest)
        return known or self._memory.same(read_deployment(raw, self._account))


def _digest(data: bytes | msgspec.Raw) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()


def _repeated(items: Sequence[Deployment]) -> str:
    names: set[str] = set()
    for item in items:
        if item.name in names:
            return f"{item.name} came more than once"
        names.add(item.name)
    return ""
