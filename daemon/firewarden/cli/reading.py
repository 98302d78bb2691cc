"""Commands that read the database only: `status`, `explain`, `plan`, `report`, `budgets`."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli.options import (
    Account,
    AsFormat,
    Config,
    Deployment,
    Format,
    Json,
    ReportFormat,
)
from firewarden.cli.output import console, say, show, show_json

Out = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="FILE", help="Save it for `apply`.")
]
Check = Annotated[bool, typer.Option("--check", help="Exit 3 where anything is due.")]
PENDING = 3
"""Exit code of `plan --check` where actions are pending."""

Policy = Annotated[str | None, typer.Option("--policy", metavar="P", help="Only this policy.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="WHEN",
        help="Beginning: a date, an instant, or how long ago (7d) [default: this month].",
    ),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="WHEN", help="End, not included [default: now]."),
]
GroupBy = Annotated[
    str,
    typer.Option(
        "--group-by",
        metavar="KEY,…",
        help="deployment, uid, model, accelerator, team, owner, project, env, service, cost_center,"
        " hour, day, week, month, quarter, year; several by commas.",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option("--timezone", metavar="ZONE", help="Zone of days [default: the account's]."),
]


def status(
    *,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show the fleet now: state, GPUs, quiet for, burn per hour, month to date, what is next."""
    from firewarden.app.queries import open_ledger
    from firewarden.app.status import read_status
    from firewarden.cli.context import settings
    from firewarden.report.status import status_json, status_view

    with open_ledger(settings(config), account) as ledger:
        found = read_status(ledger)
    for problem in found.policy_problem.splitlines():
        say(f"warning: no policy is judged: {problem}")
    show(lambda: status_json(found), lambda: status_view(found), as_format=as_format, json=json)


def explain(
    deployment: Deployment,
    *,
    policy: Policy = None,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show why a deployment is judged as it is: every condition with its value and threshold."""
    from firewarden.app.answers import read_explanation
    from firewarden.app.queries import open_ledger
    from firewarden.cli.context import settings
    from firewarden.report.explain import explain_json, explain_view

    with open_ledger(settings(config), account) as ledger:
        found = read_explanation(ledger, deployment, policy=policy)
    show(lambda: explain_json(found), lambda: explain_view(found), as_format=as_format, json=json)


def plan(
    *,
    out: Out = None,
    check: Check = False,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show what would be done now and why, what is held back and why, in dollars an hour.

    -o writes it to a file that `firewarden apply` takes. --check exits 3 where anything is due.
    """
    from firewarden.app.answers import read_plan
    from firewarden.app.queries import open_ledger
    from firewarden.app.saved_plan import save_plan
    from firewarden.cli.context import settings
    from firewarden.report.plan import plan_json, plan_view

    with open_ledger(settings(config), account) as ledger:
        found = read_plan(ledger)
    if out is not None:
        save_plan(found, out)
    show(lambda: plan_json(found), lambda: plan_view(found), as_format=as_format, json=json)
    if check and found.actions:
        raise typer.Exit(PENDING)


def budgets(
    *,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show where each budget stands: spent with its bounds, burn, and when it runs out."""
    from firewarden.app.budgets import read_budgets
    from firewarden.app.queries import open_ledger
    from firewarden.cli.context import settings
    from firewarden.report.budgets import budgets_json, budgets_view

    with open_ledger(settings(config), account) as ledger:
        found = read_budgets(ledger)
    show(lambda: budgets_json(found), lambda: budgets_view(found), as_format=as_format, json=json)


def report(
    context: typer.Context,
    *,
    since: From = None,
    until: To = None,
    group_by: GroupBy = "deployment",
    timezone: Zone = None,
    account: Account = None,
    config: Config = None,
    as_format: Annotated[
        ReportFormat, typer.Option("--format", help="How to print.")
    ] = ReportFormat.TABLE,
    json: Json = False,
) -> None:
    """Show usage and cost over a stretch of time, with hard bounds, grouped as asked."""
    if context.invoked_subcommand is not None:
        return
    from firewarden.app.queries import open_ledger
    from firewarden.app.usage import read_report
    from firewarden.cli.context import settings
    from firewarden.report.focus import GROUPS, focus_csv, unpriced_gpu_hours
    from firewarden.report.usage import usage_csv, usage_json, usage_ndjson, usage_view

    if as_format is ReportFormat.HTML and not json:
        asked = {"since": since, "until": until, "timezone": timezone}
        typer.echo(_usage_page(config, account, group_by=group_by, **asked), nl=False)
        return
    is_focus = as_format is ReportFormat.FOCUS and not json
    with open_ledger(settings(config), account) as ledger:
        found = read_report(
            ledger,
            since=since,
            until=until,
            group_by=GROUPS if is_focus else group_by.split(","),
            timezone="UTC" if is_focus else timezone,
        )
    if json or as_format is ReportFormat.JSON:
        show_json(usage_json(found))
    elif as_format is ReportFormat.NDJSON:
        typer.echo(usage_ndjson(found), nl=False)
    elif as_format is ReportFormat.CSV:
        typer.echo(usage_csv(found), nl=False)
    elif is_focus:
        typer.echo(focus_csv(found, account=ledger.account), nl=False)
        if left_out := unpriced_gpu_hours(found):
            typer.echo(f"{left_out:,.1f} GPU-h have no known price and are in no row", err=True)
    else:
        console().print(usage_view(found))


def _usage_page(
    config: Path | None, account: str | None, *, group_by: str, **asked: str | None
) -> str:
    """Compose the page; without charts, and a line that says why, where none can be drawn."""
    from firewarden.app.drawing import NotDrawn
    from firewarden.app.queries import open_ledger
    from firewarden.app.usage_page import draw_charts, read_usage_page
    from firewarden.cli.context import settings
    from firewarden.report.usage_html import usage_html

    with open_ledger(settings(config), account) as ledger:
        view = read_usage_page(ledger, group_by=group_by.split(","), **asked)
    try:
        drawn = draw_charts(view)
    except NotDrawn as error:
        say(f"warning: {error}")
        drawn = {}
    return usage_html(view, drawn)


Each = Annotated[bool, typer.Option("--each", help="Show every stop, and what ended its saving.")]


def savings(
    *,
    since: From = None,
    until: To = None,
    each: Each = False,
    timezone: Zone = None,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show what stops have saved: measured at the margin, settled by the bill, what came back."""
    from firewarden.app.queries import open_ledger
    from firewarden.app.savings import read_savings
    from firewarden.cli.context import settings
    from firewarden.report.savings import savings_json, savings_view

    with open_ledger(settings(config), account) as ledger:
        found = read_savings(ledger, since=since, until=until, timezone=timezone)
    show(
        lambda: savings_json(found),
        lambda: savings_view(found, each=each),
        as_format=as_format,
        json=json,
    )
