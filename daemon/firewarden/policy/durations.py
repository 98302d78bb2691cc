"""Durations as people write them: ``90s``, ``45m``, ``12h``, ``14d``, ``2w``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

LONGEST = timedelta(days=3650)
"""Nothing in firewarden waits longer; it also keeps instants inside the calendar."""

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
_MEANT = (
    r"(?ai)([0-9]{1,9}) *"
    r"(?:(s)(?:ecs?|econds?)?|(m)(?:ins?|inutes?)?|(h)(?:rs?|ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?)"
)
_TWO_UNITS = r"(?a)([0-9]{1,4})h *([0-9]{1,2})m"
"""Compiled when first used: only a mistake asks for them."""

_MEND = "write a whole number and a unit, for example 90s, 45m, 12h, 14d or 2w"


def parse_duration(text: str) -> timedelta:
    """Read one duration: a whole number above 0 and one unit, nothing around them.

    Raises:
        ValueError: it is none, it is 0, or it is longer than ten years.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        meant = _meant(text)
        raise ValueError(f"not a duration; {f'did you mean {meant}?' if meant else _MEND}")
    count = int(found[1])
    if count == 0:
        raise ValueError("a duration of 0 has no meaning; leave the key out instead")
    if count > LONGEST // _UNITS[found[2]]:
        raise ValueError("longer than ten years; write a shorter one")
    return count * _UNITS[found[2]]


def _meant(text: str) -> str:
    """Find what ``45 minutes`` or ``1h30m`` is written like; "" where there is no saying.

    An upper-case M alone could mean months.
    """
    two = re.fullmatch(_TWO_UNITS, text.strip())
    if two is not None:
        return f"{60 * int(two[1]) + int(two[2])}m"
    one = re.fullmatch(_MEANT, text.strip())
    if one is None or one.lastindex is None or text.strip().endswith("M"):
        return ""
    return f"{int(one[1])}{one[one.lastindex].lower()}"


def format_duration(duration: timedelta) -> str:
    """Print the two largest units that are not zero: ``45s``, ``52m``, ``2h 5m``, ``3d 4h``."""
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    seconds = int(duration.total_seconds())
    parts = (
        (seconds // 86_400, "d"),
        (seconds // 3_600 % 24, "h"),
        (seconds // 60 % 60, "m"),
        (seconds % 60, "s"),
    )
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts) - 1)
    shown = [f"{count}{unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0s"


def _read(given: object) -> object:
    if isinstance(given, timedelta):
        return given
    if not isinstance(given, str):
        raise PydanticCustomError("duration", "a duration is expected; {mend}", {"mend": _MEND})
    try:
        return parse_duration(given)
    except ValueError as error:
        raise PydanticCustomError("duration", "{problem}", {"problem": str(error)}) from None


Duration = Annotated[timedelta, BeforeValidator(_read)]
"""A pydantic field in which a duration is written as text; always more than 0."""
