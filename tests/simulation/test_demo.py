"""The demo in virtual time: its own fleet, policies and people, and what the ledger holds."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from firewarden.app.cast import Stage as Scenery
from firewarden.app.cast import play_parts
from firewarden.app.compose import open_database
from firewarden.app.glimpse import read_glimpse
from firewarden.app.people import Desk
from firewarden.app.script import CUES, IDLE, STOPS
from firewarden.app.summary import Summary, sum_up
from firewarden.clock.virtual import VirtualClock, run_virtual
from firewarden.model.action import Intent, Outcome, Released
from firewarden.model.ids import AccountId
from firewarden.model.people import OverrideKind
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Verb
from firewarden.providers.simulated.fleets import FLEETS
from firewarden.providers.simulated.world import World
from firewarden.report.glimpse import Glimpse, Tone
from firewarden.report.story import Storyteller, Told
from firewarden.store.runner import Inline
from firewarden.store.tables import OutboxRow, table
from tests.simulation.stages import MINUTE, START
from tests.support.daemon import Stage, a_stage, ask, ledger_of, running, settings_for

OUTBOX = table(OutboxRow)
LASTS = timedelta(hours=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A demo that is over."""

    stage: Stage
    story: Sequence[Told]
    log: Sequence[dict[str, str]]

    @property
    def texts(self) -> list[str]:
        return [told.text for told in self.story]

    def line(self, words: str) -> Told:
        """Find the one line that holds *words*."""
        (found,) = [told for told in self.story if words in told.text]
        return found

    def changes(self, deployment_id: str) -> list[tuple[str, datetime]]:
        """Tell every request that was to change it: the end of its path, and when it came."""
        return [
            (each["path"].rpartition("/")[2], datetime.fromisoformat(each["at"]))
            for each in self.log
            if each["method"] != "GET" and f"/{deployment_id}" in each["path"]
        ]


def glimpse(stage: Stage) -> Glimpse:
    with ledger_of(stage) as ledger:
        return read_glimpse(ledger, since=START)


def summary(stage: Stage) -> Summary:
    with ledger_of(stage) as ledger:
        summed = sum_up(ledger, stage.world)
    assert summed is not None
    return summed


