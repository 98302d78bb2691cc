from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firewarden.decide.attribution import Attributions
from firewarden.decide.protections import (
    ProtectionList,
    built_in_protection,
    tag_protection,
    unknown_surroundings,
)
from firewarden.decide.seen import Seen
from firewarden.model.deployment import Deployment, Surroundings, Trait
from firewarden.model.vocabulary import Blocker
from firewarden.policy.fields import LIFTABLE
from tests.support.deciding import (
    NOW,
    Looks,
    Since,
    a_deployment,
    a_situation,
    active,
    minutes,
    policies,
    quiet,
)

NOBODY: frozenset[Blocker] = frozenset()


def protected_by(entry: str, deployment: Deployment, *, now: datetime = NOW) -> str:
    protections = policies(f"version: 1\nprotect:\n  - {entry}\n").protections
    return ProtectionList(protections, Attributions().of).find(deployment, now=now)


@pytest.mark.parametrize(
    ("entry", "deployment", "protects"),
    [
        pytest.param("{name: exp-1, forever: true}", a_deployment(), True, id="by id"),
        pytest.param("{name: EXP-*, forever: true}", a_deployment(), True, id="in any case"),
        pytest.param(
            '{name: "*paper*", forever: true}',
            a_deployment(display_name="The Paper"),
            True,
            id="by display name",
        ),
        pytest.param(
            "{tags: {env: prod}, forever: true}",
            a_deployment(tags={"ENV": "Prod"}),
            True,
            id="tags in any case",
        ),
        pytest.param("{name: other, forever: true}", a_deployment(), False, id="another one"),
        pytest.param(
            "{region: US_*, forever: true}", a_deployment(), True, id="what is not known protects"
        ),
        pytest.param('{name: exp-1, until: "2026-11-22"}', a_deployment(), True, id="today"),
        pytest.param('{name: exp-1, until: "2026-11-21"}', a_deployment(), False, id="yesterday"),
        pytest.param(
            '{name: exp-1, until: "2026-11-22T12:00:00Z"}', a_deployment(), False, id="until now"
        ),
    ],
)
def test_protect_entry(entry: str, deployment: Deployment, *, protects: bool) -> None:
    assert bool(protected_by(entry, deployment)) is protects


def test_a_protection_says_where_it_stands_and_why() -> None:
    why = protected_by("{name: exp-1, forever: true, reason: paper deadline}", a_deployment())

    assert why == "protect at policies/test.yaml:3: paper deadline"


@pytest.mark.parametrize(
    ("tags", "blocker"),
    [
        pytest.param({}, None, id="no tags"),
        pytest.param({"protect": "true"}, None, id="a tag that is not ours"),
        pytest.param({"firewarden.protect": "true"}, Blocker.PROTECTED, id="true"),
        pytest.param({"Firewarden.PROTECT": "TRUE"}, Blocker.PROTECTED, id="in any case"),
        pytest.param({"firewarden.protect": "2026-12-15"}, Blocker.PROTECTED, id="a date"),
        pytest.param({"firewarden.protect": "2026-11-22"}, Blocker.PROTECTED, id="today"),
        pytest.param({"firewarden.protect": "2026-11-20"}, None, id="a date that is over"),
        pytest.param({"firewarden.protect": "8h"}, Blocker.PROTECTED, id="since when?"),
        pytest.param({"firewarden.protect": "false"}, Blocker.PROTECTED, id="malformed protects"),
        pytest.param({"firewarden.protect": ""}, Blocker.PROTECTED, id="empty protects"),
        pytest.param({"firewarden.protect": "2026-13-45"}, Blocker.PROTECTED, id="no such date"),
        pytest.param({"firewarden.protect": "9999-12-31"}, Blocker.PROTECTED, id="the last date"),
        pytest.param({"firewarden.protcet": "true"}, Blocker.PROTECTED, id="a typo protects"),
        pytest.param({"firewarden.": "x"}, Blocker.PROTECTED, id="no name at all protects"),
        pytest.param({"firewarden.wake": "no"}, Blocker.WAKE_NO, id="never to zero"),
        pytest.param({"firewarden.wake": "yes"}, None, id="may go to zero"),
        pytest.param({"firewarden.wake": "maybe"}, Blocker.PROTECTED, id="malformed wake"),
        pytest.param({"firewarden.ttl": "72h"}, None, id="a lifetime is no protection"),
        pytest.param({"firewarden.ttl": "soon"}, Blocker.PROTECTED, id="malformed ttl"),
        pytest.param(
            {"firewarden.wake": "no", "firewarden.ttl": "?"}, Blocker.PROTECTED, id="the stronger"
        ),
    ],
)
def test_reserved_tag(tags: dict[str, str], blocker: Blocker | None) -> None:
    found = tag_protection(tags, now=NOW)

    assert (found[0] if found else None) is blocker


