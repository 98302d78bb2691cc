"""The lock of a SQLite ledger: one process at a time acts on what the ledger says."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from firewarden.errors import FileUnusable, Held
from firewarden.report.text import clean, instant
from firewarden.store.engine import Database

OWNER_ONLY: Final = 0o600
LONGEST: Final = 1_000
"""Bytes read of a lock file: what we write is far shorter."""


@contextmanager
def acting_lock(database: Database, *, now: datetime) -> Iterator[None]:
    """Be the one process that acts, as long as the body lasts; never waits.

    The kernel drops it when the process ends, however that ends: a file left behind says
    nothing. A server knows leases instead, and memory is nobody else's: both need no lock.

    Raises:
        Held: another process is.
        FileUnusable: the lock file cannot be made or locked.
    """
    if database.file is None:
        yield
        return
    # Beside the file itself: two names of one ledger must not be two locks.
    path = database.file.resolve()
    path = path.with_name(f"{path.name}.lock")
    descriptor = _open(path)
    try:
        _lock(descriptor, path, database)
        _write(
            descriptor,
            {"pid": os.getpid(), "host": socket.gethostname(), "since": instant(now)},
        )
        yield
        _write(descriptor, {})
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, OWNER_ONLY)
    except OSError as error:
        raise _unusable(path, error) from error


def _lock(descriptor: int, path: Path, database: Database) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Held(
            f"another firewarden{_describe(descriptor)} already looks after this database",
            where=database.describe(),
            mend="stop it, or use PostgreSQL for several",
        ) from error
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> FileUnusable:
    return FileUnusable(
        f"cannot be made or locked ({error.strerror})",
        where=str(path),
        mend="let this user write it, on a file system that knows locks",
    )


def _write(descriptor: int, holder: dict[str, object]) -> None:
    """Say who holds the lock: for people and for the next process, never to decide by."""
    text = json.dumps(holder) + "\n" if holder else ""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)


def _describe(descriptor: int) -> str:
    """Say who wrote the file, in brackets; "" where it says nothing yet, or something else."""
    try:
        holder = json.loads(os.pread(descriptor, LONGEST, 0))
        return clean(f" (pid {holder['pid']} on {holder['host']}, since {holder['since']})")
    except (ValueError, TypeError, KeyError):
        return ""
