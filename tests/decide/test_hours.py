"""What rests on a clock: its hours, the quiet it waits for, and what holds it nevertheless."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firewarden.decide.judge import Judge
from firewarden.model.activity import QuietEvidence
from firewarden.model.verdict import Truth, Verdict
from firewarden.model.vocabulary import Blocker, Mode
from firewarden.policy.loading import load
from firewarden.policy.rules import PolicySet
from tests.support.deciding import (
    UNKNOWN,
    Looks,
    a_deployment,
    a_fleet,
    a_situation,
    active,
    minutes,
    quiet,
)

RULES = """\
version: 1
schedules:
  nights: {days: mon-sun, from: "20:00", to: "07:00"}
  weekends: {days: sat-sun}
  freeze: {dates: ["2026-11-24"], verbs: [park]}
policies:
  off:
    mode: enforce
    match: {name: "exp-*"}
    during: [nights, weekends]
    stages: [{warn: {before: 30m}}, scale_to_zero, {restore: at_end, lead: 20m}]
"""
ASKS = "    stages"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NIGHT = MONDAY + timedelta(hours=22)
HOUR = timedelta(hours=1)


def rules(more: str = "", *, verb: str = "scale_to_zero") -> PolicySet:
    text = RULES.replace("scale_to_zero", verb).replace(ASKS, f"{more}{ASKS}")
    return load({"p.yaml": text})


def judged(
    at: datetime = NIGHT,
    look: QuietEvidence | None = None,
    policies: PolicySet | None = None,
    **changes: Any,
) -> Verdict:
    found = quiet(minutes(60), now=at) if look is None else look
    one = a_deployment("exp-1", max_replica_count=1)
    plain = a_situation(one, looks=Looks({"exp-1": found}))
    fleet = replace(a_fleet([one]), asked_at=at, answered_at=at)
    given: dict[str, Any] = {
        "now": at,
        "fleet": fleet,
        "ceiling": Mode.ENFORCE,
        "surroundings_at": at,
    }
    (verdict,) = Judge(policies or rules()).explain(replace(plain, **given | changes), one)
    return verdict


@pytest.mark.parametrize(
    ("at", "truth", "reason"),
    [
        pytest.param(MONDAY + 12 * HOUR, Truth.FALSE, "", id="by day"),
        pytest.param(MONDAY + 19.49 * HOUR, Truth.FALSE, "", id="before it warns"),
        pytest.param(
            MONDAY + 19.5 * HOUR, Truth.TRUE, "soon in nights or weekends", id="when it warns"
        ),
        pytest.param(MONDAY + 20 * HOUR, Truth.TRUE, "in nights", id="when they begin"),
        pytest.param(MONDAY + 30.6 * HOUR, Truth.TRUE, "in nights", id="not yet put back"),
        pytest.param(MONDAY + 30.7 * HOUR, Truth.FALSE, "", id="when it is to be put back"),
        pytest.param(MONDAY + 31 * HOUR, Truth.FALSE, "", id="when they end"),
        pytest.param(
            MONDAY + 5 * 24 * HOUR + 22 * HOUR, Truth.TRUE, "in nights and weekends", id="both"
        ),
        pytest.param(MONDAY + 5 * 24 * HOUR + 12 * HOUR, Truth.TRUE, "in weekends", id="one"),
    ],
)
def test_its_hours_and_what_leads_into_them(at: datetime, truth: Truth, reason: str) -> None:
    verdict = judged(at)

    assert (verdict.truth, verdict.reason) == (truth, reason)


@pytest.mark.parametrize(
    ("look", "more", "blocker"),
    [
        pytest.param(quiet(minutes(10), now=NIGHT), "", None, id="quiet for ten minutes"),
        pytest.param(
            quiet(minutes(9.9), now=NIGHT), "", Blocker.REQUESTS_IN_FLIGHT, id="not yet so long"
        ),
        pytest.param(active(now=NIGHT), "", Blocker.REQUESTS_IN_FLIGHT, id="in use"),
        pytest.param(UNKNOWN, "", Blocker.DATA_MISSING, id="nobody knows"),
        pytest.param(active(now=NIGHT), "    even_if_active: true\n", None, id="even if active"),
        pytest.param(UNKNOWN, "    even_if_active: true\n", None, id="even if nobody knows"),
    ],
)
def test_it_waits_for_quiet(look: QuietEvidence, more: str, blocker: Blocker | None) -> None:
    assert judged(NIGHT, look, rules(more)).blocked_by is blocker


@pytest.mark.parametrize(
    ("verb", "at", "blocker"),
    [
        pytest.param("park", NIGHT + 24 * HOUR, Blocker.FREEZE, id="a verb that is forbidden"),
        pytest.param("park", NIGHT, None, id="the day before"),
        pytest.param("scale_to_zero", NIGHT + 24 * HOUR, None, id="another verb"),
    ],
)
def test_it_rests_in_hours_that_forbid_its_verb(
    verb: str, at: datetime, blocker: Blocker | None
) -> None:
    lifted = "    allow: [unknown_env]\n" if verb == "park" else ""
    policies = rules(f"    except_during: freeze\n{lifted}", verb=verb)

    assert judged(at, None, policies).blocked_by is blocker


def test_what_people_and_the_listing_say_holds_a_clock_too() -> None:
    one = a_deployment("exp-1")

    assert judged(snoozed={one.uid: "by ada"}).blocked_by is Blocker.SNOOZED
    assert judged(kept={one.uid: "by ada"}).blocked_by is Blocker.PROTECTED
    assert judged(complete_cycles=1).blocked_by is Blocker.TOO_FEW_CYCLES
