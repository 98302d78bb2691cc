"""Tests that live in virtual time."""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec

from firewarden.clock.virtual import VirtualClock, run_virtual
from tests.support.clock import NOW

P = ParamSpec("P")


def in_virtual_time(
    test: Callable[Concatenate[VirtualClock, P], Coroutine[Any, Any, None]],
) -> Callable[P, None]:
    """Run the decorated ``async def test_…(clock, …)`` on a virtual loop that begins at NOW.

    The first parameter is the clock; pytest's fixtures fill the others.
    """

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtual(lambda clock: test(clock, *args, **kwargs), start=NOW)

    signature = inspect.signature(test)
    parameters = list(signature.parameters.values())[1:]
    run.__dict__["__signature__"] = signature.replace(parameters=parameters)
    del run.__dict__["__wrapped__"]
    return run
