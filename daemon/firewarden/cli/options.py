"""Options that several commands share, so that they read alike everywhere."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a read command prints."""

    TABLE = "table"
    JSON = "json"


class ReportFormat(StrEnum):
    """How `report` prints."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    FOCUS = "focus"
    HTML = "html"


class ValidateFormat(StrEnum):
    """How `validate` prints."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file [default: firewarden.toml]."),
]
Account = Annotated[
    str | None,
    typer.Option("--account", metavar="ID", help="Which account, where there are several."),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object; the same as --format json.")
]
AsFormat = Annotated[Format, typer.Option("--format", help="How to print.")]
Deployment = Annotated[
    str,
    typer.Argument(metavar="DEPLOYMENT", help="An id, a display name or a full name."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same account.")]


def example(*lines: str) -> str:
    """Lay example command lines out for the end of a help text."""
    return "\b\n" + "\n".join(
        ("Example:" if len(lines) == 1 else "Examples:", *(f"  {each}" for each in lines))
    )
