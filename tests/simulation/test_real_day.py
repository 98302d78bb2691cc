"""Two real processes, the daemon and the simulator, for hours or a whole day at speed 600."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from firewarden.app.queries import Ledger
from firewarden.metering.totals import Totals
from firewarden.model.ids import Uid
from firewarden.store.history import read_gaps, read_segments
from tests.simulation.real import EVERY, Life, living
from tests.simulation.stages import (
    HOUR,
    KEY,
    MINUTE,
    STANDARD_IDLE,
    STANDARD_PROTECTED,
    STANDARD_RETURNING,
)
from tests.support.looks import Looks
from tests.support.oracles import (
    MS,
    Truth,
    demand_consistent_sums,
    demand_no_row_twice,
    demand_reads_only,
    demand_truth_inside,
    instant,
    to_ms,
    watched_span,
    written,
)

IDLE_ALL_ALONG = STANDARD_IDLE - {"eval-weekly"} | {STANDARD_RETURNING}
"""Not used from the start; `eval-weekly` is, for two hours."""

DUE = timedelta(minutes=45)
"""What the shipped policy calls idle."""

PATIENCE = 8 * HOUR
"""A machine that stalls for 300 ms ends every quiet stretch, and it must begin anew."""


def demand_plan(life: Life, *, at_least: set[str], at_most: set[str], by: datetime) -> None:
    """Demand that `plan` comes to name *at_least* these, never more than *at_most*.

    Nor, at any time, what the truth knows a request of within the stretch called idle.
    """
    while True:
        plan = life.command("plan")
        at = instant(plan["created_at"])
        names = {each["deployment_id"] for each in plan["actions"]}
        assert names <= at_most
        used = {
            each.deployment_id
            for each in life.truth(at - MS, at).values()
            if each.last_request_at is not None and at - each.last_request_at < DUE
        }
        assert not names & used
        if names >= at_least:
            held = {each["deployment_id"]: each["blocked_by"] for each in plan["held"]}
            assert {name: held.get(name) for name in STANDARD_PROTECTED} == STANDARD_PROTECTED
            return
        assert at < by, f"{sorted(at_least - names)} not planned; held: {plan['held']}"
        life.until(at + 10 * MINUTE)


def visible(life: Life, looks: Looks, since: datetime, until: datetime) -> dict[Uid, Truth]:
    """Tell the truth of ``[since, until)`` as far as those *looks* could show it."""
    before = life.truth(since - MS, since)
    return {
        uid: replace(
            truth,
            gpu_ms=looks.visible_ms(
                truth,
                before=before[uid].gpu_count if uid in before else 0,
                since=to_ms(since),
                until=to_ms(until),
            ),
        )
        for uid, truth in life.truth(since, until).items()
    }


def allowed_ms(
    ledger: Ledger, before: Mapping[Uid, Truth], truth: Mapping[Uid, Truth], looks: Looks
) -> dict[Uid, int]:
    """Give how wide bounds may be: 3 × Σ ½·ΔGPU·interval over the changes that happened.

    The interval is that between the two looks around the change, and the one asked for where
    they are closer: a poll that a busy machine made late is late. What a gap on record leaves
    open comes on top, for the replicas that the floor and the ceiling allow.
    """
    since, until = watched_span(ledger)
    session, account = ledger.session, ledger.account
    allowed: defaultdict[Uid, int] = defaultdict(int)
    for uid, each in truth.items():
        counts = [before[uid].gpu_count if uid in before else 0, *(n for _, n in each.changes)]
        for (at, _), (was, now) in zip(each.changes, pairwise(counts), strict=True):
            first, second = looks.around(at)
            allowed[uid] += 3 * abs(now - was) * max(EVERY // MS, second - first) // 2
    sizes: defaultdict[Uid, int] = defaultdict(int)
    for segment in read_segments(session, account, since=since, until=until):
        sizes[segment.uid] = max(sizes[segment.uid], segment.hardware.accelerator_count)
    for gap in read_gaps(session, account, since=since, until=until):
        assert gap.until - gap.since > 2 * EVERY, "what is no gap is none on record"
        allowed[gap.uid] += (gap.high - gap.low) * sizes[gap.uid] * ((gap.until - gap.since) // MS)
    return allowed


def check_report(
    life: Life, metered: Mapping[Uid, Totals], truth: Mapping[Uid, Truth], ledger: Ledger
) -> None:
    """Demand of `report` the bounds of the ledger, and the truth inside them, by deployment."""
    since, until = watched_span(ledger)
    stretch = ("--from", written(since), "--to", written(until))
    report = life.command("report", *stretch, "--group-by", "deployment")
    rows = {row["deployment_id"]: row for row in report["rows"]}
    names = {uid: each.deployment_id for uid, each in truth.items()}
    for name in {*rows, *names.values()}:
        uids = [uid for uid in names if names[uid] == name]
        own = [metered[uid] for uid in uids if uid in metered]
        bounds = sum(total.low_ms for total in own), sum(total.high_ms for total in own)
        row = rows.get(name, {"gpu_seconds_low": 0, "gpu_seconds_high": 0})
        reported = round(row["gpu_seconds_low"] * 1000), round(row["gpu_seconds_high"] * 1000)
        assert reported == bounds, name
        assert bounds[0] <= sum(truth[uid].gpu_ms for uid in uids) <= bounds[1], name


def check_figures(life: Life, requests: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Demand that the truth is inside bounds that are narrow, and sums that agree."""
    looks = Looks(at=[to_ms(instant(each["at"])) for each in requests if _is_listing(each)])
    intervals = [after - before for before, after in pairwise(looks.at)]
    assert median(intervals) * MS <= 1.25 * EVERY, "it looks as often as it was told to"
    with life.ledger() as ledger:
        since, until = watched_span(ledger)
        real, truth = life.truth(since, until), visible(life, looks, since, until)
        metered = demand_truth_inside(ledger, truth)
        check_report(life, metered, truth, ledger)
        allowed = allowed_ms(ledger, life.truth(since, since + MS), truth, looks)
        wide = {uid: each.high_ms - each.low_ms for uid, each in metered.items()}
        assert not {uid: (wide[uid], allowed[uid]) for uid in wide if wide[uid] > allowed[uid]}
        demand_consistent_sums(ledger)
        demand_no_row_twice(ledger)
        gaps = read_gaps(ledger.session, ledger.account, since=since, until=until)
    return {
        "stretch": str(until - since),
        "polls": len(looks.at),
        "median_interval_s": median(intervals) / 1000,
        "longest_interval_s": max(intervals) / 1000,
        "gaps": len({(gap.since, gap.until) for gap in gaps}),
        "gpu_seconds": sum(each.gpu_ms for each in real.values()) / 1000,
        "width_gpu_seconds": sum(wide.values()) / 1000,
        "allowed_gpu_seconds": sum(allowed.values()) / 1000,
        "unseen_gpu_seconds": sum(abs(real[uid].gpu_ms - truth[uid].gpu_ms) for uid in real) / 1000,
        "changes": sum(len(each.changes) for each in real.values()),
    }


