"""The file of a SQLite ledger: its owner's alone, and the same one for as long as it is open."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from firewarden.errors import FileUnusable, StoreUnavailable

OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file, with what tells it from another of its name."""

    file: Path
    device: int
    inode: int

    @classmethod
    def take(cls, file: Path, *, create: bool) -> Self:
        """Make sure of a file that only its owner can read, before SQLite makes one for all.

        Raises:
            FileUnusable: it is not there, or it or its folder cannot be written.
        """
        try:
            opened = os.open(file, os.O_RDWR | (os.O_CREAT if create else 0), OWNER_ONLY)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not create:
                raise FileUnusable(
                    "there is no ledger",
                    where=str(file),
                    mend="`firewarden run` makes one, `firewarden db upgrade` an empty one",
                ) from error
            raise FileUnusable(
                f"cannot be written ({error.strerror})",
                where=str(file),
                mend="make the folder, and let this user write in it",
            ) from error
        found = os.fstat(opened)
        os.close(opened)
        if not os.access(file.absolute().parent, os.W_OK):
            raise FileUnusable(
                "its folder cannot be written, where SQLite keeps its log",
                where=str(file),
                mend="let this user write in the folder",
            )
        return cls(file=file, device=found.st_dev, inode=found.st_ino)

    def demand(self) -> None:
        """Return where it is still there; what is written to one that was deleted is lost.

        Raises:
            StoreUnavailable: it is gone, or another is in its place.
        """
        try:
            found = self.file.stat()
        except OSError as error:
            raise self._lost(f"its file is gone ({error.strerror})") from error
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            raise self._lost("another file is in its place")

    def _lost(self, problem: str) -> StoreUnavailable:
        return StoreUnavailable(
            problem,
            where=f"sqlite:///{self.file}",
            mend="put it back as it was, or start firewarden anew to go on without it",
        )
