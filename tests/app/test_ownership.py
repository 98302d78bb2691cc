"""What of whose the deployments are is news to the ledger."""

from collections.abc import Sequence

import pytest

from firewarden.app.ownership import Ownership
from firewarden.decide.attribution import Attributions
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.observe.watch import Seen
from firewarden.policy.loading import load
from tests.store.values import poll
from tests.support.deciding import a_deployment, a_fleet

RULES = """\
version: 1
attribution:
  - {region: "US_*", team: americas}
  - {all: true, team: platform}
"""
OURS = Attributes(team="americas", service="exp-1")


def an_ownership(written: Attributes | None = None) -> Ownership:
    known = {a_deployment().uid: written} if written else {}
    return Ownership(Attributions(load({"p.yaml": RULES}).attribution), known)


def seen(deployment: Deployment, described: Sequence[Deployment] = ()) -> Seen:
    return Seen(poll=poll(), fleet=a_fleet([deployment]), changes=(), described=tuple(described))


@pytest.mark.parametrize(
    ("region", "written", "expected"),
    [
        pytest.param("US_1", None, OURS, id="what the ledger does not know"),
        pytest.param("EU_1", OURS, Attributes(team="platform", service="exp-1"), id="a change"),
        pytest.param("US_1", OURS, None, id="nothing new"),
        pytest.param("", OURS, None, id="what is unsure stays as it was"),
        pytest.param("", None, Attributes(service="exp-1"), id="unsure from the beginning"),
    ],
)
def test_news(region: str, written: Attributes | None, expected: Attributes | None) -> None:
    deployment = a_deployment(region=region)

    news = an_ownership(written).news(seen(deployment))

    assert news == ({deployment.uid: expected} if expected else {})


def test_after_the_first_look_only_what_is_described_anew_is_asked() -> None:
    ownership, deployment = an_ownership(), a_deployment(region="US_1")
    ownership.take_in(ownership.news(seen(deployment)))
    moved = a_deployment(region="EU_1")

    assert ownership.news(seen(moved)) == {}
    assert ownership.news(seen(moved, described=[moved])) == {
        moved.uid: Attributes(team="platform", service="exp-1")
    }


def test_what_was_not_committed_is_news_again() -> None:
    ownership, deployment = an_ownership(), a_deployment(region="US_1")

    assert ownership.news(seen(deployment)) == ownership.news(seen(deployment)) != {}
