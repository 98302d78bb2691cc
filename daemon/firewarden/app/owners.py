"""Whose each deployment was when, for reports."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from firewarden.app.metered import Meter
from firewarden.app.queries import Ledger
from firewarden.model.attributes import UNALLOCATED, Attributes
from firewarden.model.ids import DeploymentId, Uid
from firewarden.model.usage import Known, Usage
from firewarden.model.vocabulary import ATTRIBUTES
from firewarden.store.attributes import read_owners

NOBODYS = Attributes()
"""Nothing is known of whose it is."""


class Owners:
    """Answers from the ledger. Before it was first known whose one is, it was theirs too."""

    def __init__(self, ledger: Ledger, known: Mapping[Uid, Known]) -> None:
        """Read all that ever held of the account of *ledger*; *known*: its deployments."""
        self._of = read_owners(ledger.session, ledger.account)
        self._newest: dict[DeploymentId, Uid] = {
            one.deployment_id: uid
            for uid, one in sorted(known.items(), key=lambda item: item[1].created_at)
        }

    def changes(self, since: datetime, until: datetime) -> dict[Uid, tuple[datetime, ...]]:
        """Find who changed hands within ``(since, until)``, and when, in order."""
        found = {
            uid: tuple(at for at, _ in rows[1:] if since < at < until)
            for uid, rows in self._of.items()
        }
        return {uid: instants for uid, instants in found.items() if instants}

    def used(
        self, meter: Meter, since: datetime, until: datetime
    ) -> Iterator[tuple[Usage, Attributes]]:
        """Give what was used in ``[since, until)`` with whose it was, cut where that changed."""
        changes = self.changes(since, until)
        for usage in meter.used(since, until):
            if usage.uid not in changes:
                yield usage, self.at(usage.uid, since)
        for uid, instants in changes.items():
            for begun, ended in pairwise((since, *instants, until)):
                for usage in meter.used(begun, ended, uids=[uid]):
                    yield usage, self.at(uid, begun)

    def at(self, uid: Uid, at: datetime) -> Attributes:
        """Tell whose *uid* was at the instant *at*."""
        rows = self._of.get(uid, ())
        if not rows:
            return NOBODYS
        return rows[max(bisect_right(rows, at, key=lambda row: row[0]) - 1, 0)][1]

    def of_name(self, deployment_id: DeploymentId) -> Attributes:
        """Tell whose the newest deployment called *deployment_id* is now."""
        uid = self._newest.get(deployment_id)
        rows = self._of.get(uid, ()) if uid is not None else ()
        return rows[-1][1] if rows else NOBODYS


def labels(attributes: Attributes) -> dict[str, str]:
    """Give each attribute as rows of a report show it."""
    return {name: getattr(attributes, name) or UNALLOCATED for name in ATTRIBUTES}
