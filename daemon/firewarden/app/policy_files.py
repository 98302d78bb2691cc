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

_NO_LINK = "copy the file, or name it by itself"
"""Whoever may add a link to the folder need not be allowed to read what it leads to."""

_MOST_BYTES = 64 * 1024
"""What the loader takes; one byte more is read, so that it can say that there is more."""


def read_policy_files(paths: Iterable[Path]) -> dict[str, str]:
    """Read the files at *paths*; a folder gives its ``*.yaml``, without tests and hidden ones.

    Gives text by path. A folder without policies gives nothing; that is no error here. Nor is
    what is no UTF-8: it comes as half characters, and is told with its place by who reads them.

    Raises:
        FileUnusable: a path is not there, cannot be read, or everybody may write to it.
        PolicyError: a file is in a folder under a name that is not read there, or leads out of it.
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
            if not _is_inside(file, path):
                raise PolicyError((f"{file}:1:1: leads out of its folder ({_NO_LINK})",))
            yield file
        elif name.lower().endswith(_MISNAMED):
            mend = f"call it {file.stem}{_SUFFIX}, or put a dot before its name to leave it out"
            raise PolicyError((f"{file}:1:1: is not read: policies end in {_SUFFIX} ({mend})",))


def _is_inside(file: Path, folder: Path) -> bool:
    """Does *file* end in *folder*, by whatever links? A mounted ConfigMap is made of links."""
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            data = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _unusable(file, error) from error
    if mode & stat.S_IWOTH:
        raise FileUnusable("everybody may write to it", where=str(file), mend=f"chmod o-w {file}")
    return data.decode("utf-8", "surrogateescape")


def _unusable(path: Path, error: OSError) -> FileUnusable:
    return FileUnusable(
        f"cannot be read ({error.strerror})",
        where=str(path),
        mend="name a policy file or a folder of *.yaml; `firewarden init` writes one",
    )
