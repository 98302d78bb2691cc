"""What was removed of the ledger, and since when the rest is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firewarden.model.ids import AccountId
from firewarden.report.text import instant, instant_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What went of one account, or would go.

    Attributes:
        evidence_since, messages_since: from when on they are kept; None: nothing goes, for
            the account was never polled whole.
        counts: rows by what they are.
    """

    account: AccountId
    evidence_since: datetime | None
    messages_since: datetime | None
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Rows of all kinds."""
        return sum(self.counts.values())


def pruning_lines(found: Sequence[Pruning], *, dry_run: bool) -> tuple[str, ...]:
    """Say in a line for each account what went, or would go."""
    return tuple(_line(each, "would remove" if dry_run else "removed") for each in found)


def pruning_json(found: Sequence[Pruning], *, dry_run: bool) -> dict[str, object]:
    """Say it for programs."""
    return {
        "dry_run": dry_run,
        "accounts": [
            {
                "account": each.account,
                "removed": dict(each.counts),
                "evidence_since": instant_json(each.evidence_since),
                "messages_since": instant_json(each.messages_since),
            }
            for each in found
        ],
    }


def _line(found: Pruning, done: str) -> str:
    if found.evidence_since is None:
        return f"{found.account}: nothing to remove: it was never polled whole"
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items())
    return (
        f"{found.account}: {done} {counts};"
        f" evidence is kept since {instant(found.evidence_since)},"
        f" messages since {instant(found.messages_since)}"
    )
