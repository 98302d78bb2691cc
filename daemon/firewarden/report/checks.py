"""What `doctor` found, one line a check, with the mend."""

from dataclasses import dataclass
from enum import IntEnum

from rich.console import RenderableType

from firewarden.report.encode import JsonObject
from firewarden.report.tables import Column, make_table


class Health(IntEnum):
    """How a check came out, best first; the value is the exit code it asks for."""

    OK = 0
    WORLD = 1
    YOURS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. ``mend`` may be given for a check that is well: advice."""

    name: str
    health: Health
    detail: str
    mend: str = ""


def checks_json(checks: tuple[Check, ...]) -> JsonObject:
    """Give the stable keys of ``doctor --json``."""
    return {
        "checks": [
            {
                "name": check.name,
                "ok": check.health is Health.OK,
                "detail": check.detail,
                "mend": check.mend,
            }
            for check in checks
        ]
    }


def worst(checks: tuple[Check, ...]) -> Health:
    """Tell the worst of all; nothing checked is well."""
    return max((check.health for check in checks), default=Health.OK)


_COLUMNS = (Column(name=""), Column(name="check"), Column(name="found"), Column(name="mend"))


def checks_view(checks: tuple[Check, ...]) -> RenderableType:
    """Lay the checks out: ok or not, what was found, what to do."""
    return make_table(
        _COLUMNS,
        [
            ("ok" if check.health is Health.OK else "FAIL", check.name, check.detail, check.mend)
            for check in checks
        ],
    )
