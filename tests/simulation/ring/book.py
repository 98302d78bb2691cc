"""A life that is over, laid out for demands: its calls, its rows, and what was true meanwhile."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from sqlalchemy import select

from firewarden.model.action import POLICY, Intent
from firewarden.model.ids import Uid, make_uid
from firewarden.model.usage import ActivityRun, Evidence
from firewarden.model.verdict import Incident
from firewarden.model.vocabulary import Verb
from firewarden.policy.rules import Policy
from firewarden.providers.simulated.incarnation import Incarnation
from firewarden.providers.simulated.instants import to_ms
from firewarden.providers.simulated.metrics import refreshed_at
from firewarden.providers.simulated.render import create_time
from firewarden.store.history import read_known, read_runs, read_scrapes, read_segments
from firewarden.store.incidents import read_closed, read_open
from firewarden.store.intents import read_actions
from firewarden.store.tables import PollRow, table
from tests.simulation.ring.living import Life
from tests.simulation.ring.watching import Change
from tests.simulation.stages import START
from tests.support.oracles import instant

POLL = table(PollRow)
RATE_OVER_MS = 60_000
"""A scrape shows the requests of the minute before the provider's last refresh."""

HARMLESS = {"", "slow", "moved-item", "stale-list", "unknown-fields"}
"""Faults with which a listing is as good as any, or seems to be."""

TOOK_EFFECT = {"lost-answer", "cut", "slow"}
"""Faults that lose or delay an answer, and not the effect."""

