"""What was committed when a process was killed, and the demand that none of it is lost."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firewarden.errors import SchemaTooOld
from firewarden.store.engine import Database
from firewarden.store.tables import Row
from tests.simulation.stages import in_memory
from tests.support.oracles import read_tables

Record = Mapping[str, Any]
Rows = Mapping[tuple[Any, ...], Record]
Told = Sequence[Mapping[str, Any]]
"""Notices, as they came; of each at least ``key``, ``severity`` and ``resolved``."""

REMADE = {"dirty", "usage_day", "usage_hour"}
"""Tables that are made again as a whole from what the others hold."""

NEVER_CHANGES: Mapping[str, tuple[str, ...]] = {
    "account": ("name",),
    "activity_run": ("use",),
    "alert": ("account_id", "kind", "key", "uid", "first_at"),
    "bill_day": ("gpu_seconds", "answered_at"),
    "deployment": ("account_id", "uid", "deployment_id", "created_us", "first_seen_us"),
    "deployment_tags": ("tags",),
    "gap": ("cause",),
    "incident": ("deployment_id", "policy", "policy_hash", "mode", "opened_at"),
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
    "segment": "end_lo",
}
"""By table: the column that is set when nothing of a row changes any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was committed, by table and primary key, and how many notices had been told."""

    tables: Mapping[str, Rows]
    told: int

    def undelivered(self) -> set[str]:
        """The keys of the alerts that people had not heard of, as far as was committed."""
        return {row["key"] for row in self.tables["alert"].values() if row["delivered_at"] is None}


def read_kept(url: str, *, told: int) -> Kept:
    """Read what is committed, and leave a SQLite file as the killed process left it.

    Whoever opens a SQLite file after a crash mends it; a copy is opened, so that the next
    process has to.
    """
    if url.startswith("postgresql"):
        return Kept(tables=_read(url), told=told)
    file = Path(url.removeprefix("sqlite:///"))
    with TemporaryDirectory(prefix="fw-copy-", dir=in_memory()) as folder:
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy(each, folder)
        return Kept(tables=_read(f"sqlite:///{folder}/{file.name}"), told=told)


def demand_whole(kept: Kept, told: Told) -> None:
    """Demand that nothing was committed without what belongs to it."""
    alerts = kept.tables["alert"].values()
    uids = {row["id"]: row["uid"] for row in kept.tables["deployment"].values()}
    warned = [row for row in kept.tables["incident"].values() if row["warned_at"] is not None]
    assert {uids[row["deployment_id"]] for row in warned} <= {row["uid"] for row in alerts}
    heard = {(each["key"], each["resolved"]) for each in told[: kept.told]}
    marked = [row for row in alerts if row["delivered_at"] is not None]
    assert {(row["key"], row["resolved_at"] is not None) for row in marked} <= heard


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


def demand_told(kills: Sequence[Kept], last: Kept, told: Told) -> None:
    """Demand that people heard of every alert, and of none again, but of one after each kill."""
    assert last.undelivered() == set()
    for kept in kills:
        assert kept.undelivered() <= {notice["key"] for notice in told[kept.told :]}
    alerts = Counter(row["key"] for row in last.tables["alert"].values())
    times = Counter((each["key"], each["severity"], each["resolved"]) for each in told)
    again = {each: count - alerts[each[0]] for each, count in times.items() if alerts[each[0]]}
    assert sum(max(0, count) for count in again.values()) <= len(kills), again


def demand_survived(kills: Sequence[Kept], last: Kept, told: Told) -> None:
    """Demand all of this of a history that ended well, after so many *kills*."""
    for kept in kills:
        demand_whole(kept, told)
        demand_kept(kept, last)
    demand_whole(last, told)
    demand_told(kills, last, told)


def _read(url: str) -> dict[str, Rows]:
    """Read all rows; a process that was killed while it made the tables left none."""
    try:
        database = Database.open(url, upgrade=False)
    except SchemaTooOld:
        return {name: {} for name in Row.metadata.tables}
    with closing(database):
        tables = read_tables(database)
    return {
        name: {tuple(row[each.name] for each in table.primary_key): row for row in tables[name]}
        for name, table in Row.metadata.tables.items()
    }
