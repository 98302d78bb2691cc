"""Puts down the first files: settings and policies, never over what is there."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import firewarden
from firewarden.errors import FileUnusable

SETTINGS_FILE = "firewarden.toml"

_SETTINGS = """\
# firewarden's settings. A variable of the environment or of .env wins over this file;
# `firewarden config` shows what is in force and where it comes from.
# Secrets do not belong here: set FIREWORKS_API_KEY, or FIREWORKS_API_KEY_FILE=/path.

# The zone your days and months are counted in.
timezone = "UTC"

# How far any policy may go, whatever its file says: disabled, observe, warn, approve, enforce.
mode = "observe"

# Policy files: a file or a folder of *.yaml.
policies = "policies"

# database_url = "sqlite:///firewarden.db"

# Contract prices in US dollars per GPU-hour, where they differ from the list.
# [prices]
# NVIDIA_H100_80GB = "6.50"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file that was to be put down; *kept*: something was there, and was left alone."""

    path: Path
    kept: bool


def shipped_policies() -> Path:
    """Find the policy files that come with firewarden, in a wheel or in a checkout."""
    package = Path(firewarden.__file__).parent
    in_wheel = package / "_policies"
    return in_wheel if in_wheel.is_dir() else package.parents[1] / "policies"


def scaffold(folder: Path) -> tuple[Written, ...]:
    """Put settings and policies into *folder*; what is there stays as it is.

    All or nothing: where one file cannot be written, those written before it are taken
    back, and so are folders made for them.

    Raises:
        FileUnusable: the folder or a file in it cannot be written.
    """
    with ExitStack() as undo:
        written = tuple(_put(path, text, undo) for path, text in _files(folder))
        undo.pop_all()
    return written


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    yield folder / SETTINGS_FILE, _SETTINGS
    for source in sorted(shipped_policies().glob("*.yaml")):
        yield folder / "policies" / source.name, source.read_text(encoding="utf-8")


def _put(path: Path, text: str, undo: ExitStack) -> Written:
    try:
        _make_folder(path.parent, undo)
        with path.open("x", encoding="utf-8") as file:
            undo.callback(path.unlink)
            file.write(text)
    except FileExistsError:
        return Written(path=path, kept=True)
    except OSError as error:
        raise FileUnusable(
            f"cannot be written ({error.strerror})",
            where=str(path),
            mend="give a folder that this user may write to, as in firewarden init FOLDER",
        ) from error
    return Written(path=path, kept=False)


def _make_folder(folder: Path, undo: ExitStack) -> None:
    """Make *folder* and those above it that are missing."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        undo.callback(each.rmdir)