def _is_listing(request: Mapping[str, Any]) -> bool:
    return request["status"] == 200 and str(request["path"]).endswith("/deployments")


def check_day(life: Life, start: datetime) -> None:
    """Live through the whole day; in its sixteenth hour one of the idle is used again."""
    life.until(start + 12 * HOUR)
    everything = STANDARD_IDLE | {STANDARD_RETURNING}
    demand_plan(life, at_least=everything, at_most=everything, by=start + 14 * HOUR)
    life.until(start + 24 * HOUR)
    demand_plan(life, at_least=STANDARD_IDLE, at_most=STANDARD_IDLE, by=start + 26 * HOUR)


def check_hours(life: Life, start: datetime) -> None:
    """Live through two hours, and more where it takes more until the first are due."""
    life.until(start + 2 * HOUR)
    demand_plan(
        life,
        at_least=IDLE_ALL_ALONG,
        at_most=STANDARD_IDLE | {STANDARD_RETURNING},
        by=start + 2 * HOUR + PATIENCE,
    )


def test_the_real_process_is_truthful_about_the_real_simulator(
    *, real_seed: int, whole_day: bool, folder: Path
) -> None:
    with living(folder, seed=real_seed) as life:
        start = instant(life.ask("/_truth")["start"])
        (check_day if whole_day else check_hours)(life, start)
        assert life.stop() == 0
        requests = life.ask("/_log")["requests"]
        demand_reads_only(requests)
        assert {each["status"] for each in requests} == {200}
        assert len({each["deployment_id"] for each in life.ask("/_truth")["deployments"]}) == 24
        figures = check_figures(life, requests)
        print(f"seed {real_seed}: {figures}")  # noqa: T201 - shown by pytest -rP
    assert not [each for each in life.log if each["level"] in {"error", "critical"}]
    assert KEY not in json.dumps(life.log)