NO_EFFECT = {"html"}
"""Faults that answer with 200 instead of doing what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as the provider's log has it; *fault* is the kind of the one that struck it."""

    at: datetime
    method: str
    path: str
    status: int
    fault: str
    fault_id: str

    @property
    def is_listing(self) -> bool:
        return self.path.endswith("/deployments")

    @property
    def is_whole(self) -> bool:
        """Was it answered, and not in a way that shows?"""
        return self.status in {0, 200} and self.fault in HARMLESS

    @property
    def is_scrape(self) -> bool:
        return self.path.endswith("/metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A change that was sent, and what became of it on the other side."""

    change: Change
    asked: Asked

    @property
    def at(self) -> datetime:
        return self.change.at

    @property
    def took_effect(self) -> bool:
        is_taken = self.asked.status == 200 and self.asked.fault not in NO_EFFECT
        return is_taken or self.asked.fault in TOOK_EFFECT


@dataclass(frozen=True, kw_only=True)
class Book:
    """All that is known of a life once it is over.

    Attributes:
        believed: when each scrape was answered that the daemon took for whole.
        polled: when each listing was asked for that is in the ledger as complete, in whole ms.
        met: when each deployment was met.
        runs: what its scrapes said of use.
        met_after: the listing before the one that met each deployment, in whole ms.
    """

    life: Life
    policies: Mapping[str, Policy]
    intents: tuple[Intent, ...]
    incidents: tuple[Incident, ...]
    believed: tuple[datetime, ...]
    polled: frozenset[int]
    met_after: Mapping[Uid, int]
    met: Mapping[Uid, datetime]
    runs: tuple[ActivityRun, ...]

    @classmethod
    def of(cls, life: Life) -> "Book":
        """Read it from the ledger of *life*."""
        with life.ledger() as ledger:
            session, account = ledger.session, ledger.account
            segments = read_segments(session, account, since=START, until=ledger.now)
            return cls(
                life=life,
                policies={policy.name: policy for policy in life.policies.policies},
                intents=tuple(reversed(read_actions(session, account, since=START))),
                incidents=(
                    *read_closed(session, account, since=START),
                    *read_open(session, account),
                ),
                believed=tuple(
                    scrape.answered_at
                    for scrape in read_scrapes(session, account, since=START, until=ledger.now)
                    if scrape.whole
                ),
                polled=frozenset(
                    session.execute(select(POLL.c.asked_at).where(POLL.c.complete)).scalars()
                ),
                met_after={
                    each.uid: to_ms(each.started.lo)
                    for each in reversed(segments)
                    if each.start_evidence is Evidence.FIRST_SIGHT
                },
                runs=read_runs(session, account, since=START, until=ledger.now),
                met={each.uid: each.first_seen_at for each in read_known(session, account)},
            )

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """Every request, in order."""
        kinds = {each["id"]: each["kind"] for each in self.life.faults}
        return tuple(
            Asked(
                at=instant(row["at"]),
                method=row["method"],
                path=row["path"],
                status=row["status"],
                fault=kinds.get(row["fault"], ""),
                fault_id=row["fault"] or "",
            )
            for row in self.life.requests
        )

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every change, in order."""
        rows = [each for each in self.asked if each.method != "GET"]
        pairs = zip(self.life.watch.changes, rows, strict=True)
        return tuple(Call(change=change, asked=row) for change, row in pairs)

    @cached_property
    def first_calls(self) -> tuple[Call, ...]:
        """The first call of each intent, in order: an attempt."""
        seen: set[int] = set()
        found = []
        for call in self.calls:
            number = call.change.intent.action_id if call.change.intent else 0
            if number not in seen:
                found.append(call)
            seen.add(number)
        return tuple(found)

    @cached_property
    def effects(self) -> tuple[Call, ...]:
        """The first call of each intent that took effect, in order."""
        found = {
            call.change.intent.action_id: call
            for call in reversed(self.calls)
            if call.change.intent is not None and call.took_effect
        }
        return tuple(reversed(found.values()))

    @cached_property
    def scrapes(self) -> tuple[Asked, ...]:
        return tuple(each for each in self.asked if each.is_scrape)

    @cached_property
    def listings(self) -> tuple[Asked, ...]:
        return tuple(each for each in self.asked if each.is_listing and each.method == "GET")

    @cached_property
    def incarnations(self) -> Mapping[Uid, Incarnation]:
        """Every deployment there ever was, as the simulated world knows it."""
        return {
            make_uid(inc.name, instant(create_time(inc))): inc
            for inc in self.life.stage.world.account().everything()
        }

    def shown(self, uid: Uid, scrape: Asked) -> int:
        """Count the requests that *scrape* shows of *uid*, if it shows the truth."""
        inc = self.incarnations[uid]
        refreshed = refreshed_at(self.life.stage.world.account(), to_ms(scrape.at))
        if not inc.gpus.at(refreshed):
            return 0
        return inc.traffic.count(refreshed - RATE_OVER_MS, refreshed)

    def is_look(self, listing: Asked) -> bool:
        """Did *listing* get into the ledger, as good as any?"""
        return listing.is_whole and to_ms(listing.at) in self.polled

    def meant_by(self, struck: Asked) -> str:
        """Name the deployment that the fault which struck a request is about; "": any."""
        return self.option_of(struck, "deployment")

    def option_of(self, struck: Asked, name: str) -> str:
        """Give an option of the fault which struck a request; "": it has none."""
        return next(
            str(each.rows.get(name, ""))
            for number, each in enumerate(self.life.script.faults, start=1)
            if struck.fault_id == f"{each.kind}-{number}"
        )

    def met_at(self, uid: Uid) -> datetime:
        """Tell when the ledger met *uid*; at the end of time if it never did."""
        return self.met.get(uid, datetime.max.replace(tzinfo=UTC))

    def unseen_until(self, uid: Uid) -> int:
        """Tell until when listings may have left out *uid*, which nobody had met; 0: they did not.

        A listing that leaves out what was never met seems whole.
        """
        met = self.met_after.get(uid, 0)
        struck = {to_ms(each.at) for each in self.listings if not each.is_whole}
        return met if any(abs(met - at) <= 1 for at in struck) else 0

    def live_count(self, at: datetime) -> int:
        """Count the deployments that had ready replicas at *at*."""
        return sum(inc.gpus.at(to_ms(at)) > 0 for inc in self.incarnations.values())


def before(rows: Sequence[Asked], at: datetime) -> Sequence[Asked]:
    """Give those of *rows* that were asked for at *at* or earlier."""
    return rows[: bisect_right(rows, at, key=lambda each: each.at)]


def of_policies(calls: Sequence[Call]) -> Iterator[Call]:
    """Give those that a policy called for; what is put back is none."""
    for call in calls:
        intent = call.change.intent
        if intent is not None and intent.actor == POLICY and intent.verb is not Verb.RESTORE:
            yield call


def rolling(at: Sequence[datetime], span: timedelta) -> int:
    """Count the most that fall into one window of *span*, which excludes one exactly so old."""
    return max((sum(first <= each < first + span for each in at) for first in at), default=0)