def test_a_date_in_a_tag_lasts_until_its_day_is_over_everywhere() -> None:
    tags = {"firewarden.protect": "2026-12-15"}

    assert tag_protection(tags, now=datetime(2026, 12, 16, 11, 59, tzinfo=UTC)) is not None
    assert tag_protection(tags, now=datetime(2026, 12, 16, 12, 0, tzinfo=UTC)) is None


AROUND = {
    Blocker.PUBLISHED_MODEL: Surroundings(is_published=True),
    Blocker.ROUTER_MEMBER: Surroundings(routers=("main",)),
    Blocker.ADDONS: Surroundings(addon_count=2),
    Blocker.DEFAULT_MODEL: Surroundings(default_models=("llama",), default_alternatives=1),
}
CHANGES: dict[Blocker, dict[str, Any]] = {
    Blocker.HOT_LOAD: {"traits": frozenset({Trait.HOT_LOAD})},
    Blocker.TRAINING: {"traits": frozenset({Trait.TRAINING})},
    Blocker.DIRECT_ROUTE: {"traits": frozenset({Trait.DIRECT_ROUTE})},
    Blocker.OWN_CLUSTER: {"traits": frozenset({Trait.OWN_CLUSTER})},
    Blocker.PREEMPTIBLE: {"traits": frozenset({Trait.PREEMPTIBLE})},
    Blocker.PROVIDER_SCHEDULE: {"traits": frozenset({Trait.PROVIDER_SCHEDULE})},
    Blocker.NOT_READY: {"state": "UPDATING"},
    Blocker.COLD_START: {},
}


def a_look(blocker: Blocker) -> Seen:
    """A deployment that exactly this built-in protection applies to."""
    deployment = a_deployment(**CHANGES.get(blocker, {}))
    around = {deployment.name: AROUND[blocker]} if blocker in AROUND else {}
    ready = NOW - minutes(5) if blocker is Blocker.COLD_START else NOW - timedelta(days=2)
    return Seen(deployment, a_situation(deployment, surroundings=around, ages=Since(ready=ready)))


@pytest.mark.parametrize("blocker", [*CHANGES, *AROUND])
def test_each_built_in_protection_protects(blocker: Blocker) -> None:
    found = built_in_protection(a_look(blocker), NOBODY)

    assert found is not None
    assert found[0] is blocker
    assert found[1]


@pytest.mark.parametrize("blocker", [each for each in [*CHANGES, *AROUND] if each in LIFTABLE])
def test_each_is_lifted_by_its_own_name_and_by_no_other(blocker: Blocker) -> None:
    seen = a_look(blocker)
    others = frozenset(LIFTABLE) - {blocker}

    assert built_in_protection(seen, frozenset({blocker})) is None
    assert built_in_protection(seen, others) is not None


def test_an_ordinary_deployment_is_not_protected() -> None:
    assert built_in_protection(Seen(a_deployment(), a_situation()), NOBODY) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"state": "CREATING"}, "CREATING", id="being created"),
        pytest.param({"state": "FAILED"}, "FAILED", id="failed"),
        pytest.param({"state": "SOMETHING_NEW"}, "SOMETHING_NEW", id="a state new to us"),
        pytest.param({"desired_replica_count": 2}, "changing", id="a replica is called for"),
        pytest.param({"starting_replica_count": 1}, "changing", id="a replica is starting"),
        pytest.param({"trainer_job": "t"}, "belongs to t", id="a trainer's rollout"),
    ],
)
def test_what_is_not_settled_is_left_alone(changes: dict[str, Any], why: str) -> None:
    found = built_in_protection(Seen(a_deployment(**changes), a_situation()), NOBODY)

    assert found is not None
    assert why in found[1]


