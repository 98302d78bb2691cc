"""The `firewarden` command: every command's name, and the one place that gives exit codes.

Nothing heavy is imported at the top of any module of this package: a command imports what
it needs when it runs, so that ``--help`` and ``validate`` answer at once.
"""

import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from firewarden import __version__
from firewarden.cli import (
    account,
    audit,
    daemon,
    database,
    files,
    notify,
    people,
    reading,
    trueup,
)
from firewarden.cli.options import example
from firewarden.errors import FirewardenError


class Commands(TyperGroup):
    """Says what went wrong in one line, and gives it the exit code of its kind.

    0 done; 1 the world failed; 2 the caller or a file of theirs is wrong. An error that
    nobody raised on purpose is a bug of ours, and is shown as one.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except FirewardenError as error:
            for each in str(error).splitlines():
                typer.echo(f"error: {_printable(each)}", err=True)
            raise typer.Exit(error.exit_code) from error


def _printable(text: str) -> str:
    """Show control characters as their escapes: part of an error may come from outside."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


app = typer.Typer(
    name="firewarden",
    cls=Commands,
    help="Keeps on-demand GPU deployments from costing more than they should.",
    epilog=(
        "\b\nFirst steps:\n"
        "  firewarden demo                              a simulated account; nothing real\n"
        "  FIREWORKS_API_KEY=… firewarden survey        one look at yours; changes nothing\n"
        "  firewarden init && firewarden run            watch it; acts on nothing until told to"
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"firewarden {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Keep on-demand GPU deployments from costing more than they should."""


_COMMANDS = (
    (daemon.demo, ("firewarden demo", "firewarden demo --fleet large --seed 7 -v")),
    (account.survey, ("firewarden survey", "firewarden survey --html survey.html")),
    (files.init, ("firewarden init", "firewarden init /etc/firewarden")),
    (daemon.run, ("firewarden run", "firewarden run --once --config /etc/firewarden.toml")),
    (account.doctor, ("firewarden doctor", "firewarden doctor --json")),
    (reading.status, ("firewarden status", "firewarden status --json | jq .deployments")),
    (
        reading.explain,
        ("firewarden explain exp-7", "firewarden explain exp-7 --policy idle-to-zero"),
    ),
    (reading.plan, ("firewarden plan", "firewarden plan -o plan.json")),
    (people.apply, ("firewarden apply plan.json",)),
    (reading.budgets, ("firewarden budgets", "firewarden budgets --json | jq .budgets")),
    (audit.actions, ("firewarden actions --since 7d", "firewarden actions --json | jq .actions")),
    (audit.incidents, ("firewarden incidents", "firewarden incidents --json")),
    (audit.alerts, ("firewarden alerts", "firewarden alerts --json")),
    (
        people.restore,
        ("firewarden restore exp-7", "firewarden restore --since 2h --policy idle-to-zero"),
    ),
    (people.undelete, ("firewarden undelete exp-7",)),
    (people.snooze, ("firewarden snooze exp-7 --for 4h", "firewarden snooze exp-7 --end")),
    (
        people.protect,
        (
            "firewarden protect exp-7 --until 2026-12-15 --reason 'paper deadline'",
            "firewarden protect exp-7 --end",
        ),
    ),
    (
        people.approve,
        ("firewarden approve exp-7", "firewarden approve --policy team-month/park"),
    ),
    (people.reject, ("firewarden reject exp-7 --reason 'still needed'",)),
    (people.pause, ("firewarden pause --reason 'odd figures since noon'",)),
    (people.resume, ("firewarden resume",)),
    (files.validate, ("firewarden validate", "firewarden validate policies --format sarif")),
    (
        daemon.simulate,
        (
            "firewarden simulate --speed 600 --seed 3",
            "firewarden simulate --history 30d --database sqlite:///past.db",
        ),
    ),
    (daemon.healthcheck, ("firewarden healthcheck",)),
    (files.config, ("firewarden config", "firewarden config --config staging.toml")),
)
for _command, _examples in _COMMANDS:
    _first_line = (_command.__doc__ or "").partition("\n")[0]
    app.command(short_help=_first_line, epilog=example(*_examples))(_command)
_report = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    epilog=example(
        "firewarden report --from 7d --group-by day,accelerator",
        "firewarden report --from 2026-11-01 --to 2026-12-01 --format csv > november.csv",
        "firewarden report --from 30d --format html > report.html",
        "firewarden report savings --from 30d",
    ),
)
_report.callback()(reading.report)
_report.command(
    epilog=example(
        "firewarden report savings --from 30d --each",
        "firewarden report savings --json | jq .settled_usd",
    )
)(reading.savings)
app.add_typer(_report, name="report", help="Show usage and cost, or what was saved.")
app.add_typer(trueup.app, name="trueup", help="Compare the books with the provider's bill.")
app.add_typer(notify.app, name="notify", help="Try the ways people are told.")
app.add_typer(database.app, name="db", help="Make, upgrade, check and back up the database.")


def main() -> None:
    """Run the command line.

    Without pydantic's plugins, whoever installed them: to look for them takes longer than to
    read a folder of policies, and they would see settings and secrets.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    app()
