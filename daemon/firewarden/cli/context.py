"""What most commands begin with: the settings, with their warnings told."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from firewarden.cli.output import say

if TYPE_CHECKING:
    from firewarden.app.settings import Loaded, Settings


def load(config: Path | None) -> "Loaded":
    """Read the settings, have their secrets redacted, and tell the warnings on stderr.

    Raises:
        SettingsError: something in them cannot be used.
    """
    from firewarden.app.settings import load_settings

    loaded = load_settings(config, os.environ)
    for warning in loaded.warnings:
        say(f"warning: {warning}")
    return loaded


def settings(config: Path | None) -> "Settings":
    """Read the settings as `load` does."""
    return load(config).settings
