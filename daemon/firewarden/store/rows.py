"""Values of the model as rows of the ledger, and back; nothing here asks the database."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from firewarden.model.ids import AccountId, DeploymentId, Uid
from firewarden.model.usage import (
    ActivityRun,
    Gap,
    Hardware,
    Known,
    Poll,
    ScrapeRecord,
    Segment,
)
from firewarden.store.codes import EVIDENCE, EVIDENCE_OF, USE, USE_OF
from firewarden.store.instants import (
    from_bracket,
    from_ms,
    from_us,
    maybe_from_ms,
    maybe_from_us,
    maybe_ms,
    maybe_us,
    to_bracket,
    to_ms,
    to_ms_after,
    to_us,
)

Values = dict[str, Any]


def storable(text: str) -> str:
    """Replace what PostgreSQL (NUL) or UTF-8 (half a surrogate pair) cannot hold.

    Such text may come from a provider, and must not keep the rest of its answer out.
    """
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def known_values(account_id: int, known: Known) -> Values:
    """Row of a deployment, without its number."""
    return {
        "account_id": account_id,
        "uid": known.uid,
        "deployment_id": known.deployment_id,
        "display_name": storable(known.display_name),
        "base_model": storable(known.base_model),
        "created_us": to_us(known.created_at),
        "first_seen_us": to_us(known.first_seen_at),
        "deleted_us": maybe_us(known.deleted_at),
        "purge_us": maybe_us(known.purge_at),
    }


def known_of(account: AccountId, row: RowMapping) -> Known:
    """Deployment of a row."""
    return Known(
        uid=Uid(row["uid"]),
        account=account,
        deployment_id=DeploymentId(row["deployment_id"]),
        display_name=row["display_name"],
        base_model=row["base_model"],
        created_at=from_us(row["created_us"]),
        first_seen_at=from_us(row["first_seen_us"]),
        deleted_at=maybe_from_us(row["deleted_us"]),
        purge_at=maybe_from_us(row["purge_us"]),
    )


def facts_values(segment: Segment) -> Values:
    """Row of what a segment says apart from whose it is and when."""
    hardware = segment.hardware
    return {
        "accelerator_type": storable(hardware.accelerator_type),
        "accelerator_count": hardware.accelerator_count,
        "placement": storable(hardware.placement),
        "plan": storable(hardware.plan),
        "cluster": hardware.cluster,
        "preemptible": hardware.preemptible,
        "ready": segment.ready,
        "starting": segment.starting,
        "floor": segment.floor,
        "ceiling": segment.ceiling,
        "desired": segment.desired,
        "state": storable(segment.state),
    }


def segment_values(deployment_id: int, facts_id: int, segment: Segment) -> Values:
    """Row of a segment; a closed one needs no word on when it was last confirmed."""
    if (segment.ended is None) != (segment.end_evidence is None):
        raise ValueError(f"a segment ends with a bracket and evidence, or does not: {segment}")
    start_lo, start_width = to_bracket(segment.started)
    end_lo, end_width = (None, None) if segment.ended is None else to_bracket(segment.ended)
    return {
        "deployment_id": deployment_id,
        "start_lo": start_lo,
        "start_width": start_width,
        "end_lo": end_lo,
        "end_width": end_width,
        "facts_id": facts_id,
        "start_evidence": EVIDENCE[segment.start_evidence],
        "end_evidence": None if segment.end_evidence is None else EVIDENCE[segment.end_evidence],
        "confirmed_at": None if segment.ended is not None else maybe_ms(segment.confirmed_at),
    }


def segment_of(row: RowMapping) -> Segment:
    """Segment of a row joined with its deployment and its facts."""
    ended = None if row["end_lo"] is None else from_bracket(row["end_lo"], row["end_width"])
    return Segment(
        uid=Uid(row["uid"]),
        hardware=Hardware(
            accelerator_type=row["accelerator_type"],
            accelerator_count=row["accelerator_count"],
            placement=row["placement"],
            plan=row["plan"],
            cluster=row["cluster"],
            preemptible=row["preemptible"],
        ),
        ready=row["ready"],
        starting=row["starting"],
        floor=row["floor"],
        ceiling=row["ceiling"],
        desired=row["desired"],
        state=row["state"],
        started=from_bracket(row["start_lo"], row["start_width"]),
        start_evidence=EVIDENCE_OF[row["start_evidence"]],
        ended=ended,
        end_evidence=None if row["end_evidence"] is None else EVIDENCE_OF[row["end_evidence"]],
        confirmed_at=maybe_from_ms(row["confirmed_at"]),
    )


def gap_values(deployment_id: int, gap: Gap) -> Values:
    """Row of a gap."""
    return {
        "deployment_id": deployment_id,
        "since": to_ms(gap.since),
        "until": to_ms_after(gap.until),
        "low": gap.low,
        "high": gap.high,
        "cause": storable(gap.cause),
    }


def gap_of(account: AccountId, row: RowMapping) -> Gap:
    """Gap of a row joined with its deployment."""
    return Gap(
        account=account,
        uid=Uid(row["uid"]),
        since=from_ms(row["since"]),
        until=from_ms(row["until"]),
        low=row["low"],
        high=row["high"],
        cause=row["cause"],
    )


def run_values(deployment_id: int, run: ActivityRun) -> Values:
    """Row of a run of use."""
    return {
        "deployment_id": deployment_id,
        "since": to_ms(run.since),
        "until": maybe_ms(run.until),
        "use": USE[run.use],
    }


def run_of(row: RowMapping) -> ActivityRun:
    """Run of a row joined with its deployment."""
    return ActivityRun(
        uid=Uid(row["uid"]),
        use=USE_OF[row["use"]],
        since=from_ms(row["since"]),
        until=maybe_from_ms(row["until"]),
    )


def poll_values(account_id: int, poll: Poll) -> Values:
    """Row of a poll."""
    return {
        "account_id": account_id,
        "asked_at": to_ms(poll.asked_at),
        "answered_at": to_ms_after(poll.answered_at),
        "skew_ms": poll.skew_ms,
        "count": poll.count,
        "ok": poll.ok,
        "complete": poll.complete,
        "problem": storable(poll.problem),
    }


def poll_of(account: AccountId, row: RowMapping) -> Poll:
    """Poll of a row."""
    return Poll(
        account=account,
        asked_at=from_ms(row["asked_at"]),
        answered_at=from_ms(row["answered_at"]),
        ok=row["ok"],
        complete=row["complete"],
        count=row["count"],
        skew_ms=row["skew_ms"],
        problem=row["problem"],
    )


def scrape_values(account_id: int, record: ScrapeRecord) -> Values:
    """Row of a scrape."""
    return {
        "account_id": account_id,
        "answered_at": to_ms(record.answered_at),
        "whole": record.whole,
        "problem": storable(record.problem),
    }


def scrape_of(account: AccountId, row: RowMapping) -> ScrapeRecord:
    """Scrape of a row."""
    return ScrapeRecord(
        account=account,
        answered_at=from_ms(row["answered_at"]),
        whole=row["whole"],
        problem=row["problem"],
    )


def to_json(values: Mapping[str, str]) -> str:
    """Write *values* so that equal ones are equal text."""
    return json.dumps(dict(values), sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> dict[str, str]:
    """Read what `to_json` wrote."""
    return {str(key): str(value) for key, value in json.loads(text).items()}
