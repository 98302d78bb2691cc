"""A saving is ours until the first request, a person, a successor, the provider's timer, a week."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from firewarden.metering.ours import CLAIM_FOR, After, Ending, Stop, stop_of
from firewarden.model.action import Bounds, Effect, Intent, Outcome, Released
from firewarden.model.activity import Use
from firewarden.model.ids import AccountId, PolicyName, make_uid
from firewarden.model.usage import ActivityRun, Bracket, Evidence, Hardware, Segment
from firewarden.model.vocabulary import Mode, Verb

T0 = datetime.fromisoformat("2026-11-02T09:00:00+00:00")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LATER = T0 + 30 * 24 * HOUR
UID = make_uid("accounts/acme/deployments/exp-7", T0 - 24 * HOUR)
H100 = Hardware(accelerator_type="NVIDIA_H100_80GB", accelerator_count=8)
STOPPED = Intent(
    account=AccountId("acme"),
    uid=UID,
    verb=Verb.SCALE_TO_ZERO,
    policy=PolicyName("idle-to-zero"),
    policy_hash="",
    mode=Mode.ENFORCE,
    actor="policy",
    reason="idle",
    effect=Effect(min_replica_count=0, replica_count=0),
    before=Bounds(min_replica_count=1, max_replica_count=4, desired_replica_count=2),
    planned_at=T0 - timedelta(seconds=2),
    epoch=1,
    action_id=7,
    outcome=Outcome.APPLIED,
    finished_at=T0,
)


def segment(since: datetime, *, ready: int) -> Segment:
    """Begin a stretch at *since*, known to half a minute."""
    return Segment(
        uid=UID, hardware=H100, ready=ready, starting=0, floor=0, ceiling=4, desired=ready,
        state="READY", started=Bracket(lo=since, hi=since + MINUTE / 2),
        start_evidence=Evidence.POLL,
    )  # fmt: skip


def used(since: datetime, until: datetime | None = None) -> ActivityRun:
    return ActivityRun(uid=UID, use=Use.ACTIVE, since=since, until=until)


def quiet(since: datetime, until: datetime | None = None) -> ActivityRun:
    return ActivityRun(uid=UID, use=Use.QUIET, since=since, until=until)


BEFORE = segment(T0 - 5 * HOUR, ready=2)
ROWS = (BEFORE, segment(T0 + MINUTE, ready=0))
SILENT = (quiet(T0 - HOUR),)


def stop(
    intent: Intent = STOPPED,
    rows: tuple[Segment, ...] = ROWS,
    runs: tuple[ActivityRun, ...] = SILENT,
    after: After = After(),  # noqa: B008  # it cannot change
    *,
    now: datetime = LATER,
) -> Stop | None:
    return stop_of(intent, rows, runs, after, now=now)


def released(why: Released, at: datetime = T0 + 2 * HOUR) -> Intent:
    return replace(STOPPED, released=why, released_at=at)


def with_min_0(window: timedelta | None = None) -> Intent:
    bounds = replace(STOPPED.before, min_replica_count=0, scale_to_zero_window=window)
    return replace(STOPPED, before=bounds)


BACK = (*ROWS, segment(T0 + 3 * HOUR, ready=1), segment(T0 + 3 * HOUR + MINUTE, ready=2))


@pytest.mark.parametrize(
    ("found", "until", "ending"),
    [
        pytest.param(stop(), T0 + CLAIM_FOR, Ending.CLAIMED, id="nobody ever comes"),
        pytest.param(
            stop(runs=(quiet(T0 - HOUR, T0 + HOUR), used(T0 + HOUR))),
            T0 + HOUR, Ending.WOKEN, id="a request",
        ),
        pytest.param(
            stop(rows=BACK), T0 + 3 * HOUR + 1.25 * MINUTE, Ending.WOKEN,
            id="as many replicas as before, and not the first of them",
        ),
        pytest.param(stop(released(Released.HUMAN)), T0 + 2 * HOUR, Ending.PERSON, id="a person"),
        pytest.param(
            stop(released(Released.RESTORED)), T0 + 2 * HOUR, Ending.RESTORED, id="put back"
        ),
        pytest.param(
            stop(released(Released.RESTORED), after=After(was_woken=True)),
            T0 + 2 * HOUR, Ending.WOKEN, id="put back because a request woke it",
        ),
        pytest.param(
            stop(released(Released.NEEDS_OWNER)), T0 + 2 * HOUR, Ending.RESTORED,
            id="put back before the provider deletes it",
        ),
        pytest.param(stop(released(Released.GONE)), T0 + 2 * HOUR, Ending.GONE, id="deleted"),
        pytest.param(
            stop(released(Released.GONE), after=After(deleted_by_us=True)),
            T0 + CLAIM_FOR, Ending.CLAIMED,
            id="deleted by us: the saving goes on",
        ),
        pytest.param(
            stop(after=After(successors=(T0 - HOUR, T0 + 5 * HOUR))),
            T0 + 5 * HOUR, Ending.RECREATED,
            id="the service is created again",
        ),
        pytest.param(
            stop(with_min_0(timedelta(hours=3))), T0 + 2 * HOUR, Ending.TIMER,
            id="what the provider would have stopped two hours later",
        ),
        pytest.param(
            stop(with_min_0()), T0, Ending.TIMER, id="what its timer of an hour was due to stop"
        ),
        pytest.param(
            stop(with_min_0(), runs=()), T0, Ending.TIMER,
            id="nobody knows for how long it was quiet: nothing is claimed",
        ),
        pytest.param(
            stop(with_min_0(), runs=(used(T0 - HOUR),)), T0 + CLAIM_FOR, Ending.CLAIMED,
            id="no timer stops what is in use",
        ),
        pytest.param(
            stop(
                with_min_0(timedelta(hours=3)),
                runs=(quiet(T0 - 4 * HOUR), used(T0 - 3 * HOUR, T0 - HOUR), quiet(T0 - HOUR)),
            ),
            T0 + 2 * HOUR, Ending.TIMER, id="the timer runs from the last request",
        ),
    ],
)  # fmt: skip
def test_what_ends_a_saving(found: Stop | None, until: datetime, ending: Ending) -> None:
    assert found is not None
    assert (found.until, found.ending) == (until, ending)
    assert (found.gpus, found.at) == (16, T0)


def test_the_first_of_several_ends_counts() -> None:
    found = stop(
        released(Released.HUMAN),
        rows=BACK,
        after=After(successors=(T0 + HOUR,)),
        runs=(used(T0 + 4 * HOUR),),
    )

    assert found is not None
    assert found.ending is Ending.RECREATED


def test_what_has_not_ended_yet_goes_on() -> None:
    found = stop(rows=BACK, now=T0 + HOUR)

    assert found is not None
    assert (found.until, found.ending) == (None, None)


@pytest.mark.parametrize(
    "intent",
    [
        pytest.param(replace(STOPPED, finished_at=None, outcome=Outcome.PLANNED), id="open"),
        pytest.param(replace(STOPPED, verb=Verb.HOLD_GROWTH), id="nothing is taken away"),
        pytest.param(replace(STOPPED, verb=Verb.RESTORE), id="given back"),
    ],
)
def test_what_takes_nothing_away_saves_nothing(intent: Intent) -> None:
    assert stop(intent) is None


def test_what_was_at_zero_already_saves_nothing() -> None:
    assert stop(rows=(segment(T0 - HOUR, ready=0),)) is None
    assert stop(rows=()) is None


@pytest.mark.parametrize(("minutes", "regretted"), [(60, True), (61, False)])
def test_a_request_within_an_hour_is_a_regret(minutes: int, *, regretted: bool) -> None:
    found = stop(runs=(quiet(T0 - HOUR), used(T0 + minutes * MINUTE)))

    assert found is not None
    assert found.is_regretted is regretted


def test_a_person_who_changes_it_back_at_once_is_no_regret() -> None:
    found = stop(released(Released.HUMAN, at=T0 + MINUTE))

    assert found is not None
    assert not found.is_regretted
