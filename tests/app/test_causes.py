"""Why something could not be used is one word of a closed list."""

import pytest

from firewarden.app.causes import CAUSES, INCOMPLETE, cause_of
from firewarden.app.figures import PollFigures
from firewarden.errors import (
    AccountSuspended,
    KeyRefused,
    NotFound,
    ProviderRejected,
    ProviderUnavailable,
    StoreUnavailable,
    WorldError,
)
from firewarden.model.ids import AccountId
from firewarden.model.usage import Poll
from tests.support.clock import NOW

ERRORS = [
    (ProviderUnavailable("429", throttled=True), "throttled"),
    (KeyRefused("401"), "refused"),
    (AccountSuspended("412"), "suspended"),
    (ProviderUnavailable("503"), "unavailable"),
    (WorldError("no answer"), "unavailable"),
    (ProviderRejected("HTML"), "rejected"),
    (NotFound("404"), "rejected"),
    (StoreUnavailable("locked"), "database"),
]


@pytest.mark.parametrize(("error", "cause"), ERRORS, ids=str)
def test_each_error_has_its_cause(error: WorldError, cause: str) -> None:
    assert cause_of(error) == cause


def test_the_list_is_closed() -> None:
    assert {cause for _, cause in ERRORS} | {INCOMPLETE} == set(CAUSES)


def a_poll(*, ok: bool = True, complete: bool = True) -> Poll:
    return Poll(
        account=AccountId("acme"),
        asked_at=NOW,
        answered_at=NOW,
        ok=ok,
        complete=complete,
        count=1,
        problem="",
    )


def test_polls_are_counted_by_cause_and_a_complete_one_ends_it() -> None:
    polls = PollFigures()

    polls.fail(cause_of(KeyRefused("401")))
    polls.add(a_poll(ok=False, complete=False))
    assert (polls.cause, polls.last_success_at) == ("refused", None)
    polls.add(a_poll(complete=False))
    assert polls.cause == "incomplete"
    polls.add(a_poll())

    assert (polls.cause, polls.last_success_at) == ("", NOW)
    assert polls.failures == {"refused": 1, "incomplete": 1}
