"""What went wrong with policy files in other tools, beside tests/decide/test_incident_rows.py."""

from datetime import UTC, datetime, timedelta

import pytest

from firewarden.app.telling import Telling
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.policy.checking import check
from firewarden.policy.loading import load
from tests.support.deciding import IDLE

QUARTER = timedelta(minutes=15)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
A_WEEK = 7 * 96


def nights(zone: str, *, begins: str = "22:00", ends: str = "06:00") -> str:
    schedule = f'{{nights: {{days: mon-sun, from: "{begins}", to: "{ends}"}}}}'
    head = f"version: 1\ntimezone: {zone}\nschedules: {schedule}\n"
    return IDLE.replace("\nversion: 1\n", head).replace(
        "    match:", "    during: nights\n    match:"
    )


@pytest.mark.parametrize(
    "zone", ["UTC", "Etc/GMT+3", "America/Port-au-Prince", "Asia/Kathmandu", "Europe/Berlin"]
)
def test_incident_B_H10_a_night_across_midnight_has_eight_hours_in_every_zone(zone: str) -> None:
    (policy,) = load({"p.yaml": nights(zone)}).policies
    (schedule,) = policy.during

    held = [schedule.holds(MONDAY + number * QUARTER) for number in range(A_WEEK)]

    assert sum(held) == 7 * 8 * 4


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param(nights("Etc/Berlin"), "Etc/Berlin", id="no zone"),
        pytest.param(nights("CET+1"), "CET+1", id="a zone by its offset"),
        pytest.param(nights("UTC", begins="25:00"), "25:00", id="no hour"),
    ],
)
def test_incident_B_H10_what_is_no_hour_or_zone_is_an_error_with_its_place(
    text: str, answer: str
) -> None:
    problems = [str(each) for each in check({"p.yaml": text}) if each.severity == "error"]

    assert problems
    assert all(each.startswith("p.yaml:") and answer in each for each in problems)


def test_incident_B_H16_of_many_at_once_each_is_told_where_it_belongs() -> None:
    routes = "version: 1\nnotify: {teams: {slack: {by: team, map: {a: gpu-a, b: gpu-b}, else: x}}}"
    telling = Telling(policies=load({"p.yaml": routes}), variables={})
    notices = [
        Notice(
            account=AccountId("acme"),
            kind="idle.warn",
            key=f"story-{team}",
            severity=Severity.WARN,
            at=MONDAY,
            text="idle",
            facts={"team": team},
            routes=("teams",),
        )
        for team in ("a", "b", "")
    ]

    told = [str(telling.destinations(each)[-1]) for each in notices]

    assert told == ["slack:gpu-a", "slack:gpu-b", "slack:x"]
