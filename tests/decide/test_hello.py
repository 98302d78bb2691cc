"""The first thing that people hear of an account."""

import pytest

from firewarden.decide.hello import hello
from firewarden.model.vocabulary import Mode
from tests.support.deciding import a_deployment, a_situation, at_zero, policies


def test_it_says_what_is_watched_what_it_burns_and_from_when_it_is_judged() -> None:
    situation = a_situation(
        a_deployment("exp-1"),
        a_deployment("exp-2", tags={"Owner": "ada"}),
        at_zero("exp-3"),
        a_deployment("odd-1", accelerator_type="NVIDIA_NEW"),
    )

    said = hello(situation, policies())

    assert said.text == (
        "firewarden watches acme: 4 deployments, 32.00 USD/h and 1 unpriced. "
        "Observe: it cannot change anything. First verdicts from 12:45 UTC. "
        "3 have neither an owner nor a team"
    )
    assert said.once


@pytest.mark.parametrize("mode", list(Mode))
def test_it_says_what_may_be_done(mode: Mode) -> None:
    said = hello(a_situation(ceiling=mode), policies())

    assert mode.label in said.text.casefold()
