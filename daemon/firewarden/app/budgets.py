"""Where the budgets stand, for whoever asks: from the ledger and the policy files alone."""

from decimal import Decimal

from firewarden.app.outlooks import Outlooks
from firewarden.app.picture import take_picture
from firewarden.app.queries import Ledger
from firewarden.app.standings import read_standings
from firewarden.app.usage import why_incomplete
from firewarden.decide.budget import Standing, with_reach
from firewarden.report.budgets import BudgetLine, BudgetReach, BudgetsView


def read_budgets(ledger: Ledger) -> BudgetsView:
    """Read where each budget stands now.

    Raises:
        FileUnusable, PolicyError: the policies cannot be read or used.
    """
    picture = take_picture(ledger)
    standings = read_standings(
        ledger,
        picture.policies.budgets,
        picture.situation.fleet.deployments.values(),
        picture.judge.attributions.of,
        Outlooks(),
    )
    return BudgetsView(
        account=ledger.account,
        at=ledger.now,
        timezone=ledger.timezone,
        problem=why_incomplete(ledger, ledger.now),
        lines=tuple(map(_line, with_reach(standings, picture.situation.caps.reaches))),
    )


def _line(standing: Standing) -> BudgetLine:
    return BudgetLine(
        budget=standing.budget.name,
        value=standing.value,
        window=standing.window.label,
        since=standing.window.since,
        until=standing.window.until,
        unit=standing.unit,
        limit=standing.limit,
        spent=standing.spent,
        low=standing.low,
        high=standing.high,
        unpriced_gpu_hours=standing.unpriced,
        burn_per_hour=standing.burn,
        if_nothing_changes=standing.if_nothing_changes,
        runs_out_at=standing.runs_out_at,
        expected=_expected(standing),
        reach=_reach(standing),
    )


def _expected(standing: Standing) -> tuple[Decimal, Decimal, Decimal] | None:
    forecast = standing.outlook.forecast if standing.outlook else None
    return None if forecast is None else (forecast.usd, *forecast.usd_interval)


def _reach(standing: Standing) -> BudgetReach | None:
    found = standing.reach
    if found is None:
        return None
    return BudgetReach(stoppable_per_hour=found.stoppable, why_soft=found.why_soft)