async def play(clock: VirtualClock, folder: Path, *, seed: int) -> Played:
    """Live through a demo as `firewarden demo` does; its receiver's socket needs real time."""
    policies = folder / "policies"
    policies.mkdir()
    (policies / "idle.yaml").write_text(STOPS, encoding="utf-8")
    variables = {"MODE": "enforce", "POLL_EVERY": "120s", "METRICS_EVERY": "60s"}
    given = {f"FIREWARDEN_{name}": value for name, value in variables.items()}
    settings = settings_for(folder, policies, **given)
    stage = a_stage(World(FLEETS["small"](seed), seed=seed, start=clock.now()), clock, settings)
    teller, story = Storyteller(verbose=False), list[Told]()
    with closing(open_database(settings, upgrade=True)) as database:
        desk = Desk(
            database=database,
            settings=settings,
            account=AccountId("acme"),
            timezone="UTC",
            actor="",
            clock=clock,
            wall=clock,
        )
        scenery = Scenery(world=stage.world, desk=desk, run_db=Inline())
        cues = tuple(cue for cue in CUES["small"] if cue.policy == IDLE)
        async with running(stage), asyncio.TaskGroup() as group:
            group.create_task(play_parts(scenery, cues))
            for _ in range(LASTS // (5 * MINUTE)):
                await clock.sleep(5 * MINUTE)
                story += teller.look(glimpse(stage))
        log = (await ask(stage, "/_log"))["requests"]
    return Played(stage=stage, story=story, log=log)


@pytest.fixture(scope="module", params=[1], ids="seed {}".format)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo")
    return run_virtual(lambda clock: play(clock, folder, seed=request.param), start=START)


@pytest.mark.parametrize(
    ("words", "tone"),
    [
        pytest.param("watching acme: 9 deployments", Tone.PLAIN, id="it begins"),
        pytest.param("forgotten is going idle: no request for", Tone.PLAIN, id="going idle"),
        pytest.param("launch-reserve is left alone, it is protected", Tone.SPARED, id="protected"),
        pytest.param("people are warned of forgotten: idle 1", Tone.WARNED, id="warned"),
        pytest.param("forgotten is stopped: idle 3", Tone.CHANGED, id="stopped"),
        pytest.param(
            "eval-friday is kept: grace@acme snoozes it until", Tone.SPARED, id="kept in its grace"
        ),
        pytest.param(
            "ranker has its old bounds again, min 1, max 2: a request has woken it",
            Tone.SPARED,
            id="woken",
        ),
        pytest.param(
            "batch-embed is left as it is: somebody set min 1, max 2", Tone.SPARED, id="reverted"
        ),
        pytest.param("eval-friday is stopped: idle", Tone.CHANGED, id="when its snooze is over"),
    ],
)
def test_every_scene_is_told_once(played: Played, words: str, tone: Tone) -> None:
    assert played.line(words).tone is tone


def test_scenes_are_told_in_the_order_they_came_about(played: Played) -> None:
    first = [
        next(at for at, text in enumerate(played.texts) if words in text)
        for words in (
            "watching",
            "forgotten is going idle",
            "people are warned of forgotten",
            "forgotten is stopped",
            "eval-friday is kept",
            "ranker is stopped",
            "ranker has its old bounds",
            "batch-embed is stopped",
            "batch-embed is left as it is",
        )
    ]

    assert first == sorted(first)
    assert [told.number for told in played.story] == list(range(1, len(played.story) + 1))


def test_nothing_of_it_goes_wrong(played: Played) -> None:
    signs = ("not complete", "held back", "is not stopped", "unpriced", "by itself again")

    assert [text for text in played.texts if any(sign in text for sign in signs)] == []


def stops(found: Glimpse) -> list[Intent]:
    return [each for each in found.intents if each.verb is Verb.SCALE_TO_ZERO]


def receipts(stage: Stage, incident: Incident) -> list[datetime]:
    """Tell when each warning of *incident* was taken by a destination."""
    columns = OUTBOX.c.notice, OUTBOX.c.sent_at
    sent = select(*columns).where(OUTBOX.c.state == "sent", OUTBOX.c.story.contains(incident.uid))
    with ledger_of(stage) as ledger:
        rows = ledger.session.execute(sent).all()
    warnings = [at for notice, at in rows if json.loads(notice)["kind"] == "idle.warn"]
    found = [datetime.fromtimestamp(at / 1000, UTC) for at in warnings]
    closed_at = incident.closed_at or incident.entered_at
    return [at for at in found if incident.opened_at <= at <= closed_at]


def test_each_stop_has_its_incident_its_receipt_and_its_intent_before_the_call(
    played: Played,
) -> None:
    found = glimpse(played.stage)
    incidents = {(each.uid, each.policy, each.opened_at): each for each in found.incidents}
    for stop in stops(found):
        incident = incidents[stop.uid, stop.policy, stop.opened_at or stop.planned_at]
        (receipt,) = receipts(played.stage, incident)
        name = incident.uid.partition("@")[0].rpartition("/")[2]
        calls = [(path, at) for path, at in played.changes(name) if at >= stop.planned_at]

        assert incident.state is IncidentState.DONE
        assert stop.outcome is Outcome.APPLIED
        assert receipt + 15 * MINUTE <= stop.planned_at
        assert [path for path, _ in calls[:2]] == [name, f"{name}:scale"]
        assert stop.finished_at is not None
        assert calls[1][1] <= stop.finished_at


def test_what_woke_has_its_old_bounds_and_what_a_person_set_is_left(played: Played) -> None:
    found = glimpse(played.stage)
    rows = {each.deployment_id: each for each in found.status.deployments}
    restored = [each for each in found.intents if each.verb is Verb.RESTORE]

    assert [each.uid.partition("@")[0].rpartition("/")[2] for each in restored] == ["ranker"]
    assert (rows["ranker"].min_replica_count, rows["ranker"].max_replica_count) == (1, 2)
    assert rows["batch-embed"].min_replica_count == 1
    assert rows["forgotten"].min_replica_count == rows["forgotten"].gpu_count == 0
    assert [each.kind for each in found.overrides] == [OverrideKind.SNOOZE]
    assert len([each for each in stops(found) if each.released is Released.HUMAN]) == 1
    for name in ("chat-prod", "moderation", "sandbox", "launch-reserve", "poc-march"):
        assert played.changes(name) == []


def test_the_summary_counts_what_is_in_the_ledger(played: Played) -> None:
    summed = summary(played.stage)
    found = glimpse(played.stage)
    forgotten = next(each for each in found.incidents if "/forgotten@" in each.uid)
    assert forgotten.closed_at is not None
    since = summed.until - forgotten.closed_at

    assert summed.is_inside
    assert summed.stop_count == len(stops(found)) == 4
    assert (summed.restored_count, summed.kept_count, summed.reverted_count) == (1, 1, 1)
    assert summed.recovered_count == 0
    assert summed.saving.unpriced_ms == 0
    assert summed.saving.gpu_ms >= 4 * since // timedelta(milliseconds=1)
