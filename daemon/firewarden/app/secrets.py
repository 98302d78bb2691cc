"""Secrets: given in a variable or in a file, which is read again when it has changed."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from firewarden.errors import SettingsError

MASK = "**********"
_LONGEST = 8192
_PASSWORD = re.compile(r"(://[^:@/]*:).*@")

Listener = Callable[[str], None]


class Secret:
    """One secret; says its value only when asked to `reveal` it.

    A secret from a file follows the file: changing a key needs no restart. While the file
    cannot be read, or holds nothing that can be used, the last good value stays.
    """

    def __init__(
        self, value: str, *, where: str = "", spaces: bool = False, path: Path | None = None
    ) -> None:
        """Hold *value*, which *where* gave, read from *path* where it came from a file.

        Raises:
            SettingsError: it cannot be what it should: not printable, or with *spaces*.
        """
        self._value = SecretStr(_check(value, where=where, spaces=spaces))
        self._spaces = spaces
        self._path = path
        self._seen = _state(path) if path else None
        self._listeners: list[Listener] = []

    @classmethod
    def from_file(cls, path: Path, *, where: str, spaces: bool = False) -> "Secret":
        """Read a secret from *path*, which stands at *where*.

        Raises:
            SettingsError: it cannot be read, is empty, or everybody may write to it.
        """
        return cls(_read(path, where=where), where=f"{where} ({path})", spaces=spaces, path=path)

    def reveal(self) -> str:
        """Give the present value; looks at the file, and reads it again if it changed."""
        if self._path is not None and (now := _state(self._path)) not in {self._seen, None}:
            self._follow(self._path)
            self._seen = now
        return self._value.get_secret_value()

    def listen(self, listener: Listener) -> None:
        """Call *listener* with the value now, and with each new one before it is used."""
        self._listeners.append(listener)
        listener(self._value.get_secret_value())

    def _follow(self, path: Path) -> None:
        try:
            value = _check(_read(path, where=""), where="", spaces=self._spaces)
        except SettingsError:
            return
        for listener in self._listeners:
            listener(value)
        self._value = SecretStr(value)

    def __repr__(self) -> str:
        """Say where it comes from and nothing of what it is."""
        return f"Secret({str(self._path)!r})" if self._path else f"Secret({MASK!r})"

    __str__ = __repr__


def mask_url(value: str) -> str:
    """Mask the password of *value* where it is the address of a database, else all of it."""
    if "://" not in value:
        return MASK
    return _PASSWORD.sub(rf"\g<1>{MASK}@", value.partition("?")[0])


def _check(value: str, *, where: str, spaces: bool) -> str:
    """Refuse what would fail later, in a header, with a message that shows the secret."""
    if not value.isprintable() or not (spaces or (value.isascii() and " " not in value)):
        raise SettingsError(
            "holds spaces, line breaks or letters that no key has",
            where=where,
            mend="give the secret alone, without quotes",
        )
    return value


def _state(path: Path) -> tuple[int, ...] | None:
    """Tell what changes when the file does; None while it cannot be looked at."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def _read(path: Path, *, where: str) -> str:
    try:
        with path.open("rb") as file:
            is_open_to_all = bool(os.fstat(file.fileno()).st_mode & stat.S_IWOTH)
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise SettingsError(
            f"cannot read {path} ({error.strerror})",
            where=where,
            mend="give the path of a file that this user may read",
        ) from error
    if is_open_to_all:
        raise SettingsError(
            f"everybody may write to {path}", where=where, mend=f"run chmod o-w {path}"
        )
    value = data.decode("utf-8", "replace").strip()
    if not value or len(data) > _LONGEST:
        problem = "is longer than 8 KiB" if value else "is empty"
        raise SettingsError(f"{path} {problem}", where=where, mend="put the secret alone in it")
    return value
