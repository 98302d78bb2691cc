"""The types of single settings: each reads what people write and refuses the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, InstanceOf

from firewarden.app.secrets import Secret
from firewarden.app.sources import suggest
from firewarden.model.price import MICRO, Price, PriceSource
from firewarden.model.vocabulary import Mode
from firewarden.policy.durations import Duration, format_duration

_DATABASES = ("sqlite", "postgresql", "postgresql+psycopg")
_FASTEST = 100_000
_DEAREST = 10_000
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_HIGHEST_PORT = 65_535
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_PRICE_KEYS = ("usd_per_gpu_hour", "valid_from", "valid_to", "plan", "placement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen: a host (an address or a name) and a port; port 0 lets the system pick."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine and nothing else; any name but localhost is not."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _read_address(text: object) -> Address:
    if isinstance(text, Address):
        return text
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    bare = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not _HOST.fullmatch(host) or not _PORT.fullmatch(port):
        raise ValueError("want an address and a port, like 127.0.0.1:8642 or [::1]:8642")
    if int(port) > _HIGHEST_PORT:
        raise ValueError("want a port of at most 65535")
    return Address(host=bare, port=int(port))


def _read_base_url(text: str) -> str:
    return _read_url(text, like="https://api.fireworks.ai", kept="the key")


def _read_slack_url(text: str) -> str:
    return _read_url(text, like="https://slack.com/api", kept="the token")


def _read_url(text: str, *, like: str, kept: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"want an address like {like}") from error
    if not host or parts.scheme not in {"http", "https"} or not text.isprintable():
        raise ValueError(f"want an address like {like}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("want an address without a user, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"want https: over http {kept} could be read on its way")
    return text.rstrip("/")


def _read_database_url(secret: Secret) -> Secret:
    scheme, found, rest = secret.reveal().partition("://")
    if not found or scheme not in _DATABASES:
        raise ValueError("want sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE")
    if scheme == "sqlite" and rest.partition("?")[0].removeprefix("/") in {"", ":memory:"}:
        raise ValueError(
            "want sqlite:///FILE: in memory it ends with each command, and all is lost"
        )
    return secret


def _read_mode(text: object) -> object:
    if isinstance(text, str) and text in (labels := {mode.label: mode for mode in Mode}):
        return labels[text]
    if isinstance(text, Mode):
        return text
    raise ValueError("want disabled, observe, warn, approve or enforce")


def _read_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("want the account's id alone, without accounts/ before it")
    return text


def _read_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        hint = suggest(text, tuple(sorted(available_timezones())))
        raise ValueError(f"no such time zone, {hint or 'want one like Europe/Berlin'}") from error
    return text


def _read_hosts(given: object) -> object:
    if isinstance(given, str):
        given = [part for part in re.split(r"[,\s]+", given) if part]
    if isinstance(given, list | tuple):
        for host in given:
            if not isinstance(host, str) or not _HOST.fullmatch(host):
                raise ValueError("want names of hosts without ports, like warden.example.com")
        return tuple(str(host).lower() for host in given)
    return given


def _read_speed(speed: float) -> float:
    if not 0 < speed <= _FASTEST:
        raise ValueError("want a number above 0 and at most 100000")
    return speed


def _read_instant(text: object) -> object:
    if isinstance(text, str):
        try:
            text = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError("want an instant like 2026-11-22T09:00:00Z") from error
    if isinstance(text, datetime):
        if text.tzinfo is None:
            raise ValueError("want an instant with its zone, like 2026-11-22T09:00:00Z")
        return text.astimezone(UTC)
    return text


def _at_least(shortest: timedelta) -> AfterValidator:
    def check(duration: timedelta) -> timedelta:
        if duration < shortest:
            raise ValueError(f"want {format_duration(shortest)} or longer")
        return duration

    return AfterValidator(check)


def _read_prices(table: object) -> object:
    """Read ``[prices]``: accelerator type → USD per GPU-hour, or dated tables of them."""
    if isinstance(table, tuple):
        return table
    if not isinstance(table, Mapping):
        raise ValueError("want a table, like NVIDIA_H100_80GB = 7.25")  # noqa: TRY004 - pydantic reports ValueError only
    prices: list[Price] = []
    for accelerator, given in table.items():
        entries = given if isinstance(given, list) else [given]
        prices += (_read_price(str(accelerator), entry) for entry in entries)
    return tuple(prices)


def _read_price(accelerator: str, entry: object) -> Price:
    row = dict(entry) if isinstance(entry, Mapping) else {"usd_per_gpu_hour": entry}
    if unknown := [key for key in row if key not in _PRICE_KEYS]:
        hint = suggest(unknown[0], _PRICE_KEYS) or f"want {', '.join(_PRICE_KEYS)}"
        raise ValueError(f"{accelerator}: unknown key {unknown[0]}, {hint}")
    return Price(
        accelerator_type=accelerator,
        micro_usd_per_gpu_hour=_read_usd(accelerator, row.get("usd_per_gpu_hour")),
        source=PriceSource.CONFIGURED,
        valid_from=_read_start(accelerator, row.get("valid_from")),
        valid_to=_read_start(accelerator, row.get("valid_to")),
        plan=_read_text(accelerator, row.get("plan", "")),
        placement=_read_text(accelerator, row.get("placement", "")),
    )


def _read_usd(accelerator: str, given: Any) -> int:
    mend = 'want US dollars per GPU-hour above 0 with at most six decimals, like "7.25"'
    try:
        micro = Decimal(str(given)) * MICRO
    except InvalidOperation as error:
        raise ValueError(f"{accelerator}: {mend}") from error
    if not micro.is_finite() or not 0 < micro <= _DEAREST * MICRO or micro != int(micro):
        raise ValueError(f"{accelerator}: {mend}")
    return int(micro)


def _read_start(accelerator: str, given: object) -> datetime | None:
    """Read a date (its first instant, UTC) or an instant; None where nothing is given."""
    if isinstance(given, date) and not isinstance(given, datetime):
        return datetime.combine(given, time(), UTC)
    if given is None or (isinstance(given, datetime) and given.tzinfo is not None):
        return given
    raise ValueError(f"{accelerator}: want a date like 2026-09-01, or an instant with its zone")


def _read_text(accelerator: str, given: object) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{accelerator}: want plan and placement as text")  # noqa: TRY004 - pydantic reports ValueError only
    return given


AccountName = Annotated[str, AfterValidator(_read_account)]
BaseUrl = Annotated[str, AfterValidator(_read_base_url)]
Ceiling = Annotated[Mode, BeforeValidator(_read_mode)]
DatabaseUrl = Annotated[InstanceOf[Secret], AfterValidator(_read_database_url)]
GivenSecret = InstanceOf[Secret]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_read_hosts)]
Instant = Annotated[datetime, BeforeValidator(_read_instant)]
KeptFor = Annotated[Duration, _at_least(timedelta(days=40))]
Listen = Annotated[InstanceOf[Address], BeforeValidator(_read_address)]
MetricsEvery = Annotated[Duration, _at_least(timedelta(seconds=30))]
PollEvery = Annotated[Duration, _at_least(timedelta(seconds=1))]
Prices = Annotated[tuple[InstanceOf[Price], ...], BeforeValidator(_read_prices)]
SlackUrl = Annotated[str, AfterValidator(_read_slack_url)]
Speed = Annotated[float, AfterValidator(_read_speed)]
Zone = Annotated[str, AfterValidator(_read_zone)]
