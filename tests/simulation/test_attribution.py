"""Money follows whoever owned a deployment then, whatever is said of it later."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from firewarden.app.usage import read_report
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.report.usage import Figures
from tests.simulation.stages import HOUR, IDLE, MINUTE, QUICK, START, small_stage
from tests.support.daemon import Stage, ledger_of, running

RULES = """\
attribution:
  - {name: "busy-[12]", split: {research: 75%, search: 25%}}
  - {name: "busy-*", team: serving}
  - {name: kept, team: sales}
"""
OTHER_RULES = RULES.replace("team: serving", "team: platform")


def by(stage: Stage, *groups: str, since: int, until: int) -> Mapping[str, Figures]:
    """Report the hours *since* to *until* of a life."""
    with ledger_of(stage) as ledger:
        report = read_report(
            ledger,
            since=(START + since * HOUR).isoformat(),
            until=(START + until * HOUR).isoformat(),
            group_by=groups,
            timezone=None,
        )
    return {" ".join(keys.values()): figures for keys, figures in report.rows}


def gpu_ms(rows: Mapping[str, Figures]) -> int:
    return sum(figures.gpu_ms for figures in rows.values())


def test_what_changes_hands_is_paid_by_each_for_its_own_hours(folder: Path) -> None:
    async def life(clock: VirtualClock) -> Stage:
        stage = small_stage(clock, folder, policy=QUICK + RULES)
        async with running(stage):
            await clock.sleep(2 * HOUR + 20 * MINUTE)
            stage.world.human_patch("kept", clock.now(), annotations={"custom/team": "ads"})
            (folder / "policies" / "quick.yaml").write_text(QUICK + OTHER_RULES)
            await clock.sleep(2 * HOUR)
        return stage

    stage = run_virtual(life, start=START)
    before, after = (by(stage, "team", since=since, until=since + 2) for since in (0, 2))
    whole = by(stage, "deployment", "team", since=0, until=4)

    assert set(before) == {"(unallocated)", "research", "sales", "search", "serving"}
    assert set(after) == {"(unallocated)", "ads", "research", "platform", "search"}
    assert {"kept sales", "kept ads", f"{IDLE} (unallocated)"} < set(whole)
    assert gpu_ms(before) + gpu_ms(after) == gpu_ms(whole)
    assert gpu_ms(whole) == gpu_ms(by(stage, "deployment", since=0, until=4))
    assert gpu_ms(whole) == gpu_ms(by(stage, "team", "hour", since=0, until=4))


def test_the_parts_of_a_split_are_its_shares(folder: Path) -> None:
    async def life(clock: VirtualClock) -> Stage:
        stage = small_stage(clock, folder, policy=QUICK + RULES)
        async with running(stage):
            await clock.sleep(2 * HOUR)
        return stage

    stage = run_virtual(life, start=START)
    rows = by(stage, "deployment", "team", since=0, until=2)
    research, search = rows["busy-1 research"], rows["busy-1 search"]
    (whole,) = (
        figures
        for name, figures in by(stage, "deployment", since=0, until=2).items()
        if name == "busy-1"
    )

    assert research.gpu_ms + search.gpu_ms == whole.gpu_ms > 0
    assert abs(research.gpu_ms - 3 * search.gpu_ms) <= 4
    assert abs(research.cost + search.cost - whole.cost) <= Decimal("1e-9")
