"""One layer of settings at a time: what a source gives, and the place each value stands at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from firewarden.app.secrets import Secret
from firewarden.app.sources import TomlFile
from firewarden.errors import SettingsError

SECRET_FIELDS = frozenset(
    {"api_key", "write_api_key", "http_token", "slack_bot_token", "database_url"}
)
FILE_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What one source gives: values by the name of the setting, and where each stands."""

    values: dict[str, object] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: object, origin: str) -> None:
        """Add one value."""
        self.values[name] = value
        self.origins[name] = origin


def from_variables(
    variables: Mapping[str, str], fields: Mapping[str, str], *, source: str = ""
) -> Given:
    """Take the settings out of *variables*; an empty one counts as not given.

    Raises:
        SettingsError: a secret is given twice, or its file cannot be used.
    """
    given = Given()
    for variable, name in fields.items():
        value = variables.get(variable, "")
        path = variables.get(variable + FILE_SUFFIX, "") if name in SECRET_FIELDS else ""
        if value and path:
            raise SettingsError(
                f"{variable} and {variable}{FILE_SUFFIX} are both given",
                where=variable + source,
                mend="leave one of them out",
            )
        if path:
            where = variable + FILE_SUFFIX + source
            spaces = name == "database_url"
            given.put(name, Secret.from_file(Path(path), where=where, spaces=spaces), where)
        elif value:
            where = variable + source
            given.put(name, _wrap(name, value, where=where), where)
    return given


def from_file(file: TomlFile, variables: Mapping[str, str]) -> Given:
    """Take the settings out of *file*, secrets followed to where they lie.

    Raises:
        SettingsError: a secret stands in the file itself, or cannot be had.
    """
    given = Given()
    for name, value in file.table.items():
        where = file.where(name)
        if name in SECRET_FIELDS - {"database_url"}:
            given.put(name, fetch_secret(value, variables, where=where), where)
        elif name == "accounts" and isinstance(value, list):
            accounts = [_account(row, variables, file, at) for at, row in enumerate(value)]
            given.put(name, accounts, where)
        else:
            given.put(name, _wrap(name, value, where=where), where)
    return given


def unknown_variables(
    variables: Mapping[str, str], known: tuple[str, ...], *, source: str = ""
) -> list[str]:
    """Warn of each ``FIREWARDEN_`` variable that nothing reads, one line each."""
    warnings: list[str] = []
    for variable in sorted(variables):
        if variable.startswith("FIREWARDEN_") and variable not in known:
            near = get_close_matches(variable, known, n=1, cutoff=0.75)
            hint = f"did you mean {near[0]}?" if near else "it has no effect"
            warnings.append(f"{variable}{source}: no such setting; {hint}")
    return warnings


def _account(row: object, variables: Mapping[str, str], file: TomlFile, at: int) -> object:
    """Follow the keys of one row of ``[[accounts]]``."""
    if not isinstance(row, dict):
        return row
    return row | {
        name: fetch_secret(row[name], variables, where=file.where("accounts", at, name))
        for name in ("api_key", "write_api_key")
        if name in row
    }


def _wrap(name: str, value: object, *, where: str) -> object:
    if name not in SECRET_FIELDS or not isinstance(value, str):
        return value
    return Secret(value, where=where, spaces=name == "database_url")


def fetch_secret(value: object, variables: Mapping[str, str], *, where: str) -> Secret:
    """Fetch the secret that ``env:NAME`` or ``file:/path`` points at.

    Raises:
        SettingsError: it stands there itself, or cannot be had.
    """
    kind, found, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "file" and rest:
        return Secret.from_file(Path(rest), where=where)
    if kind == "env" and rest:
        if held := variables.get(rest):
            return Secret(held, where=f"{where} ({rest})")
        raise SettingsError(f"the variable {rest} is not set", where=where, mend="set it")
    raise SettingsError(
        "a secret must not stand in this file" if found or value else "gives no secret",
        where=where,
        mend='write "env:NAME" or "file:/path"; and replace a key that others could read',
    )
