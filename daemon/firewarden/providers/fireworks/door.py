"""The way into Fireworks with a key, behind the `ProviderDoor` port."""

import logging
import random
import re
from collections.abc import Callable, Sequence

import httpx

from firewarden.errors import SettingsError, UnknownAccount
from firewarden.model.fleet import AccountFacts
from firewarden.model.ids import AccountId
from firewarden.ports import Clock
from firewarden.providers.fireworks import wire
from firewarden.providers.fireworks.account import FireworksAccount, account_facts
from firewarden.providers.fireworks.client import Client
from firewarden.providers.fireworks.connection import Bearer, open_http
from firewarden.providers.fireworks.controls import FireworksControls
from firewarden.providers.fireworks.guard import Guard
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.paging import page_reader, walk
from firewarden.providers.fireworks.sender import Sender, Way

_ACCOUNT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_QUIET_LOGGERS = ("httpx", "httpcore")


class FireworksDoor:
    """Everything a key opens, over one pool of connections.

    Args:
        base_url: where the control plane is, ``https://api.fireworks.ai``.
        api_key: gives the key; asked at each request, so a key in a file may be exchanged.
        clock, rng: for pauses between tries, and their spread.
        transport: None for the network; a test or the simulator gives its own.
        limits: how much is read and how long is waited.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Callable[[], str],
        clock: Clock,
        rng: random.Random,
        transport: httpx.AsyncBaseTransport | None = None,
        limits: Limits | None = None,
    ) -> None:
        for name in _QUIET_LOGGERS:  # each request would be a line at INFO
            logging.getLogger(name).setLevel(logging.WARNING)
        self._limits = limits or Limits()
        self._auth = Bearer(api_key)
        self._clock = clock
        self._rng = rng
        self._guard = Guard(_checked(base_url))
        self._http = open_http(
            base_url=base_url,
            auth=self._auth,
            guard=self._guard,
            transport=transport,
            limits=self._limits,
        )
        self._client = self._new_client()
        self._clients: dict[AccountId, Client] = {}
        self._accounts: dict[AccountId, FireworksAccount] = {}

    async def accounts(self) -> Sequence[AccountFacts]:
        """List the accounts that the key sees, by name."""
        reader = page_reader("accounts", wire.Account)
        listing = await walk(self._client, "/v1/accounts", reader, limits=self._limits)
        found = [account_facts(one) for one in listing.whole("GET /v1/accounts")]
        return sorted(found, key=lambda facts: facts.account)

    def account(self, account: AccountId) -> FireworksAccount:
        """Give the provider for one of them, always the same one; asks nothing.

        Raises:
            UnknownAccount: no account can be called that.
        """
        if account not in self._accounts:
            self._accounts[account] = FireworksAccount(
                self._client_of(account), account=account, clock=self._clock, limits=self._limits
            )
        return self._accounts[account]

    def controls(
        self, account: AccountId, *, api_key: Callable[[], str] | None = None
    ) -> FireworksControls:
        """Give what changes one of them, and keeps to the deadlines its reader knows of.

        *api_key*: the only key that a change is sent with; None for the one that reads.

        Raises:
            UnknownAccount: no account can be called that.
        """
        client = self._client_of(account)
        auth = Bearer(api_key, setting="FIREWORKS_WRITE_API_KEY") if api_key else self._auth
        way = Way(http=self._http, guard=self._guard, auth=auth)
        sender = Sender(way, client=client, clock=self._clock, limits=self._limits)
        return FireworksControls(sender, client=client, account=account, limits=self._limits)

    async def aclose(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    def _client_of(self, account: AccountId) -> Client:
        if not _ACCOUNT_ID.fullmatch(account):
            raise UnknownAccount(
                f"{account!r} is no account id",
                mend="FIREWORKS_ACCOUNT_ID is the last part of accounts/NAME",
            )
        if account not in self._clients:
            self._clients[account] = self._new_client()
        return self._clients[account]

    def _new_client(self) -> Client:
        return Client(self._http, auth=self._auth, clock=self._clock, rng=self._rng)


def _checked(base_url: str) -> str:
    """Give *base_url* if requests can be sent there.

    Raises:
        SettingsError: it is no http(s) URL, or has more in it than a host and a path.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise _not_a_base() from error
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
        raise _not_a_base()
    return base_url


def _not_a_base() -> SettingsError:
    return SettingsError(
        "not the URL of a control plane",
        where="FIREWORKS_BASE_URL",
        mend="write https://HOST, without user, password or query",
    )
