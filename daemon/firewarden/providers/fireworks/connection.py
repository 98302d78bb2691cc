"""The one pool of connections behind a key, and the header that the key goes into."""

from collections.abc import Callable, Generator
from typing import Final

import httpx

from firewarden import __version__
from firewarden.errors import KeyRefused
from firewarden.providers.fireworks.guard import Guard
from firewarden.providers.fireworks.limits import Limits

_CONNECTIONS: Final = 8
_KEEP_OPEN_S: Final = 45.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Bearer(httpx.Auth):
    """Puts the key into each request, read anew because the file it is in may change."""

    def __init__(self, api_key: Callable[[], str], *, setting: str = "FIREWORKS_API_KEY") -> None:
        self._api_key = api_key
        self._setting = setting

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; redirects are not followed, so it goes nowhere else."""
        request.headers["Authorization"] = f"Bearer {self.key()}"
        yield request

    def key(self) -> str:
        """Give the key as it is now.

        Raises:
            KeyRefused: it is empty, or could not stand in a header.
        """
        key = self._api_key().strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise KeyRefused(
                "the API key is empty, or holds a space or another character that no key has",
                mend=f"check {self._setting}, or the file it is read from",
            )
        return key


def open_http(
    *,
    base_url: str,
    auth: Bearer,
    guard: Guard,
    transport: httpx.AsyncBaseTransport | None,
    limits: Limits,
) -> httpx.AsyncClient:
    """Make the one pool of connections of a key; *transport* None means the real network.

    Nothing leaves it that *guard* does not let out. Loopback is never asked for through a
    proxy of the environment.
    """
    url = httpx.URL(base_url)
    return httpx.AsyncClient(
        base_url=url,
        auth=auth,
        transport=transport,
        timeout=httpx.Timeout(max(limits.call_s, limits.scrape_s), connect=limits.connect_s),
        limits=httpx.Limits(
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_KEEP_OPEN_S,
        ),
        headers={
            "Accept": "application/json, text/plain;q=0.9",
            "Accept-Encoding": "gzip",
            "User-Agent": f"firewarden/{__version__}",
        },
        event_hooks={"request": [guard.look]},
        trust_env=url.host not in _LOOPBACK,
    )
