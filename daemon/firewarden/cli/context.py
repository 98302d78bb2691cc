"""What most commands begin with: the settings, with their warnings told, and the log."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from firewarden.cli.output import say

if TYPE_CHECKING:
    from firewarden.app.logging import Level
    from firewarden.app.redaction import Redactor
    from firewarden.app.settings import Loaded, Settings
    from firewarden.ports import Clock, Notifier


def load(config: Path | None) -> "Loaded":
    """Read the settings, and tell their warnings on stderr, and a token that was just made.

    Raises:
        SettingsError: something in them cannot be used.
    """
    from firewarden.app.first_token import make_http_token
    from firewarden.app.settings import load_settings

    if told := make_http_token(os.environ):
        say(told)
    loaded = load_settings(config, os.environ)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    return loaded


def settings(config: Path | None) -> "Settings":
    """Read the settings as `load` does, for a command that logs only what went wrong."""
    from firewarden.clock.real import WallClock

    loaded = load(config)
    _log(loaded, WallClock(), "debug" if loaded.settings.log_level == "debug" else "error")
    return loaded.settings


def log_as_daemon(loaded: "Loaded", clock: "Clock") -> "Redactor":
    """Log as the settings say, by *clock*; gives what keeps secrets out, for those to come."""
    return _log(loaded, clock, loaded.settings.log_level)


def _log(loaded: "Loaded", clock: "Clock", level: "Level") -> "Redactor":
    from firewarden.app.logging import configure_logging
    from firewarden.app.redaction import Redactor

    redactor = Redactor()
    for secret in loaded.secrets:
        redactor.follow(secret)
    configure_logging(
        clock=clock, redactor=redactor, level=level, format=loaded.settings.log_format
    )
    return redactor


def log_for_demo(*, verbose: bool) -> None:
    """Log what went wrong, or everything; no setting of the caller is looked at."""
    from firewarden.app.logging import configure_logging
    from firewarden.app.redaction import Redactor
    from firewarden.clock.real import WallClock

    level: Level = "info" if verbose else "error"
    configure_logging(clock=WallClock(), redactor=Redactor(), level=level)


def quiet_or_terminal(*, verbose: bool) -> "Notifier":
    """Give the notifier of the demo: its scenes tell what happens; notices only if *verbose*."""
    from firewarden.cli.output import console
    from firewarden.notify.log import LogNotifier
    from firewarden.notify.terminal import TerminalNotifier

    return TerminalNotifier(console(stderr=True)) if verbose else LogNotifier()
