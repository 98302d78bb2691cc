"""Settings: from the environment, then ``.env``, then ``firewarden.toml``; each with its source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from firewarden.app.explain import explain, show
from firewarden.app.fields import (
    AccountName,
    Address,
    BaseUrl,
    Ceiling,
    DatabaseUrl,
    GivenSecret,
    Hosts,
    Instant,
    KeptFor,
    Listen,
    MetricsEvery,
    PollEvery,
    Prices,
    SlackUrl,
    Speed,
    Zone,
    is_loopback,
)
from firewarden.app.gather import (
    FILE_SUFFIX,
    SECRET_FIELDS,
    Given,
    from_file,
    from_variables,
    unknown_variables,
)
from firewarden.app.secrets import Secret
from firewarden.app.sources import TomlFile, read_dotenv
from firewarden.clock.real import CompressedClock
from firewarden.errors import SettingsError
from firewarden.model.vocabulary import Mode

DEFAULT_FILE = Path("firewarden.toml")


class MetricsSettings(BaseModel):
    """How to read the account's metrics: what a series that is absent means."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    absent_series: Literal["unknown", "quiet"] = "unknown"


class RetentionSettings(BaseModel):
    """How long polls, scrapes and runs of use are kept, and messages that are settled.

    A bill is read again for 35 days, and an hour may have to be measured again as long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    evidence: KeptFor = timedelta(days=100)
    messages: KeptFor = timedelta(days=100)


class AccountSettings(BaseModel):
    """One watched account; what it does not say is taken from the settings around it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: AccountName
    api_key: GivenSecret | None = None
    write_api_key: GivenSecret | None = None
    policies: Path | None = None
    timezone: Zone | None = None


class Settings(BaseSettings):
    """Everything an operator can set, checked. Made by `load_settings` only."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_key: GivenSecret | None = None
    write_api_key: GivenSecret | None = None
    account_id: AccountName | None = None
    base_url: BaseUrl = "https://api.fireworks.ai"
    mode: Ceiling = Mode.OBSERVE
    database_url: DatabaseUrl = Secret("sqlite:///firewarden.db")
    policies: Path = Path("policies")
    poll_every: PollEvery = timedelta(seconds=30)
    metrics_every: MetricsEvery = timedelta(seconds=30)
    listen: Listen = Address(host="127.0.0.1", port=8642)
    http_token: GivenSecret | None = None
    allowed_hosts: Hosts = ()
    slack_bot_token: GivenSecret | None = None
    slack_base_url: SlackUrl = "https://slack.com/api"
    log_format: Literal["console", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    time_speed: Speed = 1.0
    time_origin: Instant | None = None
    timezone: Zone = "UTC"
    prices: Prices = ()
    metrics: MetricsSettings = MetricsSettings()
    retention: RetentionSettings = RetentionSettings()
    accounts: tuple[AccountSettings, ...] = ()

    @property
    def watched(self) -> tuple["Watched", ...]:
        """The accounts to watch; one without an id where the key itself has to tell.

        Raises:
            SettingsError: there is no key for one of them.
        """
        if not self.accounts:
            return (self._watched(AccountSettings.model_construct(id=self.account_id or "")),)
        return tuple(self._watched(account) for account in self.accounts)

    def _watched(self, account: AccountSettings) -> "Watched":
        key = account.api_key or self.api_key
        if key is None:
            raise SettingsError(
                "there is no key" + (f" for account {account.id}" if account.id else ""),
                where="FIREWORKS_API_KEY",
                mend="set it, or FIREWORKS_API_KEY_FILE to a file that holds it",
            )
        return Watched(
            account_id=account.id or None,
            api_key=key,
            write_api_key=account.write_api_key or self.write_api_key or key,
            policies=account.policies or self.policies,
            timezone=account.timezone or self.timezone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One account to watch, by its id or the key's own; only ``write_api_key`` changes anything."""

    account_id: str | None
    api_key: Secret
    write_api_key: Secret
    policies: Path
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Settings with where they came from.

    Attributes:
        sources: of each setting, by its name in the file: ``default``, a variable, a line.
        warnings: one line each, for people.
        secrets: all that were given, to be registered for redaction.
    """

    settings: Settings
    sources: Mapping[str, str]
    warnings: tuple[str, ...]
    secrets: tuple[Secret, ...]

    def shown(self) -> dict[str, str]:
        """Write every effective setting as text, secrets masked, by its name in the file."""
        return {name: show(getattr(self.settings, name)) for name in Settings.model_fields}


_PREFIXES = {
    **dict.fromkeys(("api_key", "write_api_key", "account_id", "base_url"), "FIREWORKS_"),
    "slack_bot_token": "",
}
_FILE_ONLY = ("timezone", "prices", "metrics", "retention", "accounts")

FIELDS: Mapping[str, str] = {
    f"{_PREFIXES.get(name, 'FIREWARDEN_')}{name.upper()}": name
    for name in Settings.model_fields
    if name not in _FILE_ONLY
}
"""Every variable that gives a setting its value, and the setting's name in the file."""

