"""HTML built from parts, in which text cannot become markup."""

from collections.abc import Iterable
from html import escape

from firewarden.report.text import clean


class Markup(str):
    """Text that is HTML already; everything else is escaped where it is put in."""

    __slots__ = ()


_VOID = frozenset({"meta", "rect"})


def tag(name: str, /, *children: str, **attributes: str) -> Markup:
    """Make one element; ``class_`` is ``class``, ``data_label`` is ``data-label``.

    A child that is not `Markup` is escaped and loses its control characters.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(clean(value))}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>" if name == "meta" else f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(children: Iterable[str]) -> Markup:
    """Put parts behind each other, escaping those that are not `Markup`."""
    return Markup(
        "".join(child if isinstance(child, Markup) else escape(clean(child)) for child in children)
    )
