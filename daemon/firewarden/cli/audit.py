"""Commands that read what was done, what is in motion, what is firing."""

from typing import Annotated

import typer

from firewarden.cli.options import Account, AsFormat, Config, Format, Json
from firewarden.cli.output import show

Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Beginning: a date, an instant, or how long ago (7d) [default: 30d].",
    ),
]
Before = Annotated[
    int | None,
    typer.Option("--before", metavar="ID", help="Only older ones; what `next` says goes on."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")]


def actions(
    *,
    since: Since = None,
    before: Before = None,
    limit: Limit = 100,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show what was done, by whom and why, with its outcome, the newest first."""
    from firewarden.app.audit import read_actions
    from firewarden.app.queries import open_ledger
    from firewarden.cli.context import settings
    from firewarden.report.audit import actions_json, actions_view

    with open_ledger(settings(config), account) as ledger:
        found = read_actions(ledger, since=since, before=before, limit=limit)
    show(lambda: actions_json(found), lambda: actions_view(found), as_format=as_format, json=json)


def incidents(
    *,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show what is in motion: which policy holds which deployment, and when it acts."""
    from firewarden.app.audit import read_incidents
    from firewarden.app.queries import open_ledger
    from firewarden.cli.context import settings
    from firewarden.report.audit import incidents_json, incidents_view

    with open_ledger(settings(config), account) as ledger:
        found = read_incidents(ledger)
    show(
        lambda: incidents_json(found),
        lambda: incidents_view(found),
        as_format=as_format,
        json=json,
    )


def alerts(
    *,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Show what is firing, the most severe first, and whether people have heard of it."""
    from firewarden.app.audit import read_alerts
    from firewarden.app.queries import open_ledger
    from firewarden.cli.context import settings
    from firewarden.report.audit import alerts_json, alerts_view

    with open_ledger(settings(config), account) as ledger:
        found = read_alerts(ledger)
    show(lambda: alerts_json(found), lambda: alerts_view(found), as_format=as_format, json=json)
