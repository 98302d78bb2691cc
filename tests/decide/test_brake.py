from dataclasses import replace

import pytest

from firewarden.decide.brake import find_brake
from firewarden.decide.judge import judge
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.model.activity import QuietEvidence, Use
from firewarden.model.ids import Uid
from firewarden.model.vocabulary import Blocker
from tests.support.deciding import (
    IDLE,
    NOW,
    UNKNOWN,
    Looks,
    a_deployment,
    a_situation,
    active,
    minutes,
    policies,
    quiet,
)


def turned(ago: float, *, used: float = 0.5) -> QuietEvidence:
    """Quiet since *ago* minutes, in use until *used* minutes before."""
    return replace(quiet(minutes(ago)), active_at=NOW - minutes(ago + used))


def a_world(*groups: tuple[int, QuietEvidence], **changes: object) -> Situation:
    """So many deployments with such evidence each."""
    looks = [evidence for count, evidence in groups for _ in range(count)]
    by_name = {f"exp-{number}": look for number, look in enumerate(looks)}
    deployments = [a_deployment(name) for name in by_name]
    return replace(a_situation(*deployments, looks=Looks(by_name)), **changes)  # type: ignore[arg-type] # a test changes any field


def brake(situation: Situation) -> str:
    return find_brake(
        situation, [Seen(one, situation) for one in situation.fleet.deployments.values()]
    )


@pytest.mark.parametrize(
    ("situation", "doubted"),
    [
        pytest.param(a_world((5, active()), (5, quiet(minutes(90)))), False, id="an ordinary day"),
        pytest.param(a_world((4, turned(10)), (1, active())), True, id="4 of 5 at once"),
        pytest.param(a_world((3, turned(10)), (1, active())), False, id="3 may at any time"),
        pytest.param(a_world((5, turned(10)), (5, active())), False, id="exactly half may"),
        pytest.param(a_world((6, turned(10)), (4, active())), True, id="more than half"),
        pytest.param(
            a_world((6, turned(10)), (6, quiet(minutes(90))), (1, active())),
            False,
            id="those idle before count in the whole",
        ),
        pytest.param(
            a_world((2, turned(10)), (2, turned(20)), (2, turned(30)), (1, active())),
            False,
            id="one after the other is life",
        ),
        pytest.param(
            a_world((6, turned(10, used=10)), (4, active())), False, id="a hole lies between"
        ),
        pytest.param(a_world((6, turned(10)), (9, UNKNOWN)), True, id="unknown ones do not count"),
        pytest.param(
            a_world((3, turned(10)), (9, quiet(minutes(90)))),
            True,
            id="all fell silent",
        ),
        pytest.param(
            a_world((2, turned(10)), (9, quiet(minutes(90)))), False, id="two may fall silent"
        ),
        pytest.param(
            a_world((3, turned(361)), (9, quiet(minutes(900)))),
            False,
            id="silence of six hours is believed",
        ),
        pytest.param(
            a_world((1, turned(10)), (1, turned(18)), (1, turned(25)), (9, quiet(minutes(90)))),
            True,
            id="the last few within minutes",
        ),
        pytest.param(
            a_world((2, turned(10)), (1, turned(26)), (9, quiet(minutes(90)))),
            False,
            id="the last few over a longer time",
        ),
        pytest.param(a_world((9, quiet(minutes(90)))), False, id="never in use under our eyes"),
        pytest.param(
            a_world((6, turned(10)), (4, active()), brake_released_at=NOW - minutes(5)),
            False,
            id="a person has released it",
        ),
        pytest.param(
            a_world((6, turned(10)), (4, active()), brake_released_at=NOW - minutes(11)),
            True,
            id="released before it happened",
        ),
        pytest.param(
            a_world((4, active()), absent=frozenset(Uid(f"x@{n}") for n in range(4))),
            True,
            id="half the listing vanished",
        ),
        pytest.param(
            a_world((5, active()), absent=frozenset(Uid(f"x@{n}") for n in range(4))),
            False,
            id="less than half vanished",
        ),
        pytest.param(a_world((1, active()), absent=frozenset({Uid("x@1")})), False, id="1 of 2"),
        pytest.param(
            a_world((3, turned(10)), (4, active()), absent=frozenset({Uid("x@1"), Uid("x@2")})),
            True,
            id="what vanished adds to what turned quiet",
        ),
    ],
)
def test_when_the_look_is_doubted(situation: Situation, *, doubted: bool) -> None:
    assert bool(brake(situation)) is doubted


def test_all_zero_metrics_stop_nothing_not_even_what_was_idle_before() -> None:
    idle_before = (2, quiet(minutes(90)))
    situation = a_world(idle_before, (6, turned(50)))

    verdicts = judge(situation, policies(IDLE))

    assert len(verdicts) == 8
    assert {verdict.blocked_by for verdict in verdicts} == {Blocker.EVIDENCE_BRAKE}


def test_blindness_is_not_silence_and_does_not_end_it() -> None:
    blind_in_use = replace(active(newest=minutes(2)), use=Use.UNKNOWN)
    blind_quiet = replace(turned(10), use=Use.UNKNOWN)

    assert not brake(a_world((4, blind_in_use), (9, quiet(minutes(90)))))
    assert brake(a_world((4, blind_quiet), (9, replace(quiet(minutes(90)), use=Use.UNKNOWN))))


def test_when_use_shows_again_the_look_is_believed_again() -> None:
    assert brake(a_world((6, turned(10)), (4, active())))
    assert not brake(a_world((6, active()), (4, active())))
