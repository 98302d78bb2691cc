"""Under which values of a budget a thing counts: scope, `each`, splits and what nobody owns."""

from decimal import Decimal

import pytest

from firewarden.decide.scope import WHOLE, counted, facts
from firewarden.model.attributes import Attributes
from firewarden.model.ids import DeploymentId
from firewarden.policy.loading import load

ABOUT = facts(DeploymentId("chat-eu"), "accounts/acme/models/llama", "NVIDIA_H100_80GB")
SPLIT = {"Search": Decimal("0.6"), "ads": Decimal("0.4")}

ALL = "all: true"
CHATS = 'name: "chat-*"'
OTHERS = 'name: "batch-*"'
SEARCH = 'team: "sea*"'
SEARCHING_CHATS = 'name: "chat-*", team: search'

NOBODY = Attributes()
ONE_TEAM = Attributes(team="Search", project="Atlas")
SHARED = Attributes(split=SPLIT, project="Atlas")
SHARED_BY_NOBODY_KNOWN = Attributes(split=SPLIT)


def count(scope: str, owner: Attributes, *, each: str = "", untagged: str = "") -> dict[str, str]:
    """Give the team whose share counts, by the value that it counts under."""
    keys = {"each": each, "untagged": untagged}
    more = "".join(f", {key}: {value}" for key, value in keys.items() if value)
    usd = "{default: 100, SEARCH: 500}" if each else "100"
    text = f"""\
version: 1
notify: {{costs: {{slack: costs}}}}
budgets:
  month:
    scope: {{{scope}{more}}}
    limit: {{usd: {usd}, per: month}}
    thresholds: [{{at: 50%, do: info}}]
    notify: [costs]
"""
    (budget,) = load({"p.yaml": text}).budgets
    return dict(counted(budget, ABOUT, owner))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(count(ALL, NOBODY), {"": WHOLE}, id="all, of nobody"),
        pytest.param(count(ALL, SHARED), {"": WHOLE}, id="all of what is shared, once"),
        pytest.param(count(CHATS, SHARED), {"": WHOLE}, id="a name asks for no team"),
        pytest.param(count(OTHERS, ONE_TEAM), {}, id="another name"),
        pytest.param(count(SEARCH, ONE_TEAM), {"": WHOLE}, id="the team asked for, in any case"),
        pytest.param(count(SEARCH, NOBODY), {}, id="nobody's is no team's"),
        pytest.param(count(SEARCH, SHARED), {"": "Search"}, id="the share of the team asked for"),
        pytest.param(count(SEARCHING_CHATS, SHARED), {"": "Search"}, id="its share of a name"),
    ],
)
def test_one_budget_counts_what_its_scope_means(
    found: dict[str, str], expected: dict[str, str]
) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            count(ALL, ONE_TEAM, each="team"), {"SEARCH": WHOLE}, id="spelled as its limit is"
        ),
        pytest.param(
            count(ALL, SHARED, each="team"),
            {"SEARCH": "Search", "ads": "ads"},
            id="each team its share",
        ),
        pytest.param(
            count(SEARCH, SHARED, each="project"),
            {"atlas": "Search"},
            id="the share of a team under its project",
        ),
        pytest.param(
            count(ALL, SHARED, each="project"), {"atlas": WHOLE}, id="a project has all of it"
        ),
        pytest.param(
            count(SEARCH, SHARED_BY_NOBODY_KNOWN, each="project"), {}, id="a share of no project"
        ),
        pytest.param(count(ALL, NOBODY, each="team"), {}, id="nobody's is under no value"),
        pytest.param(
            count(ALL, NOBODY, each="team", untagged="platform"),
            {"platform": WHOLE},
            id="nobody's is whoever takes it",
        ),
        pytest.param(
            count(ALL, SHARED_BY_NOBODY_KNOWN, each="project", untagged="platform"),
            {"platform": WHOLE},
            id="a shared one without a project",
        ),
    ],
)
def test_a_budget_for_each_counts_a_thing_under_its_values(
    found: dict[str, str], expected: dict[str, str]
) -> None:
    assert found == expected
