"""What people hear of the daemon's own health while the world is in trouble, and what is left."""

from collections import Counter
from pathlib import Path

import pytest

from firewarden.clock.virtual import VirtualClock
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.store.notices import read_firing
from tests.simulation.stages import EMPTY_LEDGER, MINUTE, small_stage
from tests.support.clock import NOW
from tests.support.daemon import Stage, ledger_of, running
from tests.support.virtual import in_virtual_time

REFUSED = """
[[fault]]
kind = "{kind}"
from = "1m"
to = "40m"
"""


def firing(stage: Stage) -> list[Notice]:
    with ledger_of(stage) as ledger:
        return [alert.notice for alert in read_firing(ledger.session, ledger.account)]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param("unauthorized", "provider.refused", id="401"),
        pytest.param("forbidden", "provider.refused", id="403"),
        pytest.param("suspended", "provider.suspended", id="412"),
    ],
)
@in_virtual_time
async def test_one_cause_pages_once_whatever_it_stops_and_is_over_with_the_next_poll(
    clock: VirtualClock, tmp_path: Path, fault: str, kind: str
) -> None:
    stage = small_stage(clock, tmp_path, faults=REFUSED.format(kind=fault))

    async with running(stage):
        await clock.sleep(39 * MINUTE)
        (during,) = firing(stage)
        await clock.sleep(3 * MINUTE)
        after = firing(stage)

    pages = [each for each in stage.heard.notices if each.severity is Severity.PAGE]
    assert [each.kind for each in pages] == [during.kind] == [kind]
    assert {"poll", "metrics", "bill"} <= set(during.facts["parts"].split(", "))
    assert {each.kind for each in after} <= {"idle.warn"}
    assert "meter.gap" in {each.kind for each in stage.heard.notices}
    told = Counter(each.resolved for each in stage.heard.notices if each.kind == kind)
    assert told == {False: 1, True: 1}


@in_virtual_time
async def test_a_ledger_that_is_taken_away_is_noticed_and_no_new_one_is_begun(
    clock: VirtualClock, tmp_path: Path
) -> None:
    stage = small_stage(clock, tmp_path)
    file, aside = tmp_path / EMPTY_LEDGER, tmp_path / "aside.db"

    async with running(stage, leased_for=MINUTE):
        await clock.sleep(5 * MINUTE)
        file.rename(aside)
        await clock.sleep(5 * MINUTE)
        missed = file.exists()
        aside.rename(file)
        await clock.sleep(5 * MINUTE)

    told = [each for each in stage.heard.notices if each.key == "health:database"]
    assert not missed
    assert [(each.severity, each.resolved) for each in told] == [
        (Severity.PAGE, False),
        (Severity.INFO, True),
    ]
    assert "its file is gone" in told[0].text
    lost_at = told[0].at - NOW
    assert 5 * MINUTE <= lost_at <= 6 * MINUTE
