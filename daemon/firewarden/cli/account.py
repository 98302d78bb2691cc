"""Commands that look at the account itself, by GETs only: `survey`, `doctor`."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli.options import Account, AsFormat, Config, Format, Json
from firewarden.cli.output import progress, say, show

Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write one self-contained page to FILE as well."),
]


def survey(
    *,
    html: Html = None,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Look at an account once: what runs, what it burns, what was billed, what looks wrong.

    GETs only, no database, under 90 seconds. Nothing is changed.
    """
    import asyncio

    from firewarden.app.survey import survey as look
    from firewarden.app.survey import write_page
    from firewarden.cli.context import settings
    from firewarden.report.survey import survey_view
    from firewarden.report.survey_json import survey_json

    given = settings(config)
    with progress() as advance:
        found = asyncio.run(look(given, account, advance))
    # First what cannot fail: a page that cannot be written must not cost what was read.
    show(lambda: survey_json(found), lambda: survey_view(found), as_format=as_format, json=json)
    if html is not None:
        write_page(found, html)
        say(f"wrote {html}")


def doctor(
    *,
    account: Account = None,
    config: Config = None,
    as_format: AsFormat = Format.TABLE,
    json: Json = False,
) -> None:
    """Check key, account, role, metrics, database, clock, policies and address; changes nothing.

    Exits 0 where all is well, 1 where the world is at fault, 2 where a setting or file is.
    """
    import asyncio

    from firewarden.app.doctor import examine
    from firewarden.cli.context import settings
    from firewarden.report.checks import checks_json, checks_view, worst

    given = settings(config)
    with progress() as advance:
        checks = asyncio.run(examine(given, account, advance))
    show(lambda: checks_json(checks), lambda: checks_view(checks), as_format=as_format, json=json)
    raise typer.Exit(int(worst(checks)))
