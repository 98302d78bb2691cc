"""Effective settings, each with where it comes from."""

from collections.abc import Mapping

from rich.console import RenderableType

from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, make_table

_COLUMNS = (Column(name="setting"), Column(name="value"), Column(name="from"))


def settings_json(values: Mapping[str, str], sources: Mapping[str, str]) -> JsonObject:
    """Give the keys of ``config --json``; *values* are masked already."""
    return {
        "settings": [
            {"name": name, "value": value, "source": sources[name]}
            for name, value in values.items()
        ]
    }


def settings_view(values: Mapping[str, str], sources: Mapping[str, str]) -> RenderableType:
    """Lay the settings out for people."""
    rows = [(name, value or "not set", sources[name]) for name, value in values.items()]
    return make_table(_COLUMNS, rows)
