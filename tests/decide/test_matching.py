from typing import Any

import pytest

from firewarden.decide.attribution import Attributions
from firewarden.decide.matching import Matcher, compile_match
from firewarden.model.deployment import Deployment
from firewarden.model.verdict import Truth
from firewarden.policy.match import Match
from tests.support.deciding import a_deployment

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def meaning(match: dict[str, Any], *, either_name: bool = False) -> Matcher:
    """What *match* means where no rule says whose a deployment is."""
    whose = Attributions().of
    return compile_match(Match.model_validate(match), whose, either_name=either_name)


@pytest.mark.parametrize(
    ("match", "changes", "expected"),
    [
        pytest.param({"all": True}, {}, T, id="all"),
        pytest.param({"name": "exp-*"}, {}, T, id="a glob on the id"),
        pytest.param({"name": "exp-?"}, {}, T, id="one letter"),
        pytest.param({"name": "xp-1"}, {}, F, id="a glob is anchored"),
        pytest.param({"name": "EXP-*"}, {}, T, id="case does not matter"),
        pytest.param({"name": ["a", "exp-1"]}, {}, T, id="a list is ORed"),
        pytest.param({"name": "exp-1|b"}, {}, F, id="a bar is a letter"),
        pytest.param({"name": "exp-*", "state": "FAILED"}, {}, F, id="keys are ANDed"),
        pytest.param({"display_name": "My*"}, {"display_name": "my exp"}, T, id="display name"),
        pytest.param({"name": "my*"}, {"display_name": "my exp"}, F, id="name is not that"),
        pytest.param({"display_name": "My*"}, {}, F, id="no display name is known to be none"),
        pytest.param({"tags": {"team": "research"}}, {"tags": {"Team": "Research"}}, T, id="tags"),
        pytest.param({"tags": {"team": "*"}}, {"tags": {"team": "x"}}, T, id="a tag is there"),
        pytest.param({"tags": {"team": "*"}}, {}, F, id="a tag that is not there"),
        pytest.param({"not": {"tags": {"keep": "*"}}}, {"tags": {"Keep": "1"}}, F, id="not tags"),
        pytest.param({"tags": {"a": "1", "b": "2"}}, {"tags": {"a": "1"}}, F, id="tags are ANDed"),
        pytest.param({"team": "research"}, {"tags": {"Team": "Research"}}, T, id="an attribute"),
        pytest.param({"env": "prod"}, {}, F, id="an attribute that nobody has said"),
        pytest.param({"not": {"env": "prod"}}, {}, T, id="not an attribute nobody has said"),
        pytest.param({"owner": "*"}, {"tags": {"owner": "ada"}}, T, id="whoever owns it"),
        pytest.param({"owner": "*"}, {}, F, id="nobody owns it"),
        pytest.param({"service": "exp-1"}, {"deployment_id": "exp-1-v2"}, T, id="service"),
        pytest.param({"model": "*llama*"}, {}, T, id="model"),
        pytest.param({"accelerator": "NVIDIA_H100*"}, {}, T, id="accelerator"),
        pytest.param({"accelerator": "*"}, {"accelerator_type": ""}, U, id="no accelerator told"),
        pytest.param(
            {"not": {"accelerator": "X"}}, {"accelerator_type": ""}, U, id="unknown through not"
        ),
        pytest.param({"state": "READY"}, {"state": "NEW_STATE"}, F, id="a state new to us"),
        pytest.param({"state": "READY"}, {"state": ""}, U, id="no state told"),
        pytest.param({"region": "US_*"}, {"region": "US_IOWA_1"}, T, id="region"),
        pytest.param({"region": "US_*"}, {}, U, id="no region told"),
        pytest.param({"placement": "region"}, {"placement": "region:US_IOWA_1"}, T, id="kind"),
        pytest.param(
            {"placement": "multi_region:US"}, {"placement": "multi_region:US"}, T, id="whole"
        ),
        pytest.param({"placement": "region"}, {"placement": "multi_region:US"}, F, id="not kind"),
        pytest.param({"placement": "global"}, {}, U, id="no placement told"),
        pytest.param({"min_replicas": 1}, {}, T, id="min"),
        pytest.param({"min_replicas": [0, 2]}, {}, F, id="min in a list"),
        pytest.param({"max_replicas": 2}, {}, T, id="max"),
        pytest.param({"shape": "*fast*"}, {}, F, id="no shape is known to be none"),
        pytest.param({"account": "acme"}, {}, T, id="account"),
        pytest.param({"any": [{"name": "a"}, {"state": "READY"}]}, {}, T, id="any"),
        pytest.param({"any": [{"name": "a"}, {"region": "x"}]}, {}, U, id="any with unknown"),
        pytest.param({"any": [{"name": "exp-1"}, {"region": "x"}]}, {}, T, id="any decided"),
        pytest.param({"all": True, "not": {"name": "exp-*"}}, {}, F, id="all but"),
        pytest.param({"not": {"not": {"name": "exp-*"}}}, {}, T, id="not not"),
    ],
)
def test_match(match: dict[str, Any], changes: dict[str, Any], expected: Truth) -> None:
    assert meaning(match)(a_deployment(**changes)) is expected


def test_the_name_of_a_protection_may_be_either_name() -> None:
    matches = meaning({"name": "my*"}, either_name=True)

    assert matches(a_deployment(display_name="My exp")) is T
    assert matches(a_deployment("my-exp")) is T
    assert matches(a_deployment("other")) is F


@pytest.mark.parametrize("hostile", ["exp-[", "exp-\n1", "(((", "a" * 500, "\\"])
def test_a_hostile_name_is_only_text(hostile: str) -> None:
    deployment: Deployment = a_deployment(deployment_id=hostile)

    assert meaning({"name": "zzz*"})(deployment) is F
