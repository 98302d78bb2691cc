"""Whatever people are told of, the message ends in a line that they can copy, and that works."""

import re
from dataclasses import replace

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from firewarden.cli.main import app
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.slack.compose import compose
from firewarden.notify.slack.steps import ALL, OF_ALL, OF_ONE, ONE, next_step
from tests.notify.offices import ACTED, WARNING

OF_ACCOUNT = replace(WARNING, facts={}, uid=None)
COPIED = re.compile(r"`firewarden ([^`]+)`")


@pytest.mark.parametrize(
    ("kind", "about", "step"),
    [
        pytest.param("action.failed", WARNING, "see why: `firewarden explain exp-7`", id="one"),
        pytest.param("action.pending", WARNING, "say yes: `firewarden approve exp-7`", id="asked"),
        pytest.param(
            "budget.action_pending", WARNING, "say yes: `firewarden approve exp-7`", id="of a rung"
        ),
        pytest.param(
            "budget.action_pending",
            OF_ACCOUNT,
            "see where it stands: `firewarden budgets`",
            id="of a budget",
        ),
        pytest.param(
            "delivery.undelivered", WARNING, "find out why: `firewarden doctor`", id="a route"
        ),
        pytest.param(
            "meter.gap", OF_ACCOUNT, "see what it may have cost: `firewarden report`", id="a gap"
        ),
        pytest.param(
            "of.tomorrow", OF_ACCOUNT, "see what is firing: `firewarden alerts`", id="any other"
        ),
    ],
)
def test_what_can_be_done_next(kind: str, about: Notice, step: str) -> None:
    notice = replace(about, kind=kind)

    assert next_step(notice) == step
    assert step in compose(notice).notes


@pytest.mark.parametrize("about", [WARNING, OF_ACCOUNT], ids=["of one", "of all"])
@pytest.mark.parametrize("severity", [Severity.WARN, Severity.PAGE])
@pytest.mark.parametrize("kind", sorted({"idle.warn", "action.failed", *OF_ONE, *OF_ALL}))
def test_incident_C_alerts_without_an_action_each_ends_in_one_that_the_command_line_takes(
    kind: str, severity: Severity, about: Notice
) -> None:
    message = compose(replace(about, kind=kind, severity=severity))
    (copied,) = [each for note in message.notes for each in COPIED.findall(note)]

    assert_taken(copied)


@pytest.mark.parametrize(
    "step", [ONE, ALL, *OF_ONE.values(), *OF_ALL.values()], ids="{0[1]}".format
)
def test_every_command_is_one(step: tuple[str, str]) -> None:
    what, verb = step
    assert_taken(f"{verb} exp-7" if step == ONE or step in OF_ONE.values() else verb)
    assert what[0].islower()


def assert_taken(line: str) -> None:
    """Demand that the command line understands *line*, down to what it needs."""
    verb, *arguments = line.split()
    main = get_command(app)
    assert isinstance(main, TyperGroup)
    found = main.get_command(main.make_context("firewarden", [verb]), verb)
    assert found is not None, line
    found.make_context(verb, arguments)


def test_what_is_over_asks_for_nothing() -> None:
    over = replace(WARNING, kind="policy.brake", resolved=True)

    assert next_step(over) == ""
    assert not COPIED.search(compose(over).plain)


@pytest.mark.parametrize(
    ("mode", "undone"), [("enforce", True), ("approve", True), ("warn", False)]
)
def test_what_a_budget_has_stopped_is_undone_by_a_line_too(mode: str, *, undone: bool) -> None:
    done = replace(ACTED, kind="budget.action_done", facts={**ACTED.facts, "mode": mode})

    assert ("undo it: `firewarden restore exp-7`" in compose(done).notes) is undone
