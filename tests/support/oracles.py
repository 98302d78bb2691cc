"""What must hold of any ledger, asked of the simulator's own truth; exact to the millisecond."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import inspect, text

from firewarden.app.answers import show_plan
from firewarden.app.metered import Meter, open_meter
from firewarden.app.picture import Picture, take_picture
from firewarden.app.queries import Ledger
from firewarden.decide.explain import explain
from firewarden.metering.totals import Totals, total_of
from firewarden.model.ids import Uid, make_uid
from firewarden.model.usage import Usage
from firewarden.model.verdict import Verdict
from firewarden.store.engine import Database
from firewarden.store.history import first_poll, read_gaps, read_segments
from firewarden.store.totals import read_usage_by_day, read_usage_by_hour

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What one incarnation really held in the stretch asked for."""

    deployment_id: str
    gpu_ms: int
    gpu_count: int
    """At the end of the stretch."""
    requests: int
    last_request_at: datetime | None
    changes: tuple[tuple[int, int], ...]
    """(instant in ms, GPUs from then on), in order."""


def to_ms(at: datetime) -> int:
    return (at - _EPOCH) // MS


def instant(told: str) -> datetime:
    """Read an instant of the simulator's, its nine digits rounded to the microsecond."""
    whole, _, fraction = told.rstrip("Z").partition(".")
    at = datetime.fromisoformat(f"{whole}+00:00")
    return at + timedelta(microseconds=(int(fraction.ljust(9, "0")) + 500) // 1000)


def written(at: datetime) -> str:
    """Write an instant for the simulator's query strings."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def truth_of(told: Mapping[str, Any]) -> dict[Uid, Truth]:
    """Read what ``/_truth`` told, by uid."""
    return {
        make_uid(row["name"], instant(row["create_time"])): Truth(
            deployment_id=row["deployment_id"],
            gpu_ms=int(Decimal(row["gpu_seconds"]) * 1000),
            gpu_count=row["ready_gpu_count"],
            requests=row["requests"],
            last_request_at=None if (at := row["last_request_at"]) is None else instant(at),
            changes=tuple(
                (to_ms(instant(each["at"])), each["ready_gpu_count"]) for each in row["changes"]
            ),
        )
        for row in told["deployments"]
    }


def watched_span(ledger: Ledger) -> tuple[datetime, datetime]:
    """Give the whole stretch that the ledger answers for, in whole milliseconds.

    It begins when the first listing was answered and ends when the newest was asked for.
    """
    poll, meter = first_poll(ledger.session, ledger.account), open_meter(ledger)
    assert poll is not None, "nothing was polled"
    assert meter.confirmed_at is not None, "no listing was complete"
    return _whole(poll.answered_at + MS), _whole(meter.confirmed_at)


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def by_uid(usages: Iterable[Usage]) -> dict[Uid, Totals]:
    """Add *usages* up by deployment."""
    grouped: defaultdict[Uid, list[Usage]] = defaultdict(list)
    for usage in usages:
        grouped[usage.uid].append(usage)
    return {uid: total_of(own) for uid, own in grouped.items()}


def outside(metered: Mapping[Uid, Totals], truth: Mapping[Uid, Truth]) -> dict[Uid, str]:
    """Name every deployment whose truth lies outside its hard bounds; empty is what we want."""
    nothing = Totals()
    wrong = {}
    for uid in sorted(metered.keys() | truth.keys()):
        total = metered.get(uid, nothing)
        true_ms = truth[uid].gpu_ms if uid in truth else 0
        if not total.low_ms <= true_ms <= total.high_ms:
            wrong[uid] = f"{uid}: {total.low_ms} <= {true_ms} <= {total.high_ms} does not hold"
    return wrong


def demand_truth_inside(ledger: Ledger, truth: Mapping[Uid, Truth]) -> dict[Uid, Totals]:
    """Demand that every deployment's truth lies in its bounds; *truth* is of `watched_span`."""
    metered = by_uid(open_meter(ledger).used(*watched_span(ledger)))
    wrong = outside(metered, truth)
    assert not wrong, "\n".join(wrong.values())
    return metered


def too_wide(
    metered: Mapping[Uid, Totals],
    before: Mapping[Uid, Truth],
    truth: Mapping[Uid, Truth],
    *,
    every: timedelta,
) -> list[str]:
    """List whose bounds are wider than 3 × Σ ½·ΔGPU·interval over the changes that happened.

    *before*: the truth at the beginning of the stretch.
    """
    wrong = []
    for uid, total in metered.items():
        counts = [before[uid].gpu_count if uid in before else 0]
        counts += [count for _, count in truth[uid].changes] if uid in truth else []
        moved = sum(abs(after - before) for before, after in pairwise(counts))
        allowed = 3 * moved * (every // MS) // 2
        if total.high_ms - total.low_ms > allowed:
            wrong.append(f"{uid}: {total.high_ms - total.low_ms} ms wide, {allowed} ms allowed")
    return wrong


def demand_consistent_sums(ledger: Ledger) -> None:
    """Demand that hours, days and any cut of the time add up to the whole, to the integer."""
    since, until = watched_span(ledger)
    meter = open_meter(ledger)
    session, account = ledger.session, ledger.account
    whole = total_of(meter.used(since, until))
    cut = since + (until - since) / 3
    cut = cut.replace(microsecond=cut.microsecond // 1000 * 1000)
    assert total_of(meter.used(since, cut)) + total_of(meter.used(cut, until)) == whole
    first = since.replace(minute=0, second=0, microsecond=0)
    hours = read_usage_by_hour(session, account, since=first, until=meter.rolled_until)
    days = read_usage_by_day(session, account, since=first, until=meter.rolled_until)
    of_hours = total_of(usage for usages in hours.values() for usage in usages)
    assert of_hours == total_of(usage for usages in days.values() for usage in usages)
    assert of_hours + total_of(meter.used(meter.rolled_until, until)) == total_of(
        meter.used(first, until)
    )
    for hour, usages in hours.items():
        # What is rolled up is what would be measured now.
        measured = _measured(meter, hour)
        assert by_uid(usages) == by_uid(measured), hour


def _measured(meter: Meter, hour: datetime) -> Sequence[Usage]:
    unrolled = Meter(
        ledger=meter.ledger,
        prices=meter.prices,
        confirmed_at=meter.confirmed_at,
        rolled_until=hour,
    )
    return unrolled.used(hour, hour + HOUR)


def demand_no_row_twice(ledger: Ledger) -> None:
    """Demand that the segments of each deployment follow one another: no two count at once."""
    since, until = watched_span(ledger)
    session, account = ledger.session, ledger.account
    own: defaultdict[Uid, list[Any]] = defaultdict(list)
    for segment in read_segments(session, account, since=since - HOUR, until=until + HOUR):
        own[segment.uid].append(segment)
    for uid, segments in own.items():
        segments.sort(key=lambda each: (each.started.hi, each.started.lo))
        assert sum(each.ended is None for each in segments) <= 1, f"{uid}: two open segments"
        for before, after in pairwise(segments):
            assert before.ended is not None, f"{uid}: an open segment before another"
            assert before.ended.lo <= after.started.hi, f"{uid}: segments overlap"
            assert before.ended.hi <= after.started.hi, f"{uid}: segments overlap"
            assert before.started.lo <= before.ended.hi, f"{uid}: a segment ends before it starts"
    keys = [
        (gap.uid, gap.since, gap.until)
        for gap in read_gaps(session, account, since=since - HOUR, until=until + HOUR)
    ]
    assert len(keys) == len(set(keys)), "a gap is there twice"


def look(ledger: Ledger) -> Picture:
    """See what `plan` and `explain` see."""
    return take_picture(ledger)


def planned(picture: Picture) -> set[str]:
    """Name what would be done now."""
    return {str(item.deployment_id) for item in show_plan(picture).actions}


def explained(picture: Picture, name: str, *, policy: str) -> Verdict:
    """Explain one deployment by one policy."""
    deployment = picture.find(name)
    verdicts = explain(picture.judge, picture.situation, deployment, picture.docket)
    return next(verdict for verdict in verdicts if verdict.policy == policy)


def demand_reads_only(requests: Sequence[Mapping[str, Any]]) -> None:
    """Demand GETs only, and at most 2 calls of the metrics in any 60 s."""
    assert {each["method"] for each in requests} <= {"GET"}
    scrapes = [instant(each["at"]) for each in requests if each["path"].endswith("/metrics")]
    for first, third in zip(scrapes, scrapes[2:], strict=False):
        assert third - first >= MINUTE, f"3 calls of the metrics from {first} to {third}"


def read_tables(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Read every row of every table, on either kind of database."""
    with database.reading() as session:
        return {
            name: [dict(row) for row in session.execute(text(f'SELECT * FROM "{name}"')).mappings()]
            for name in sorted(inspect(session).get_table_names())
        }


def dump(database: Database) -> str:
    """Write every row of every table as text, in the order of the rows themselves."""
    return "\n".join(
        f"{name} {row!r}"
        for name, rows in read_tables(database).items()
        for row in sorted((tuple(row.values()) for row in rows), key=repr)
    )
