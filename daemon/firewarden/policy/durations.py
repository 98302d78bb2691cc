"""Durations as people write them in settings and policies: ``90s 45m 12h 14d 2w``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST = timedelta(days=36_525)


def parse_duration(text: object) -> timedelta:
    """Read a whole number above zero and its unit: s, m, h, d or w.

    A `timedelta` above zero is taken as it is. Raises ValueError for everything else.
    """
    if isinstance(text, timedelta) and text > timedelta(0):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("want a whole number above zero and a unit, like 90s, 45m, 12h, 14d or 2w")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise ValueError("want a duration of at most 36525d, a hundred years")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write *duration*, whole seconds, as it is read: in the largest unit that keeps it whole."""
    seconds = int(duration.total_seconds())
    unit = next(unit for unit, length in _SECONDS.items() if seconds % length == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]
"""A `timedelta` above zero, written as in `parse_duration`."""
