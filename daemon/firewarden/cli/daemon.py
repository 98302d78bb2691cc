"""Commands that run for long: `run`, `demo`, `simulate`; and a container's probe of one."""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firewarden.cli.options import Config, Seed
from firewarden.cli.output import console, progress, rendered, say

if TYPE_CHECKING:
    from firewarden.app.settings import Settings

Once = Annotated[
    bool,
    typer.Option("--once", help="One cycle, then exit: meter, and judge by what is stored."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Tell everything, not only the story.")
]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; 0: any that is free.")
]
Faults = Annotated[
    Path | None,
    typer.Option("--faults", metavar="FILE", help="What goes wrong, as TOML (docs/simulator.md)."),
]
History = Annotated[
    str | None,
    typer.Option("--history", metavar="30d", help="Write a recorded past instead of serving."),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Where --history writes; must be empty."),
]
DemoSpeed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        min=1,
        max=3600,
        help="Simulated seconds per real second [default: 600, for the large fleet 60].",
    ),
]
OurSpeed = Annotated[
    float | None,
    typer.Option("--speed", min=1, max=100_000, help="Simulated seconds per real second."),
]


_PLAINER = str.maketrans({"▲": "!", "■": "#", "✓": "+", "×": "x"})
"""Signs of the story for terminals that have only ASCII."""


class DemoFleet(StrEnum):
    """What the demo looks after."""

    SMALL = "small"
    LARGE = "large"


class SimulatedFleet(StrEnum):
    """What `simulate` serves: 7, about 200, 24 deployments of every kind, and the survey's."""

    SMALL = "small"
    LARGE = "large"
    STANDARD = "standard"
    SINS = "sins"


def run(*, once: Once = False, config: Config = None) -> None:
    """Run the daemon: poll, meter, judge, tell; act only where FIREWARDEN_MODE and a policy say so.

    --once makes one cycle: verdicts that need evidence from earlier polls stay unknown
    unless those are stored, and it says so. SIGTERM and Ctrl-C stop it cleanly, exit 0.
    """
    import asyncio

    from firewarden.app.compose import production_seams
    from firewarden.app.daemon import run as keep_running
    from firewarden.app.first_token import make_http_token
    from firewarden.cli.context import load, log_as_daemon

    if told := make_http_token(os.environ):
        say(told)
    loaded = load(config)
    _warn_of_no_policies(loaded.settings)
    seams = production_seams(loaded.settings)
    seams = replace(seams, follow=log_as_daemon(loaded, seams.clock).follow)
    if asyncio.run(keep_running(loaded.settings, seams, once=once)):
        _show_once(loaded.settings)


def _warn_of_no_policies(settings: "Settings") -> None:
    """Say so where a folder holds no policy: metering alone is allowed, but seldom meant."""
    from firewarden.app.policy_files import read_policy_files

    for folder in sorted({watched.policies for watched in settings.watched}):
        if not read_policy_files([folder]):
            say(
                f"warning: {folder}: no policy is in it, so nothing is ever judged idle;"
                " `firewarden init` writes a first one"
            )


def _show_once(settings: "Settings") -> None:
    """Print what one cycle found, and that one cycle is not evidence."""
    from firewarden.app.queries import known_accounts, open_ledger
    from firewarden.app.status import read_status
    from firewarden.report.status import status_view

    for account in known_accounts(settings):
        with open_ledger(settings, account) as ledger:
            console().print(status_view(read_status(ledger)))
    typer.echo(
        "Verdicts that need evidence from earlier polls stay unknown: let `firewarden run` go on."
    )


def demo(
    *,
    speed: DemoSpeed = None,
    seed: Seed = 1,
    fleet: Annotated[DemoFleet, typer.Option("--fleet", help="What it looks after.")] = (
        DemoFleet.SMALL
    ),
    verbose: Verbose = False,
) -> None:
    """Watch firewarden look after a simulated account. Nothing real is touched.

    The same daemon, database and policies as `run`; only the account is simulated, and time
    is compressed. No key is needed, none is looked for. Ctrl-C stops it and sums up.
    """
    # A signal that comes while all this is imported waits until there is something to stop:
    # raised in an import it may end the process as if nobody had caught it.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    with suppress(KeyboardInterrupt):  # in the moments around it, an ordinary end
        _tell("simulated account: nothing real is touched")
        import asyncio

        from firewarden.app.demo import Audience, play
        from firewarden.cli.context import log_for_demo, quiet_or_terminal
        from firewarden.report.story import told_view

        log_for_demo(verbose=verbose)
        screen = console()
        audience = Audience(
            tell=_tell,
            show=lambda told: _tell(rendered(told_view(told), screen)),
            notifier=quiet_or_terminal(verbose=verbose),
            verbose=verbose,
        )
        asyncio.run(play(fleet=fleet.value, seed=seed, speed=speed, audience=audience))


def _tell(line: str) -> None:
    """Print a line at once, also into a pipe, in letters that the terminal has.

    Where nobody reads any more, that is an ordinary end.
    """
    encoding = sys.stdout.encoding
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(_PLAINER).encode(encoding, "replace").decode(encoding)
    try:
        typer.echo(line)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        signal.raise_signal(signal.SIGTERM)


def simulate(
    *,
    port: Port = 8643,
    seed: Seed = 1,
    speed: OurSpeed = None,
    fleet: Annotated[
        SimulatedFleet, typer.Option("--fleet", help="What it is made of.")
    ] = SimulatedFleet.STANDARD,
    faults: Faults = None,
    history: History = None,
    database: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Serve a simulated Fireworks account on 127.0.0.1, with its truth and a log of requests.

    With --history it serves nothing: it writes that much of a recorded past into a database,
    through the code that would have recorded it.
    """
    if history is not None or database is not None:
        _write_history(history, database, fleet=fleet.value, seed=seed)
        return
    import asyncio

    from firewarden.app.simulate import introduce, serve_simulation, start_simulation
    from firewarden.cli.context import settings

    given = settings(config)
    simulation = start_simulation(
        fleet.value, seed=seed, speed=speed or given.time_speed, origin=given.time_origin
    )

    def tell(at: int) -> None:
        for line in introduce(simulation, at):
            _tell(line)

    asyncio.run(serve_simulation(simulation, port=port, faults=faults, on_ready=tell))


def _write_history(history: str | None, database: str | None, *, fleet: str, seed: int) -> None:
    from firewarden.app.history import write_history
    from firewarden.cli.context import log_for_demo
    from firewarden.errors import UserError

    if history is None or database is None:
        raise UserError(
            "a recorded past needs its length and a database to go to",
            mend="give both: --history 30d --database sqlite:///past.db",
        )
    log_for_demo(verbose=False)
    with progress() as advance:
        written = write_history(database, length=history, fleet=fleet, seed=seed, advance=advance)
    say(written)


def healthcheck(*, config: Config = None) -> None:
    """Ask the running daemon whether it is well; exits 0 or 1. For containers.

    Asks http://LISTEN/healthz, on the loopback address where it listens everywhere.
    """
    from firewarden.cli.context import settings
    from firewarden.cli.probe import probe

    typer.echo(probe(settings(config)))