_KNOWN: Mapping[str, tuple[str, ...]] = {
    "": tuple(Settings.model_fields),
    "metrics": tuple(MetricsSettings.model_fields),
    "retention": tuple(RetentionSettings.model_fields),
    "accounts": tuple(AccountSettings.model_fields),
}

VARIABLES: tuple[str, ...] = (
    *FIELDS,
    *(f"{variable}{FILE_SUFFIX}" for variable, name in FIELDS.items() if name in SECRET_FIELDS),
)
"""Every environment variable that is read; ``…_FILE`` names a file that holds the secret."""


def load_settings(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    dotenv: Path | None = Path(".env"),
) -> Loaded:
    """Read the settings: *environ* wins over *dotenv*, and that over the file *config*.

    Without *config*, ``firewarden.toml`` is read where it exists.

    Raises:
        SettingsError: something in them cannot be used; says where and the mend.
    """
    variables = environ or {}
    hidden = read_dotenv(dotenv) if dotenv else {}
    file = TomlFile(config or DEFAULT_FILE, missing_ok=config is None)
    layers = (
        from_variables(variables, FIELDS),
        from_variables(hidden, FIELDS, source=f" in {dotenv}"),
        from_file(file, {**hidden, **variables}),
    )
    origins: dict[str, str] = {}
    for layer in reversed(layers):
        origins |= layer.origins
    settings = _build(layers, origins, file)
    _check_together(settings, origins)
    return Loaded(
        settings=settings,
        sources={name: origins.get(name, "default") for name in Settings.model_fields},
        warnings=(
            *unknown_variables(variables, VARIABLES),
            *unknown_variables(hidden, VARIABLES, source=f" in {dotenv}"),
            *_doubts(settings, origins),
        ),
        secrets=tuple(_secrets_of(settings, origins)),
    )


class _Layer(PydanticBaseSettingsSource):
    """One layer as pydantic-settings wants it."""

    def __init__(self, settings_cls: type[BaseSettings], given: Given) -> None:
        super().__init__(settings_cls)
        self._given = given

    def get_field_value(self, _field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._given.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._given.values


def _build(layers: Sequence[Given], origins: Mapping[str, str], file: TomlFile) -> Settings:
    class Layered(Settings):
        """The settings of this one load: its sources are a property of the class."""

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(_Layer(settings_cls, layer) for layer in layers)

    try:
        return Layered()
    except ValidationError as error:
        raise explain(error, origins, file, known=_KNOWN) from None


def _check_together(settings: Settings, origins: Mapping[str, str]) -> None:
    """Refuse settings that are each sound but not with each other."""
    if not settings.listen.is_loopback and settings.http_token is None:
        raise SettingsError(
            f"listening on {settings.listen}, which others can reach, needs a token",
            where=origins.get("listen", "listen"),
            mend="set FIREWARDEN_HTTP_TOKEN, or listen on 127.0.0.1",
        )
    _check_time(settings, origins)
    names = [account.id for account in settings.accounts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(
            f"account {twice} is given twice", where=origins["accounts"], mend="leave one out"
        )


def _check_time(settings: Settings, origins: Mapping[str, str]) -> None:
    """Compressed time is for simulated accounts, which are on this machine."""
    given = "time_speed" if settings.time_speed != 1 else "time_origin"
    if settings.time_speed == 1 and settings.time_origin is None:
        return
    if not is_loopback(urlsplit(settings.base_url).hostname or ""):
        raise SettingsError(
            "compressed time is for a simulated account on this machine",
            where=origins[given],
            mend=f"leave it out, or point FIREWORKS_BASE_URL at 127.0.0.1, not {settings.base_url}",
        )
    if settings.time_origin is not None:
        try:
            CompressedClock(speed=settings.time_speed, origin=settings.time_origin).now()
        except OverflowError as error:
            raise SettingsError(
                "this speed since that origin leads out of the calendar",
                where=origins[given],
                mend="set FIREWARDEN_TIME_ORIGIN to an instant near now",
            ) from error


def _doubts(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    """Warn of what can be used but is perhaps not meant."""
    if settings.time_speed != 1 and settings.time_origin is None:
        yield (
            f"{origins['time_speed']}: without FIREWARDEN_TIME_ORIGIN compressed time begins anew"
            " at each start; set it to keep a simulator and a restart in step"
        )
    if settings.accounts and settings.account_id is not None:
        yield f"{origins['account_id']}: has no effect where [[accounts]] are given"


def _secrets_of(settings: Settings, origins: Mapping[str, str]) -> Iterator[Secret]:
    for name in sorted(SECRET_FIELDS & origins.keys()):
        yield getattr(settings, name)
    for account in settings.accounts:
        yield from filter(None, (account.api_key, account.write_api_key))
