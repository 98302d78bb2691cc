"""Where every budget stands: what is spent of it, and what is expected where that is asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from firewarden.app.outlooks import Outlooks
from firewarden.app.queries import Ledger
from firewarden.app.spending import SpendingReader
from firewarden.decide.budget import Standing
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.policy.money import Budget


def read_standings(
    ledger: Ledger,
    budgets: Sequence[Budget],
    deployments: Iterable[Deployment],
    whose: Callable[[Deployment], Attributes],
    outlooks: Outlooks,
) -> tuple[Standing, ...]:
    """Find out where each of *budgets* stands; *deployments* are those that run now."""
    reader = SpendingReader(ledger, tuple(deployments), whose)
    return tuple(
        replace(each, outlook=outlooks.of(reader, each))
        for budget in budgets
        for each in reader.standings(budget)
    )
