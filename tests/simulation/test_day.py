"""One day of the whole daemon: what it metered, planned, asked and wrote, against the truth."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.providers.simulated.fleet_standard import CANARY
from tests.simulation.stages import (
    HOUR,
    KEY,
    MINUTE,
    STANDARD_IDLE,
    STANDARD_PROTECTED,
    STANDARD_RETURNING,
    START,
    standard_stage,
)
from tests.support.daemon import Stage, ask, ledger_of, running
from tests.support.oracles import (
    MS,
    demand_consistent_sums,
    demand_no_row_twice,
    demand_reads_only,
    demand_truth_inside,
    explained,
    look,
    planned,
    too_wide,
    truth_of,
    watched_span,
    written,
)


async def check_figures(stage: Stage) -> None:
    """Every deployment's truth is inside its bounds, the bounds are narrow, the sums agree."""
    with ledger_of(stage) as ledger:
        since, until = watched_span(ledger)
        truth = truth_of(await ask(stage, f"/_truth?from={written(since)}&to={written(until)}"))
        before = truth_of(
            await ask(stage, f"/_truth?from={written(since)}&to={written(since + MS)}")
        )
        metered = demand_truth_inside(ledger, truth)
        assert not too_wide(metered, before, truth, every=stage.settings.poll_every)
        demand_consistent_sums(ledger)
        demand_no_row_twice(ledger)
        assert sum(each.gpu_ms for each in truth.values()) > 0


def check_plan(stage: Stage, expected: set[str]) -> None:
    """The plan names exactly these, and everything protected says by what."""
    with ledger_of(stage) as ledger:
        picture = look(ledger)
    assert planned(picture) == expected
    for name, blocker in STANDARD_PROTECTED.items():
        assert explained(picture, name, policy="idle-to-zero").blocked_by == blocker


def check_secrets(stage: Stage, folder: Path, log: str) -> None:
    """No secret is in the database, a notice, the log."""
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix != ".lock")
    places = {path.name: path.read_bytes() for path in files}
    places["notices"] = repr(stage.heard.notices).encode()
    places["log"] = log.encode()
    assert {"ledger.db", "notices", "log"} <= places.keys()
    assert all(places.values())
    for secret in (CANARY, KEY):
        found = [name for name, content in places.items() if secret.encode() in content]
        assert not found, f"a secret is in {found}"


def test_a_day_is_metered_planned_and_told_truthfully(
    day_seed: int, folder: Path, logged: io.StringIO
) -> None:
    async def day(clock: VirtualClock) -> None:
        stage = standard_stage(clock, folder, seed=day_seed)
        async with running(stage, seed=day_seed):
            await clock.sleep(12 * HOUR)
            check_plan(stage, STANDARD_IDLE | {STANDARD_RETURNING})
            await clock.sleep(12 * HOUR + 3 * MINUTE)
            check_plan(stage, STANDARD_IDLE)
            await check_figures(stage)
        requests = (await ask(stage, "/_log"))["requests"]
        demand_reads_only(requests)
        assert {each["status"] for each in requests} == {200}
        check_secrets(stage, folder, logged.getvalue())
        kinds = {notice.kind for notice in stage.heard.notices}
        assert kinds >= {"idle.warn", "deployment.failed", "deployment.stuck_starting"}
        assert not {kind for kind in kinds if kind.startswith("meter.")}, "nothing went wrong"

    run_virtual(day, start=START)


@pytest.mark.parametrize(
    ("hours", "polls", "scrapes"), [pytest.param(24, "2m", "100s", id="a day at 2 min")]
)
def test_a_day_replays_byte_for_byte_in_another_process(
    day_seed: int, hours: int, polls: str, scrapes: str
) -> None:
    command = [sys.executable, "-m", "tests.simulation.replayed"]
    command += [str(day_seed), str(hours), polls, scrapes]
    runs = [_begun(command, hash_seed) for hash_seed in ("1", "2")]
    first, second = (_ended(run) for run in runs)

    assert first == second
    assert len(first.splitlines()) > 1_000


def _begun(command: list[str], hash_seed: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )


def _ended(run: "subprocess.Popen[str]") -> str:
    printed, _ = run.communicate(timeout=600)
    assert run.returncode == 0
    return printed
