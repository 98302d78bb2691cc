"""Errors of drivers become errors of ours: what, where, and the mend, in one line."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from firewarden.errors import StoreError, StoreUnavailable

UNKNOWN: Final = "whether what was under way is in it is unknown until it is read again"

SECOND: Final = "is a second firewarden writing the same account?"

_SQLITE: Final[Mapping[str, tuple[str, str]]] = {
    "SQLITE_BUSY": ("locked by another process", "let that one end, or stop it"),
    "SQLITE_LOCKED": ("locked by this process", "try again"),
    "SQLITE_FULL": ("the disk is full", "free some space"),
    "SQLITE_IOERR": ("the disk failed", "look after the disk"),
    "SQLITE_READONLY": ("the file cannot be written", "make it and its folder writable"),
    "SQLITE_CANTOPEN": ("the file cannot be opened", "make it and its folder writable"),
    "SQLITE_CORRUPT": ("the file is damaged", "restore a backup"),
    "SQLITE_NOTADB": ("the file is no SQLite database", "name another file"),
}
_POSTGRESQL: Final[Mapping[str, tuple[str, str]]] = {
    "53100": ("the server's disk is full", "free some space"),
    "53300": ("the server has no connection left", "raise its limit or close others"),
    "55P03": ("locked by another process", "let that one end, or stop it"),
    "57014": ("the server took too long", "look for what keeps it busy"),
    "28P01": ("the password is refused", "correct it in the database URL"),
    "28000": ("the user is refused", "correct the user in the database URL"),
    "3D000": ("there is no such database", "create it, or name another"),
    "42501": ("a permission is missing", "grant the user the schema it shall write"),
    "25006": ("the database takes no writes", "name its primary"),
}
_SILENT: Final = ("does not answer", "check that it runs and that the URL is right")
_OTHER: Final = ("failed", "run `firewarden db check`")


@contextmanager
def translated(where: str, *, writes: bool = False) -> Iterator[None]:
    """Let no error of a driver out; *where* is the database, without its password.

    *writes*: where the database failed, nobody knows whether it has what was written.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OverflowError) as error:
        raise translate(error, where, writes=writes) from error


def translate(error: Exception, where: str, *, writes: bool) -> StoreError:
    """Say *error* in our words; nothing of a statement or its parameters is repeated."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    words = " ".join(str(cause).split("\n", 1)[0].split())
    if isinstance(error, IntegrityError):
        return StoreError(f"refused by the database ({words})", where=where, mend=SECOND)
    if isinstance(error, DataError | OverflowError):
        return StoreError(
            f"cannot hold what it was given ({words})", where=where, mend="report this as a bug"
        )
    problem, mend = _diagnose(cause)
    mend = f"{mend}; {UNKNOWN}" if writes else mend
    return StoreUnavailable(f"{problem} ({words})", where=where, mend=mend)


def sqlite_fault(error: BaseException) -> str:
    """SQLite's name of what went wrong, without its finer grades; "" where it is another's."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = str(getattr(cause, "sqlite_errorname", ""))
    return "_".join(name.split("_")[:2])


def _diagnose(cause: BaseException) -> tuple[str, str]:
    if isinstance(cause, sqlite3.Error):
        return _SQLITE.get(sqlite_fault(cause), _OTHER)
    # A driver that got no answer has no code; classes 08 and 57P are a server that goes away.
    state = str(getattr(cause, "sqlstate", None) or "08")
    if state.startswith(("08", "57P")):
        return _SILENT
    return _POSTGRESQL.get(state, _OTHER)
