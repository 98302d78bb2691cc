"""Every view: its stable keys, its words, and that hostile names do no harm."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from firewarden.model.activity import Activity
from firewarden.model.ids import PolicyName, Uid
from firewarden.model.verdict import ConditionResult, Truth, Verdict
from firewarden.model.vocabulary import Blocker, Mode, Verb
from firewarden.report.checks import Check, Health, checks_json, checks_view, worst
from firewarden.report.explain import Explanation, explain_json, explain_view
from firewarden.report.status import NextAction, status_json, status_view
from firewarden.report.survey import survey_view
from firewarden.report.survey_json import survey_json
from firewarden.report.usage import (
    Figures,
    UsageState,
    usage_csv,
    usage_json,
    usage_view,
)
from tests.report.views import (
    HOSTILE,
    NOW,
    a_deployment,
    a_report,
    a_status,
    a_survey,
    some_figures,
)

NEXT = NextAction(
    verb="scale_to_zero", at=NOW + timedelta(minutes=8), policy="idle", blocked_by="mode"
)


def a_verdict(name: str = "idle-to-zero") -> Verdict:
    return Verdict(
        uid=Uid("u"),
        policy=PolicyName(name),
        policy_hash="h",
        mode=Mode.OBSERVE,
        truth=Truth.UNKNOWN,
        conditions=(
            ConditionResult(
                condition="idle_for",
                value=None,
                threshold=timedelta(minutes=45),
                verdict=Truth.UNKNOWN,
                because="no scrape for 6m",
                sample_age=timedelta(minutes=6),
            ),
        ),
        blocked_by=Blocker.DATA_MISSING,
        blocked_because="the newest scrape is 6m old",
        verb=Verb.SCALE_TO_ZERO,
        acts_at=None,
        reason="unknown: no scrape for 6m",
        evidence={},
    )


def shown(view: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, markup=False)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_status_has_its_stable_keys() -> None:
    assert status_json(a_status(a_deployment(next_action=NEXT))) == {
        "account": "acme",
        "observed_at": "2026-11-22T13:59:40Z",
        "complete": True,
        "mode": "observe",
        "deployments": [
            {
                "account": "acme",
                "deployment_id": "exp-7",
                "display_name": "Experiment 7",
                "base_model": "accounts/fireworks/models/llama",
                "state": "READY",
                "ready_replica_count": 1,
                "gpu_count": 2,
                "accelerator_type": "NVIDIA_H100_80GB",
                "min_replica_count": 1,
                "max_replica_count": 2,
                "tags": {"team": "research"},
                "attributes": {},
                "activity": "idle",
                "quiet_since": "2026-11-22T13:08:00Z",
                "quiet_for_seconds": 3120,
                "idle_for_seconds": 3120,
                "first_verdict_at": None,
                "burn_usd_per_hour": "16.00",
                "month_to_date_usd": "123.456789",
                "protected": False,
                "next_action": {
                    "verb": "scale_to_zero",
                    "at": "2026-11-22T14:08:00Z",
                    "policy": "idle",
                    "blocked_by": "mode",
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "2 GPUs, 16.00 USD/h · mode observe", id="burn has its unit"),
        pytest.param({"burn_usd_per_hour": None}, "1 deployment unpriced", id="unpriced is said"),
        pytest.param({"next_action": NEXT}, "14:08 UTC [idle], held: mode", id="next"),
        pytest.param({"protected": True}, "protected", id="protected"),
        pytest.param(
            {"first_verdict_at": NOW + timedelta(minutes=3)}, "first verdict 14:03 UTC", id="soon"
        ),
        pytest.param({"activity": Activity.UNKNOWN}, "unknown", id="unknown is a word"),
    ],
)
def test_status_says(changes: dict[str, object], words: str) -> None:
    assert words in shown(status_view(a_status(a_deployment(**changes))))


def test_status_says_how_old_it_is_and_why_it_is_not_complete() -> None:
    assert "observed 2026-11-22 13:59 UTC, 20s ago" in shown(status_view(a_status()))
    late = a_status(complete=False, problem="the newest poll failed: HTTP 503")
    assert "not complete: the newest poll failed: HTTP 503" in shown(status_view(late))
    assert "never observed" in shown(status_view(a_status(observed_at=None)))


def test_report_has_its_stable_keys() -> None:
    given = usage_json(a_report(({"deployment": "exp-7"}, some_figures())))
    figures = {
        "gpu_seconds": 7200.5,
        "gpu_seconds_low": 7190,
        "gpu_seconds_high": 7211,
        "idle_gpu_seconds": 3600,
        "unknown_gpu_seconds": 60,
        "gap_gpu_seconds": 36,
        "starting_gpu_seconds": 90,
        "unpriced_gpu_seconds": 0,
        "adjusted_gpu_seconds": 0,
        "coverage": 0.9867,
        "state": "estimated",
        "cost_usd": "16.001111111",
        "cost_usd_low": "15.00",
        "cost_usd_high": "17.00",
        "idle_cost_usd": "8.00",
        "idle_actionable_cost_usd": "8.00",
        "adjustment_usd": "0.00",
    }

    assert given == {
        "from": "2026-11-21T14:00:00Z",
        "to": "2026-11-22T14:00:00Z",
        "group_by": ["deployment"],
        "timezone": "UTC",
        "currency": "USD",
        "complete": True,
        "rows": [{"deployment_id": "exp-7"} | figures],
        "total": figures,
    }


def test_rows_sum_to_the_total_to_the_nano_dollar() -> None:
    third = some_figures(cost=Decimal("0.333333333"), state=UsageState.BACKFILLED)
    report = a_report(*(({"deployment": str(each)}, third) for each in range(3)))

    assert report.total.cost == Decimal("0.999999999")
    assert report.total.gpu_ms == 3 * third.gpu_ms
    assert report.total.state is UsageState.BACKFILLED
    assert (report.total + some_figures()).state is UsageState.ESTIMATED


def test_an_adjustment_is_in_the_cost_and_in_no_activity() -> None:
    metered = Figures(gpu_ms=10_000, low_ms=9_000, high_ms=11_000, idle_ms=10_000, cost=Decimal(10))
    less = Figures(
        gpu_ms=-400, low_ms=600, high_ms=-1_400, adjusted_ms=-400, cost=Decimal(-1),
        adjustment=Decimal(-1), state=UsageState.ADJUSTED,
    )  # fmt: skip
    total = metered + less

    assert (total.low_ms, total.gpu_ms, total.high_ms) == (9_600, 9_600, 9_600)
    assert (total.active_ms, total.idle_ms, total.coverage) == (0, 10_000, 1.0)
    assert (total.cost, total.adjustment) == (Decimal(9), Decimal(-1))
    assert total.state is UsageState.ADJUSTED


def test_what_has_no_price_has_no_cost() -> None:
    unpriced = Figures(gpu_ms=5000, low_ms=5000, high_ms=5000, unpriced_ms=5000)

    given = usage_json(a_report(({"deployment": "exp-7"}, unpriced)))

    assert given["rows"][0]["cost_usd"] is None
    assert given["rows"][0]["unpriced_gpu_seconds"] == 5
    assert "unpriced" in shown(usage_view(a_report(({"deployment": "exp-7"}, unpriced))))


def test_an_empty_report_is_still_one() -> None:
    assert usage_json(a_report())["total"]["gpu_seconds"] == 0
    assert "total" in shown(usage_view(a_report()))


def test_the_csv_has_the_names_of_the_json() -> None:
    report = a_report(({"deployment": "exp-7"}, some_figures()))

    (row,) = csv.DictReader(io.StringIO(usage_csv(report)))

    assert list(row) == list(usage_json(report)["rows"][0])
    assert row["cost_usd"] == "16.001111111"


def test_explain_has_its_stable_keys() -> None:
    explanation = Explanation(
        deployment_id="exp-7", at=NOW, timezone="UTC", verdicts=(a_verdict(),)
    )

    assert explain_json(explanation) == {
        "deployment_id": "exp-7",
        "at": "2026-11-22T14:00:00Z",
        "policies": [
            {
                "policy": "idle-to-zero",
                "mode": "observe",
                "verdict": "unknown",
                "blocked_by": "data_missing",
                "acts_at": None,
                "conditions": [
                    {
                        "condition": "idle_for",
                        "value": None,
                        "threshold": 2700,
                        "verdict": "unknown",
                        "sample_age_seconds": 360,
                    }
                ],
            }
        ],
    }
    text = shown(explain_view(explanation))
    assert "idle-to-zero (observe): ? unknown: no scrape for 6m" in text
    assert "? unknown  idle_for = unknown, wants 45m, evidence 6m old: no scrape for 6m" in text
    assert "held by data_missing: the newest scrape is 6m old" in text


def test_doctor_has_its_stable_keys_and_the_worst_decides() -> None:
    checks = (
        Check(name="key", health=Health.OK, detail="accepted"),
        Check(name="database", health=Health.WORLD, detail="locked", mend="stop the other one"),
    )

    assert checks_json(checks) == {
        "checks": [
            {"name": "key", "ok": True, "detail": "accepted", "mend": ""},
            {"name": "database", "ok": False, "detail": "locked", "mend": "stop the other one"},
        ]
    }
    assert worst(checks) == 1
    assert worst((*checks, Check(name="policies", health=Health.YOURS, detail="x"))) == 2
    assert worst(()) == 0
    assert "FAIL" in shown(checks_view(checks))


def test_the_survey_says_the_burn_and_the_findings_in_dollars() -> None:
    text = shown(survey_view(a_survey()))

    assert "2 GPUs in 1 deployment: 16.00 USD/h now, 11,680.00 USD/month" in text
    assert "1. exp-7: always on · 11,680.00 USD/month (list price, as it runs now)" in text
    assert "firewarden explain exp-7" in text
    assert survey_json(a_survey())["burn_usd_per_hour"] == "16.00"
    assert "Nothing looks wrong" in shown(survey_view(a_survey(findings=())))


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(
            lambda: status_view(
                a_status(
                    a_deployment(
                        deployment_id=HOSTILE,
                        state=HOSTILE,
                        accelerator_type=HOSTILE,
                        next_action=NextAction(
                            verb=HOSTILE, at=NOW, policy=HOSTILE, blocked_by=HOSTILE
                        ),
                    ),
                    account=HOSTILE,
                )
            ),
            id="status",
        ),
        pytest.param(
            lambda: usage_view(a_report(({"deployment": HOSTILE}, some_figures()))), id="report"
        ),
        pytest.param(
            lambda: explain_view(
                Explanation(
                    deployment_id=HOSTILE, at=NOW, timezone="UTC", verdicts=(a_verdict(HOSTILE),)
                )
            ),
            id="explain",
        ),
        pytest.param(
            lambda: checks_view((Check(name="key", health=Health.OK, detail=HOSTILE),)),
            id="doctor",
        ),
        pytest.param(lambda: survey_view(a_survey(account=HOSTILE)), id="survey"),
    ],
)
def test_a_hostile_name_cannot_write_to_the_terminal(view: Callable[[], RenderableType]) -> None:
    text = shown(view())

    assert "calc" in text
    assert not {each for each in text if ord(each) < 32 and each != "\n"}
    assert "\u202e" not in text
