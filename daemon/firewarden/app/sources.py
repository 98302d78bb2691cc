"""Where settings come from: the environment, ``.env``, and a TOML file with its lines."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from firewarden.errors import SettingsError

_LARGEST = 256 * 1024
_TABLE = re.compile(r"\s*\[(\[)?\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([A-Za-z0-9_\-."' ]+?)\s*=""")
_TEXT = re.compile(r"\"\"\"|\'\'\'")

Place = tuple[str | int, ...]
"""A place in the file: names of tables and keys, and indices of repeated tables."""


def suggest(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """Ask "did you mean …?" where something known is spelled nearly like *word*, else ""."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def read_dotenv(path: Path) -> dict[str, str]:
    """Read the variables of *path*, none where there is no such file.

    Raises:
        SettingsError: it is there and cannot be read.
    """
    text = _read(path, missing_ok=True)
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


class TomlFile:
    """A parsed settings file that still knows the line of each key."""

    def __init__(self, path: Path, *, missing_ok: bool = False) -> None:
        """Read and parse *path*; an absent one counts as empty if *missing_ok*.

        Raises:
            SettingsError: it cannot be read, or is no TOML; says the line.
        """
        self.path = path
        text = _read(path, missing_ok=missing_ok)
        try:
            self.table: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            told = re.search(r"line (\d+)", str(error))
            where = f"{path}:{told[1] if told else len(text.splitlines())}"
            problem = re.sub(r" \(at .*\)$", "", str(error))
            raise SettingsError(
                f"is not TOML: {problem}", where=where, mend="mend the line"
            ) from error
        self._lines: dict[Place, int] = {}
        for place, line in _places(text):
            self._lines.setdefault(place, line)

    def where(self, *place: str | int) -> str:
        """Say ``path:line`` of the innermost part of *place* whose line is known."""
        for end in range(len(place), 0, -1):
            if (line := self._lines.get(place[:end])) is not None:
                return f"{self.path}:{line}"
        return str(self.path)


def _read(path: Path, *, missing_ok: bool) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        if missing_ok:
            return ""
        raise SettingsError("there is no such file", where=str(path)) from error
    except OSError as error:
        raise SettingsError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            mend="give a file that this user may read",
        ) from error
    if len(data) > _LARGEST:
        raise SettingsError("is larger than 256 KiB", where=str(path), mend="give a settings file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(
            "is not UTF-8", where=f"{path}:{line}", mend="save it as UTF-8"
        ) from error


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """Find the line of every table and key of TOML that has already been parsed.

    `tomllib` keeps no positions. Keys inside inline tables and arrays get the line of the
    key that holds them.
    """
    table: Place = ()
    repeated: dict[Place, int] = {}
    quoted = False
    for number, line in enumerate(text.splitlines(), start=1):
        was_quoted, quoted = quoted, quoted ^ (len(_TEXT.findall(line)) % 2 == 1)
        if was_quoted:
            continue
        if found := _TABLE.match(line):
            table = _split(found[2])
            if found[1]:
                repeated[table] = repeated.get(table, -1) + 1
                yield table, number
                table = (*table, repeated[table])
            yield table, number
        elif found := _KEY.match(line):
            names = _split(found[1])
            for end in range(1, len(names) + 1):
                yield (*table, *names[:end]), number


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