@pytest.mark.parametrize(
    ("ages", "created_ago", "is_cold"),
    [
        pytest.param(Since(ready=NOW - minutes(19.9)), 3000, True, id="younger than a start"),
        pytest.param(Since(ready=NOW - minutes(20)), 3000, False, id="exactly a start old"),
        pytest.param(Since(ready=None), 3000, True, id="since when is not known"),
        pytest.param(
            Since(ready=NOW - minutes(1), seen=NOW - minutes(1)),
            3000,
            False,
            id="it was ready when we came: its age is its own",
        ),
        pytest.param(
            Since(ready=NOW - minutes(1), seen=NOW - minutes(1)), 10, True, id="and that is young"
        ),
    ],
)
def test_a_cold_start_is_given_its_time(ages: Since, created_ago: float, *, is_cold: bool) -> None:
    deployment = a_deployment(created_at=NOW - minutes(created_ago))

    found = built_in_protection(Seen(deployment, a_situation(deployment, ages=ages)), NOBODY)

    assert (found is not None) is is_cold


@pytest.mark.parametrize(
    ("alternatives", "used_ago", "watched_for", "protects"),
    [
        pytest.param(0, 0, 30, False, id="the only one for its model: it wakes"),
        pytest.param(1, 6, 30, True, id="others serve it too, and it was used this week"),
        pytest.param(1, 8, 30, False, id="used longer ago than a week"),
        pytest.param(1, 7, 30, False, id="exactly a week ago"),
        pytest.param(1, None, 30, False, id="not used as long as we watched"),
        pytest.param(1, None, 6, True, id="not watched for a week"),
    ],
)
def test_the_default_of_a_model_keeps_serving_it(
    alternatives: int, used_ago: int | None, watched_for: int, *, protects: bool
) -> None:
    deployment = a_deployment()
    around = Surroundings(default_models=("llama",), default_alternatives=alternatives)
    used = active(newest=timedelta(days=used_ago)) if used_ago is not None else quiet(minutes(60))
    situation = a_situation(
        deployment,
        surroundings={deployment.name: around},
        looks=Looks(default=used),
        ages=Since(seen=NOW - timedelta(days=watched_for), ready=NOW - timedelta(days=5)),
    )

    assert (built_in_protection(Seen(deployment, situation), NOBODY) is not None) is protects


@pytest.mark.parametrize(
    ("changes", "is_unknown"),
    [
        pytest.param({}, False, id="read just now, and nothing leans on it"),
        pytest.param({"surroundings": None}, True, id="not readable"),
        pytest.param({"surroundings_at": None}, True, id="never read"),
        pytest.param({"surroundings_at": NOW - minutes(120)}, False, id="exactly fresh enough"),
        pytest.param({"surroundings_at": NOW - minutes(121)}, True, id="too old"),
    ],
)
def test_unknown_surroundings_protect(changes: dict[str, Any], *, is_unknown: bool) -> None:
    seen = Seen(a_deployment(), a_situation(**changes))

    assert (unknown_surroundings(seen, NOBODY) is not None) is is_unknown


def test_surroundings_read_before_a_deployment_was_made_say_nothing_of_it() -> None:
    young = a_deployment(created_at=NOW - minutes(10))
    before = a_situation(young, surroundings_at=NOW - minutes(30))
    after = a_situation(young, surroundings_at=NOW - minutes(10))

    assert unknown_surroundings(Seen(young, before), NOBODY) is not None
    assert unknown_surroundings(Seen(young, after), NOBODY) is None


def test_unknown_surroundings_are_lifted_only_with_all_that_they_could_hide() -> None:
    seen = Seen(a_deployment(), a_situation(surroundings=None))

    assert unknown_surroundings(seen, frozenset(AROUND) - {Blocker.ADDONS}) is not None
    assert unknown_surroundings(seen, frozenset(AROUND)) is None
