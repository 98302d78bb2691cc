"""Reads policy files: one file, or a folder of them."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from firewarden.errors import FileUnusable, PolicyError

_SUFFIX = ".yaml"
_TESTS = ".test.yaml"
_MISNAMED = (".yml", ".yaml")
"""What is meant as a policy, in any case of letters; left out in silence, it protects nobody."""

_MOST_BYTES = 64 * 1024
"""What the loader takes; one byte more is read, so that it can say that there is more."""


def read_policy_files(paths: Iterable[Path]) -> dict[str, str]:
    """Read the files at *paths*; a folder gives its ``*.yaml``, without tests and hidden ones.

    Gives text by path. A folder without policies gives nothing; that is no error here.

    Raises:
        FileUnusable: a path is not there, cannot be read, or everybody may write to it.
        PolicyError: a file is not UTF-8, or is in a folder under a name that is not read there.
    """
    return {str(file): _read(file) for path in paths for file in _files(path)}


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    try:
        found = sorted(path.iterdir())
    except OSError as error:
        raise _unusable(path, error) from error
    for file in found:
        name = file.name
        if name.startswith(".") or name.endswith(_TESTS):
            continue
        if name.endswith(_SUFFIX):
            yield file
        elif name.lower().endswith(_MISNAMED):
            mend = f"call it {file.stem}{_SUFFIX}, or put a dot before its name to leave it out"
            raise PolicyError((f"{file}:1:1: is not read: policies end in {_SUFFIX} ({mend})",))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _unusable(file, error) from error
    if mode & stat.S_IWOTH:
        raise FileUnusable("everybody may write to it", where=str(file), mend=f"chmod o-w {file}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise PolicyError((f"{file}:{line}:1: not UTF-8 (save it as UTF-8)",)) from error


def _unusable(path: Path, error: OSError) -> FileUnusable:
    return FileUnusable(
        f"cannot be read ({error.strerror})",
        where=str(path),
        mend="name a policy file or a folder of *.yaml; `firewarden init` writes one",
    )
