"""Writes down what was found of one account; nothing is written past a newer lease."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from firewarden.app.capped import acting, versions_of
from firewarden.app.lease import Tenure
from firewarden.app.memory import Found, Tools
from firewarden.app.rulebook import Rulebook
from firewarden.metering.instants import floor_hour
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.usage import LedgerChange
from firewarden.observe.watch import Scraped, Seen
from firewarden.ports import CrashPoint
from firewarden.store import incidents as stored_incidents
from firewarden.store import intents, requests
from firewarden.store import notices as stored_notices
from firewarden.store.attributes import write_attributes
from firewarden.store.descriptions import write_descriptions
from firewarden.store.ledger import write_change, write_poll, write_scrape
from firewarden.store.session import Session
from firewarden.store.versions import write_versions

Write = Callable[[Session], None]


class Pen:
    """Whoever writes for one account writes with it."""

    def __init__(self, account: AccountId, tools: Tools) -> None:
        """Write for *account*."""
        self._account = account
        self._tools = tools
        self.has_news = False
        """Letters were written since whoever delivers them took this note away."""

    async def commit(self, tenure: Tenure, write: Write) -> None:
        """Write in one transaction, which the holder of a newer lease has to wait for.

        *tenure* is the one that what is written was begun in.
        """

        def work() -> None:
            with self._tools.database.writing() as session:
                tenure.fence(session)
                write(session)

        await self._tools.run_db(work)

    def cycle(
        self,
        session: Session,
        seen: Seen,
        found: Found,
        notices: Sequence[Notice],
        rules: Rulebook,
    ) -> None:
        """Write what one cycle saw, and what it made of that."""
        write_poll(session, seen.poll)
        self.changes(session, seen.changes, seen.poll.answered_at)
        write_descriptions(session, seen.described, seen_at=seen.poll.answered_at)
        if found.owned:
            write_attributes(session, found.owned, hour=floor_hour(seen.poll.answered_at))
        if found.changed:
            stored_incidents.write(session, *found.changed)
        for each in found.releases:
            intents.release(session, each.action_id, each.why, at=seen.poll.answered_at)
        requests.expire(session, self._account, now=seen.poll.answered_at)
        if budgets := acting(rules.policies):
            hashes = versions_of(self._tools.settings.mode, budgets)
            write_versions(session, self._account, hashes, at=seen.poll.answered_at)
        self.record(session, notices, rules)
        self._tools.crash(CrashPoint.CYCLE_WRITTEN)

    def changes(self, session: Session, changes: Sequence[LedgerChange], at: datetime) -> None:
        """Write what has changed in the ledger, known since *at*."""
        for change in changes:
            write_change(session, self._account, change, at=at)

    def scrape(
        self, session: Session, scraped: Scraped, notices: Sequence[Notice], rules: Rulebook
    ) -> None:
        """Write what one look at use has proved."""
        if scraped.record is not None:
            write_scrape(session, scraped.record, scraped.change)
        self.record(session, notices, rules)
        self._tools.crash(CrashPoint.SCRAPE_WRITTEN)

    def record(self, session: Session, notices: Iterable[Notice], rules: Rulebook) -> None:
        """Write what people should hear of, with a letter for whoever has to."""
        for notice in notices:
            destinations = rules.telling.destinations(notice)
            if stored_notices.record(session, notice, destinations):
                self.has_news = True
