"""People who remember what they were told, though whoever told them is killed."""

import json
from datetime import datetime
from pathlib import Path

from firewarden.model.notice import Notice
from tests.support.daemon import Heard

Said = tuple[str, bool, datetime]
"""What tells one notice from another: its key, whether that is over, and when it was said."""


class Told(Heard):
    """A notifier whose file no kill takes away."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / "told.jsonl"

    async def notify(self, notice: Notice) -> None:
        said = [notice.kind, notice.key, notice.resolved, notice.at.isoformat()]
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(said)}\n")

    def read(self, kind: str = "") -> list[Said]:
        """Read what was said, or only what is of *kind*, in order."""
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        rows = [row for row in map(json.loads, lines) if kind in {"", row[0]}]
        return [(key, resolved, datetime.fromisoformat(at)) for _, key, resolved, at in rows]
