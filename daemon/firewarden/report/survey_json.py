"""The survey for programs: keys that stay."""

from firewarden.decide.survey import Stake
from firewarden.report.encode import JsonObject
from firewarden.report.survey import BilledRow, RunningRow, Survey
from firewarden.report.text import instant_json, ms_json, usd_json


def survey_json(survey: Survey) -> JsonObject:
    """Give the keys of ``survey --json``."""
    return {
        "account": survey.account,
        "observed_at": instant_json(survey.at),
        "complete": not survey.problem,
        "timezone": survey.timezone,
        "role": survey.role,
        "currency": "USD",
        "burn_usd_per_hour": usd_json(survey.burn_usd_per_hour),
        "unpriced_deployment_count": survey.unpriced_count,
        "findings": [
            {
                "kind": each.kind,
                "subject": each.subject,
                "evidence": each.evidence,
                "usd_per_month": usd_json(each.usd_per_month),
                "basis": each.sure,
                "command": each.command,
                "deployments": [_stake_json(stake) for stake in each.stakes],
            }
            for each in survey.findings
        ],
        "deployments": [_running_json(row) for row in survey.running],
        "bill": {
            "from": survey.first.isoformat(),
            "to": survey.last.isoformat(),
            "timezone": survey.timezone,
            "rows": [_billed_json(row) for row in survey.billed],
        },
        "prices": [
            {
                "accelerator_type": price.accelerator_type,
                "usd_per_gpu_hour": usd_json(price.usd_per_gpu_hour),
                "source": price.source,
            }
            for price in survey.prices
        ],
        "notes": list(survey.notes),
    }


def _stake_json(stake: Stake) -> JsonObject:
    return {
        "deployment_id": stake.deployment_id,
        "usd_per_month": usd_json(stake.usd_per_month),
    }


def _running_json(row: RunningRow) -> JsonObject:
    return {
        "deployment_id": row.deployment_id,
        "display_name": row.display_name,
        "base_model": row.base_model,
        "state": row.state,
        "gpu_count": row.gpu_count,
        "accelerator_type": row.accelerator_type,
        "min_replica_count": row.min_replica_count,
        "max_replica_count": row.max_replica_count,
        "owner": row.owner,
        "activity": row.activity,
        "burn_usd_per_hour": usd_json(row.burn_usd_per_hour),
    }


def _billed_json(row: BilledRow) -> JsonObject:
    return {
        "deployment_id": row.deployment_id,
        "accelerator_type": row.accelerator_type,
        "gpu_seconds": ms_json(row.gpu_ms),
        "cost_usd": usd_json(row.cost),
        "gpu_seconds_by_day": [ms_json(each) for each in row.days],
    }
