"""Trust is earned by complete listings without a hole between them."""

from datetime import UTC, datetime, timedelta

import pytest

from firewarden.model.ids import AccountId
from firewarden.model.usage import Poll
from firewarden.observe.streak import Streak

START = datetime(2026, 11, 2, tzinfo=UTC)
EVERY = timedelta(seconds=30)


def a_poll(seconds: float, *, complete: bool = True) -> Poll:
    """Build a poll answered *seconds* after the start."""
    at = START + timedelta(seconds=seconds)
    return Poll(
        account=AccountId("acme"),
        asked_at=at - timedelta(seconds=1),
        answered_at=at,
        ok=complete,
        complete=complete,
        count=3,
    )


@pytest.mark.parametrize(
    ("polls", "count"),
    [
        pytest.param([], 0, id="nothing seen, nothing trusted"),
        pytest.param([a_poll(0)], 1, id="one complete poll"),
        pytest.param([a_poll(0), a_poll(30)], 2, id="two in a row"),
        pytest.param(
            [a_poll(0), a_poll(30, complete=False), a_poll(60)], 2, id="one failure is no hole"
        ),
        pytest.param([a_poll(0), a_poll(90)], 2, id="three intervals are no hole"),
        pytest.param([a_poll(0), a_poll(90.001)], 1, id="longer than three intervals is one"),
        pytest.param(
            [a_poll(0), a_poll(30), a_poll(100, complete=False), a_poll(125, complete=False)],
            0,
            id="trust ends with the hole, not with the next success",
        ),
        pytest.param([a_poll(60), a_poll(0)], 1, id="a clock that jumped back starts anew"),
    ],
)
def test_complete_polls_in_a_row(polls: list[Poll], count: int) -> None:
    assert Streak.of(polls, every=EVERY).count == count
