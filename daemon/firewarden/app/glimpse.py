"""Looks at what is committed to the ledger, for the story of a demo."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from firewarden.app.metered import open_meter
from firewarden.app.picture import take_picture
from firewarden.app.queries import Ledger
from firewarden.app.status import show_status
from firewarden.metering.totals import total_of
from firewarden.model.ids import Uid
from firewarden.model.usage import Usage
from firewarden.report.glimpse import Glimpse
from firewarden.store import incidents, intents, overrides


def read_glimpse(ledger: Ledger, *, since: datetime) -> Glimpse:
    """Read the fleet as it is, and all that was done and said about it *since*."""
    session, account = ledger.session, ledger.account
    closed = incidents.read_closed(session, account, since=since)
    done = intents.read_actions(session, account, since=since)
    return Glimpse(
        status=show_status(take_picture(ledger)),
        incidents=(*incidents.read_open(session, account), *closed),
        intents=tuple(reversed(done)),
        overrides=overrides.read_since(session, account, since=since),
        idle_usd=_idle_usd(ledger, since=since) if done else {},
    )


def _idle_usd(ledger: Ledger, *, since: datetime) -> Mapping[Uid, Decimal]:
    used: defaultdict[Uid, list[Usage]] = defaultdict(list)
    for usage in open_meter(ledger).used(since, ledger.now):
        used[usage.uid].append(usage)
    totals = {uid: total_of(usages) for uid, usages in used.items()}
    return {uid: total.idle_usd for uid, total in totals.items() if total.is_priced}
