"""What most commands begin with: the settings, with their warnings told, and the log."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from firewarden.cli.output import say

if TYPE_CHECKING:
    from firewarden.app.logging import Level
    from firewarden.app.settings import Loaded, Settings
    from firewarden.ports import Clock


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


def log_as_daemon(loaded: "Loaded", clock: "Clock") -> None:
    """Log as the settings say, by *clock*."""
    _log(loaded, clock, loaded.settings.log_level)


def _log(loaded: "Loaded", clock: "Clock", level: "Level") -> None:
    from firewarden.app.logging import configure_logging
    from firewarden.app.redaction import Redactor

    redactor = Redactor()
    for secret in loaded.secrets:
        redactor.follow(secret)
    configure_logging(
        clock=clock, redactor=redactor, level=level, format=loaded.settings.log_format
    )
