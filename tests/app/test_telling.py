"""A notice goes to the routes that are named for it, and never to nobody."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from firewarden.app.redaction import Redactor
from firewarden.app.telling import Telling, environment
from firewarden.errors import NotDelivered, SettingsError
from firewarden.model.delivery import Destination, Way
from firewarden.model.ids import AccountId
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.policy.loading import load
from tests.support.clock import NOW

ROUTES = """
version: 1
notify:
  costs: {slack: gpu-costs}
  ops: {slack: gpu-ops}
  teams: {slack: {by: team, map: {research: gpu-research}, else: gpu-costs}}
  owner: {dm: owner, else: teams}
  hook: {webhook: "env:HOOK_URL", secret: "env:HOOK_SECRET"}
  plain: {webhook: "env:HOOK_URL"}
  incoming: {slack_webhook: "env:SLACK_URL"}
  boss: {dm: owner, else: owner}
"""
ALERTS = "alerts: {default: costs, page: ops, fallback: hook}\n"
VARIABLES = {
    "HOOK_URL": "https://hooks.example.com/canary-1",
    "HOOK_SECRET": "canary-2",
    "SLACK_URL": "https://hooks.slack.com/services/canary-3",
}
NOTICE = Notice(
    account=AccountId("acme"),
    kind="idle.warn",
    key="story",
    severity=Severity.WARN,
    at=NOW,
    text="exp-7 idle 45m",
)


def telling(
    text: str = ROUTES + ALERTS,
    variables: Mapping[str, str] = VARIABLES,
    *,
    terminal: bool = False,
) -> Telling:
    policies = load({"p.yaml": text})
    return Telling(policies=policies, variables=variables, terminal=terminal)


def names(destinations: tuple[Destination, ...]) -> list[str]:
    return [str(each) for each in destinations]


def by(*routes: str, **facts: str) -> Notice:
    return replace(NOTICE, routes=routes, facts=facts)


@pytest.mark.parametrize(
    ("notice", "there"),
    [
        pytest.param(NOTICE, ["slack:gpu-costs"], id="by nobody's route: the default"),
        pytest.param(
            replace(NOTICE, severity=Severity.PAGE), ["slack:gpu-ops"], id="a page: its own"
        ),
        pytest.param(by("costs", "ops"), ["slack:gpu-costs", "slack:gpu-ops"], id="two routes"),
        pytest.param(by("costs", "teams"), ["slack:gpu-costs"], id="one place by two routes"),
        pytest.param(by("teams", team="research"), ["slack:gpu-research"], id="by the team"),
        pytest.param(by("teams", team="sales"), ["slack:gpu-costs"], id="another team"),
        pytest.param(by("teams"), ["slack:gpu-costs"], id="no team"),
        pytest.param(
            by("owner", owner="ann@example.com"), ["slack_dm:ann@example.com"], id="the owner"
        ),
        pytest.param(
            by("owner", owner="ann", team="research"), ["slack:gpu-research"], id="only a name"
        ),
        pytest.param(by("owner", owner="<!here>@a.b"), ["slack:gpu-costs"], id="no address at all"),
        pytest.param(by("hook", "plain"), ["webhook:hook", "webhook:plain"], id="webhooks"),
        pytest.param(by("incoming"), ["slack_webhook:incoming"], id="an incoming webhook"),
        pytest.param(by("log", "terminal"), [], id="what gets everything anyway"),
        pytest.param(by("boss"), ["slack:gpu-costs"], id="a route that leads to another"),
        pytest.param(by("gone"), [], id="a route that is no more"),
        pytest.param(replace(by("costs"), quietly=True), [], id="a policy that observes"),
    ],
)
@pytest.mark.parametrize("terminal", [False, True])
def test_where_a_notice_goes(notice: Notice, there: list[str], *, terminal: bool) -> None:
    here = ["log", "terminal"] if terminal else ["log"]

    assert names(telling(terminal=terminal).destinations(notice)) == here + there


@pytest.mark.parametrize("severity", Severity)
def test_without_any_route_the_log_is_told(severity: Severity) -> None:
    notice = replace(NOTICE, severity=severity)

    assert names(telling("version: 1\n").destinations(notice)) == ["log"]


def test_without_a_route_for_pages_they_go_where_all_else_does() -> None:
    only_default = telling(ROUTES + "alerts: {default: costs}\n")

    page = replace(NOTICE, severity=Severity.PAGE)
    assert names(only_default.destinations(page)) == ["log", "slack:gpu-costs"]


@pytest.mark.parametrize(
    ("notice", "failed", "instead"),
    [
        pytest.param(NOTICE, "slack:gpu-costs", ["webhook:hook"], id="the fallback"),
        pytest.param(
            by("owner", owner="ann@example.com", team="research"),
            "slack_dm:ann@example.com",
            ["slack:gpu-research"],
            id="for an owner the route's own else",
        ),
        pytest.param(
            by("owner", owner="ann@example.com"),
            "slack:gpu-research",
            ["webhook:hook"],
            id="and for that the fallback",
        ),
    ],
)
def test_where_it_goes_instead(notice: Notice, failed: str, instead: list[str]) -> None:
    assert names(telling().fallback(notice, Destination.parse(failed))) == instead


def test_without_a_fallback_it_goes_nowhere_else() -> None:
    failed = Destination(way=Way.SLACK, address="gpu-costs")

    assert telling(ROUTES).fallback(NOTICE, failed) == ()


def test_a_webhook_has_its_address_and_its_secret() -> None:
    signed, plain = telling().hook("hook"), telling().hook("plain")

    assert signed.secret is not None
    assert (signed.url(), signed.secret()) == (VARIABLES["HOOK_URL"], "canary-2")
    assert plain.secret is None
    with pytest.raises(NotDelivered, match="no such route"):
        telling().hook("gone")


def test_what_the_routes_hold_can_be_redacted() -> None:
    redactor = Redactor()
    for secret in telling().secrets:
        redactor.follow(secret)

    assert redactor.text(" ".join(VARIABLES.values())) == " ".join(["[redacted]"] * 3)
    assert "canary" not in repr(telling().secrets)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"HOOK_URL": ""}, "notify: hook: the variable HOOK_URL is not set; set it", id="not set"
        ),
        pytest.param({"HOOK_URL": "http://example.com/canary"}, "is not https", id="in the clear"),
        pytest.param({"SLACK_URL": "canary"}, "is no address", id="no address"),
    ],
)
def test_a_secret_that_cannot_be_used_is_said_so_and_not_shown(
    changes: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        telling(variables=VARIABLES | changes)

    assert said in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_secret_may_lie_in_a_file_that_changes(tmp_path: Path) -> None:
    file = tmp_path / "hook"
    file.write_text("https://a.example.com/x\n")
    there = telling(f'version: 1\nnotify: {{hook: {{webhook: "file:{file}"}}}}\n')
    file.write_text("https://another.example.com/y\n")

    assert there.hook("hook").url() == "https://another.example.com/y"


def test_variables_are_those_of_the_environment_over_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("ONE=dotenv\nTWO=dotenv\n")
    monkeypatch.setenv("TWO", "environment")

    found = environment(tmp_path / ".env")

    assert (found["ONE"], found["TWO"]) == ("dotenv", "environment")
