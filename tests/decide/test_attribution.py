from decimal import Decimal

import pytest

from firewarden.decide.attribution import Attributions, service_of
from firewarden.decide.matching import compile_match
from firewarden.model.attributes import Attributes
from firewarden.model.verdict import Truth
from firewarden.policy.loading import load
from firewarden.policy.match import Match
from tests.support.deciding import a_deployment

RULES = """\
attribution:
  - {name: "search-*", team: search, cost_center: "4711", env: prod}
  - {name: ["exp-*", "search-lab"], team: research, env: experiment}
  - {name: "shared-*", split: {research: 60%, search: 40%}}
  - {region: "US_*", owner: americas}
  - {all: true, owner: platform}
"""
UNKNOWN_REGION = ""


def whose(name: str, *, rules: str = RULES, region: str = "EU_1", **tags: str) -> Attributes:
    attributions = Attributions(load({"p.yaml": f"version: 1\n{rules}"}).attribution)
    return attributions.of(a_deployment(deployment_id=name, region=region, tags=tags))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(whose("search-api").team, "search", id="the first rule that means it"),
        pytest.param(whose("search-api").cost_center, "4711", id="all that it says"),
        pytest.param(whose("search-lab").team, "search", id="a later rule does not overrule"),
        pytest.param(whose("exp-7").env, "experiment", id="one pattern of several"),
        pytest.param(whose("exp-7").owner, "platform", id="a later rule fills what is left"),
        pytest.param(whose("exp-7", region="US_1").owner, "americas", id="by what it runs on"),
        pytest.param(whose("other").team, "", id="nobody has said"),
        pytest.param(whose("exp-7", team="search").team, "search", id="its own tag wins"),
        pytest.param(whose("exp-7", Team="search").team, "search", id="in any case"),
        pytest.param(whose("exp-7", team=" ").team, "research", id="an empty tag says nothing"),
        pytest.param(whose("other", **{"cost-center": "8"}).cost_center, "8", id="with a hyphen"),
        pytest.param(whose("shared-llama").team, "", id="a split has no single team"),
        pytest.param(whose("shared-llama").values("team"), ("research", "search"), id="but two"),
        pytest.param(whose("shared-llama", team="x").split, {}, id="its own tag ends a split"),
        pytest.param(whose("chat-v12").service, "chat", id="service is the name, unversioned"),
        pytest.param(whose("chat-v12", service="talk").service, "talk", id="or what it says"),
    ],
)
def test_whose_a_deployment_is(found: object, expected: object) -> None:
    assert found == expected


def test_the_shares_of_a_split_are_kept_as_they_are_written() -> None:
    assert whose("shared-llama").split == {"research": Decimal("0.6"), "search": Decimal("0.4")}


def test_a_rule_that_asks_for_what_is_not_told_leaves_it_unsure() -> None:
    found = whose("other", region=UNKNOWN_REGION)

    assert (found.owner, found.unsure) == ("", frozenset({"owner"}))


def test_what_is_unsure_is_no_match_and_none_is_ruled_out() -> None:
    rules = load({"p.yaml": f"version: 1\n{RULES}"}).attribution
    matches = compile_match(Match.model_validate({"owner": "platform"}), Attributions(rules).of)

    assert matches(a_deployment(region=UNKNOWN_REGION)) is Truth.UNKNOWN


def test_each_team_of_a_split_is_matched() -> None:
    rules = load({"p.yaml": f"version: 1\n{RULES}"}).attribution
    matches = compile_match(Match.model_validate({"team": "search"}), Attributions(rules).of)

    assert matches(a_deployment(deployment_id="shared-llama", region="EU_1")) is Truth.TRUE


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("chat", "chat"),
        ("chat-v12", "chat"),
        ("chat-blue", "chat"),
        ("chat-green-v2", "chat"),
        ("chat-2026-11-02", "chat"),
        ("chat-20261102", "chat"),
        ("chat-20261102-1430", "chat"),
        ("exp-7", "exp-7"),
        ("v12", "v12"),
        ("-blue", "-blue"),
        ("llama-v3-70b", "llama-v3-70b"),
        ("bluebird", "bluebird"),
    ],
)
def test_a_service_outlives_its_roll_overs(name: str, service: str) -> None:
    assert service_of(name) == service
