"""Addresses a webhook may have: https, and nowhere inside the network that this process sees."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from firewarden.errors import NotDelivered, SettingsError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From the name of a host and a port to its addresses, as text."""

_PORTS: Final = {"https": 443, "http": 80}
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A webhook's address, taken apart; *loopback*: it says itself that it is this machine."""

    parts: SplitResult
    host: str
    port: int
    loopback: bool

    def at(self, address: Address) -> str:
        """Write the URL with *address* in place of the name that was resolved to it."""
        written = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
        return self.parts._replace(netloc=f"{written}:{self.port}", fragment="").geturl()


def parse_target(url: str, *, where: str) -> Target:
    """Take *url* apart.

    Raises:
        SettingsError: nothing may be sent there; it is a secret, and not repeated.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise _unusable(where, "is no address") from error
    if parts.scheme not in _PORTS or not host:
        raise _unusable(where, "is no address")
    if parts.username is not None:
        raise _unusable(where, "holds a user")
    loopback = _says_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise _unusable(where, "is not https")
    return Target(parts=parts, host=host, port=port, loopback=loopback)


async def find_addresses(target: Target, resolve: Resolve, *, where: str) -> list[Address]:
    """Resolve *target*, once: what is connected to has to be what was checked.

    Raises:
        NotDelivered: it cannot be resolved, or leads to where nothing may be sent.
    """
    try:
        resolved = await resolve(target.host, target.port)
        found = [ip_address(text.partition("%")[0]) for text in resolved]
    except (OSError, ValueError) as error:
        raise NotDelivered("its name cannot be resolved", where=where) from error
    if not found or not all(_may_be_sent_to(_meant(each), target) for each in found):
        raise NotDelivered(
            "it leads into a private network",
            where=where,
            mend="name a host that everybody can reach",
            for_good=True,
        )
    return found


async def ask_system(host: str, port: int) -> Sequence[str]:
    """Resolve *host* as the system does; what is an address already is given back."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _may_be_sent_to(address: Address, target: Target) -> bool:
    if target.loopback:
        return address.is_loopback
    return address.is_global and not address.is_multicast


def _meant(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 one may stand for."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _says_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _unusable(where: str, problem: str) -> SettingsError:
    return SettingsError(
        f"the address of the webhook {problem}",
        where=where,
        mend="give one like https://example.com/hook",
    )
