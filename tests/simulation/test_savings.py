"""What is said to be saved is what was truly not used, at the margin, until it came back."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from firewarden.app.savings import read_savings
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.metering.ours import Ending
from firewarden.providers.simulated.fleet_parts import H100, OLD, fields, flow, own_model
from firewarden.providers.simulated.patterns import Waves
from firewarden.providers.simulated.plan import DeploymentPlan
from firewarden.report.savings import Saving, SavingsReport, SavingState
from tests.simulation.stages import HOUR, MINUTE, QUICK, START, small_stage
from tests.support.daemon import Stage, ask, happen, ledger_of, running
from tests.support.oracles import truth_of, written

ENFORCE = QUICK.replace("observe", "enforce") + "    allow: [default_model]\n"
ENFORCE += "    limits: {per_cycle: 9, per_hour: 99, share_per_hour: 100%}\n"
FOR = 5 * HOUR


def idle(name: str) -> DeploymentPlan:
    return DeploymentPlan(
        deployment_id=name, fields=fields(H100, 8, (1, 1), model=own_model(name)), age=OLD
    )


BUSY = tuple(
    DeploymentPlan(
        deployment_id=f"busy-{number}",
        fields=fields(H100, 8, (1, 1), model=own_model(f"busy-{number}")),
        age=OLD,
        flows=flow(Waves(per_minute=(30 + number, 60 + number), hours=(0.2, 0.5))),
    )
    for number in range(7)
)
"""56 GPUs that are in use all the time."""


def lived(folder: Path, commitments: str) -> tuple[Stage, SavingsReport, dict[str, int]]:
    """Five hours with two idle ones, one of which is called after three.

    Gives what the idle ones truly held, by name.
    """

    async def life(clock: VirtualClock) -> tuple[Stage, dict[str, int]]:
        stage = small_stage(
            clock,
            folder,
            deployments=(idle("exp-1"), idle("exp-2"), *BUSY),
            policy=ENFORCE + commitments,
            FIREWARDEN_MODE="enforce",
        )
        async with running(stage):
            await clock.sleep(3 * HOUR)
            await happen(stage, "request", "exp-2")
            await clock.sleep(FOR - 3 * HOUR)
        told = await ask(stage, f"/_truth?from={written(START)}&to={written(START + FOR)}")
        return stage, {each.deployment_id: each.gpu_ms for each in truth_of(told).values()}

    stage, truth = run_virtual(life, start=START)
    with ledger_of(stage) as ledger:
        report = read_savings(ledger, since=None, until=None, timezone=None)
    return stage, report, truth


def first_of(report: SavingsReport) -> dict[str, Saving]:
    found: dict[str, Saving] = {}
    for each in report.savings:
        found.setdefault(each.deployment_id, each)
    return found


@pytest.fixture(scope="module")
def report_and_truth(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[SavingsReport, dict[str, int]]:
    _, report, truth = lived(tmp_path_factory.mktemp("saved"), "commitments: none\n")
    return report, truth


def test_what_slept_to_the_end_saved_what_it_did_not_use(
    report_and_truth: tuple[SavingsReport, dict[str, int]],
) -> None:
    report, truth = report_and_truth
    saving = first_of(report)["exp-1"]

    used_before = 8 * int((saving.at - START) / timedelta(milliseconds=1))
    truly_saved = 8 * int((START + FOR - saving.at) / timedelta(milliseconds=1))
    truly_saved -= truth["exp-1"] - used_before
    assert saving.low_ms <= truly_saved + 8 * 60_000
    assert truly_saved <= saving.high_ms + 8 * 60_000
    assert (saving.ending, saving.until, saving.state) == (None, None, SavingState.MEASURED)
    assert saving.usd_low <= saving.usd <= saving.usd_high
    assert abs(saving.usd - 8 * Decimal(saving.gpu_ms) / 3_600_000) < Decimal("0.01")


def test_what_was_called_saved_until_the_call(
    report_and_truth: tuple[SavingsReport, dict[str, int]],
) -> None:
    report, _ = report_and_truth
    saving = first_of(report)["exp-2"]

    assert saving.ending is Ending.WOKEN
    assert saving.until is not None
    assert abs(saving.until - (START + 3 * HOUR)) < 15 * MINUTE
    assert not saving.is_regretted


def test_nothing_is_called_settled_before_its_bill_is_in(
    report_and_truth: tuple[SavingsReport, dict[str, int]],
) -> None:
    report, _ = report_and_truth

    assert report.total(SavingState.SETTLED) == 0
    assert report.total(SavingState.MEASURED) == sum(each.usd for each in report.savings)
    assert not report.is_up_to


def test_what_is_reserved_anyway_is_freed_and_not_saved(folder: Path) -> None:
    reserve = """\
commitments:
  - {kind: capacity, accelerator: NVIDIA_H100_80GB, gpus: 64, from: "2026-01-01", to: "2027-01-01"}
"""
    _, report, _ = lived(folder, reserve)
    first, second, *_ = report.savings

    assert (first.deployment_id, second.deployment_id) == ("exp-1", "exp-2")
    # 72 ran: the first to go was on demand, but for the minutes in which `exp-2` wakes.
    assert first.gpu_ms * 0.98 < first.paid_ms <= first.gpu_ms
    assert second.gpu_ms > 0
    assert second.usd == 8 * Decimal(second.paid_ms) / 3_600_000
    assert second.paid_ms == 0
