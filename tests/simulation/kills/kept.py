"""What was committed when a process was killed, and the demand that none of it is lost."""

import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firewarden.errors import FileUnusable, SchemaTooOld
from firewarden.model.action import Outcome
from firewarden.store.engine import Database
from firewarden.store.instants import to_ms
from firewarden.store.letters import State, notice_of
from firewarden.store.tables import Row
from tests.simulation.kills.account import Call
from tests.simulation.kills.told import Said
from tests.simulation.stages import in_memory
from tests.support.oracles import read_tables

Record = Mapping[str, Any]
Rows = Mapping[tuple[Any, ...], Record]

REMADE = {"dirty", "lease", "replica", "usage_day", "usage_hour"}
"""Tables that are made again as a whole from what the others hold, or by whoever lives."""

NEVER_CHANGES: Mapping[str, tuple[str, ...]] = {
    "account": ("name",),
    "acceptance": ("day", "revision", "actor", "reason"),
    "activity_run": ("use",),
    "adjustment": ("day", "deployment_id", "revision", "state", "gpu_ms", "micro_usd"),
    "alert": ("account_id", "kind", "key", "uid", "first_at"),
    "bill_answer": ("first_at",),
    "bill_day": ("gpu_seconds", "answered_at"),
    "billed_money": ("gpu_ms", "micro_usd", "own_micro_usd"),
    "deployment": ("account_id", "uid", "deployment_id", "created_us", "first_seen_us"),
    "deployment_tags": ("text",),
    "gap": ("cause",),
    "intent": ("deployment_id", "incident_id", "stage", "verb", "effect", "planned_at"),
    "incident": ("deployment_id", "policy", "policy_hash", "mode", "opened_at"),
    "outbox": ("alert_id", "key", "destination", "notice", "created_at"),
    "poll": ("answered_at", "skew_ms", "count", "ok", "complete", "problem"),
    "price": ("source", "micro_usd", "recorded_at"),
    "replica_facts": ("accelerator_type", "accelerator_count", "ready", "starting", "state"),
    "scrape": ("whole", "problem"),
    "segment": ("facts_id", "start_evidence"),
}
"""By table: what a row says for good, once it is there; the rows of others have to be there."""

OVER: Mapping[str, str] = {
    "activity_run": "until",
    "deployment_tags": "valid_to",
    "incident": "closed_at",
    "outbox": "sent_at",
    "segment": "end_lo",
}
"""By table: the column that is set when nothing of a row changes any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was committed, by table and primary key; how much had been told and called."""

    tables: Mapping[str, Rows]
    told: int = 0
    called: int = 0

    def rows(self, name: str) -> Collection[Record]:
        return self.tables[name].values()

    def letters(self, *states: State) -> set[Said]:
        """What the letters of the outbox say that are in one of *states*."""
        notices = [
            notice_of(row["notice"]) for row in self.rows("outbox") if row["state"] in states
        ]
        return {(one.key, one.resolved, one.at) for one in notices}


def read_kept(url: str) -> dict[str, Rows]:
    """Read what is committed, and leave a SQLite file as the killed process left it.

    Whoever opens a SQLite file after a crash mends it; a copy is opened, so that the next
    process has to.
    """
    if url.startswith("postgresql"):
        return _read(url)
    file = Path(url.removeprefix("sqlite:///"))
    with TemporaryDirectory(prefix="fw-copy-", dir=in_memory()) as folder:
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy(each, folder)
        return _read(f"sqlite:///{folder}/{file.name}")


def demand_whole(kept: Kept, told: Sequence[Said], calls: Sequence[Call]) -> None:
    """Demand that nothing was committed or sent without what belongs to it."""
    uids = {row["id"]: row["uid"] for row in kept.rows("deployment")}
    warned = [row for row in kept.rows("incident") if row["warned_at"] is not None]
    assert {uids[row["deployment_id"]] for row in warned} <= {r["uid"] for r in kept.rows("alert")}
    written = {row["alert_id"] for row in kept.rows("outbox")}
    assert {row["id"] for row in kept.rows("alert")} <= written
    assert kept.letters(State.SENT) <= set(told[: kept.told])
    names = {row["id"]: row["deployment_id"] for row in kept.rows("deployment")}
    intended = {names[row["deployment_id"]] for row in kept.rows("intent")}
    assert {call.deployment_id for call in calls[: kept.called]} <= intended


def demand_kept(before: Kept, after: Kept) -> None:
    """Demand that each row of *before* is still there and says what it said for good."""
    for name in before.tables.keys() - REMADE:
        there = after.tables[name]
        for key, row in before.tables[name].items():
            assert key in there, f"{name} {key} is lost: {row}"
            is_over = name in OVER and row[OVER[name]] is not None
            fixed = row.keys() if is_over else NEVER_CHANGES.get(name, ())
            was, now = ({each: of[each] for each in fixed} for of in (row, there[key]))
            assert was == now, f"{name} {key} says something else"


def demand_told_once(kills: Sequence[Kept], told: Sequence[Said]) -> None:
    """Demand that people heard of nothing again, but of one thing after each kill."""
    again = [each for each, times in Counter(told).items() for _ in range(times - 1)]
    assert len(again) <= len(kills), again


def demand_done_once(last: Kept, calls: Sequence[Call]) -> None:
    """Demand that each call was intended, sent once in an incident, and told of as it was."""
    names = {row["id"]: row["deployment_id"] for row in last.rows("deployment")}
    intents = {row["id"]: row for row in last.rows("intent")}
    sent = []
    for call in calls:
        before = [
            number
            for number, row in intents.items()
            if names[row["deployment_id"]] == call.deployment_id
            and row["planned_at"] <= to_ms(call.at)
        ]
        assert before, f"nobody intended {call}"
        sent.append((max(before), call.verb))
    once = [(intents[number]["incident_id"] or f"intent {number}", verb) for number, verb in sent]
    assert len(once) == len(set(once)), once
    by_calls = {number for number, _ in sent}
    outcomes = {number: row["outcome"] for number, row in intents.items()}
    assert Outcome.PLANNED not in outcomes.values()
    assert {number for number, each in outcomes.items() if each == Outcome.APPLIED} <= by_calls
    assert not by_calls & {number for number, each in outcomes.items() if each == Outcome.EXPIRED}


def demand_survived(
    kills: Sequence[Kept], last: Kept, told: Sequence[Said], calls: Sequence[Call]
) -> None:
    """Demand all of this of a history that ended well, after so many *kills*."""
    for kept in (*kills, last):
        demand_whole(kept, told, calls)
        demand_kept(kept, last)
    demand_told_once(kills, told)
    demand_done_once(last, calls)


def _read(url: str) -> dict[str, Rows]:
    """Read all rows; a process that was killed while it made the ledger left none."""
    try:
        database = Database.open(url, upgrade=False)
    except (FileUnusable, SchemaTooOld):
        return {name: {} for name in Row.metadata.tables}
    with closing(database):
        tables = read_tables(database)
    return {
        name: {tuple(row[each.name] for each in table.primary_key): row for row in tables[name]}
        for name, table in Row.metadata.tables.items()
    }
