"""Three-valued logic: unknown stays unknown until something else decides."""

from collections.abc import Iterable

from firewarden.model.verdict import Truth

_NOT = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


def negation(value: Truth) -> Truth:
    """True becomes false and false true; unknown stays."""
    return _NOT[value]


def conjunction(values: Iterable[Truth]) -> Truth:
    """False if one is false, else unknown if one is unknown; true where there is none."""
    unknown = False
    for value in values:
        if value is Truth.FALSE:
            return Truth.FALSE
        unknown = unknown or value is Truth.UNKNOWN
    return Truth.UNKNOWN if unknown else Truth.TRUE


def disjunction(values: Iterable[Truth]) -> Truth:
    """True if one is true, else unknown if one is unknown; false where there is none."""
    unknown = False
    for value in values:
        if value is Truth.TRUE:
            return Truth.TRUE
        unknown = unknown or value is Truth.UNKNOWN
    return Truth.UNKNOWN if unknown else Truth.FALSE


def truth_of(condition: bool) -> Truth:  # noqa: FBT001 - a truth value is its whole meaning
    """Turn what is known into a truth."""
    return Truth.TRUE if condition else Truth.FALSE
