"""YAML 1.2 text into plain data in which every key and value knows its place.

The tree is built from ruamel's event stream, so that aliases, tags, merge keys and deep
nesting are refused where they begin, before anything is built from them. Scalars follow
the YAML 1.2 core schema without its octal, hexadecimal and exponent forms: ``20:00``,
``off`` and ``0755`` are text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from firewarden.policy.problems import Problem, Severity, shown
from firewarden.policy.syntax import HALF, explained, unreadable

MAX_BYTES = 64 * 1024
MAX_DEPTH = 20

Path = tuple[str | int, ...]
Place = tuple[int, int]

_NO_ANCHOR = 'write it out where it is used; a pattern stands in quotes: "*-dev"'
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,14})", re.ASCII)
_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}", re.ASCII)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


@dataclass(slots=True, kw_only=True)
class Tree:
    """One file as plain data; `problems` says what could not be read.

    Attributes:
        data: maps, lists, text, int, Decimal, bool, None.
        values: place of each value by its path; keys: place of each key.
    """

    path: str
    data: object = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, where: Path, *, of_key: bool = False) -> Place:
        """Find the place of *where*, or of the nearest thing around it that has one."""
        for end in range(len(where), -1, -1):
            inner = where[:end]
            found = (self.keys.get(inner) if of_key else None) or self.values.get(inner)
            if found is not None:
                return found
        return (1, 1)

    def report(
        self, message: str, place: Place, suggestion: str = "", *, severity: Severity = "error"
    ) -> None:
        """Note one problem at *place*."""
        line, column = place
        self.problems.append(
            Problem(
                path=self.path,
                line=line,
                column=column,
                message=message,
                suggestion=suggestion,
                severity=severity,
            )
        )


class _Stop(Exception):
    """The rest of the file is not worth reading; the problem is already noted."""


def parse_tree(path: str, text: str) -> Tree:
    """Read one file; never raises, whatever *text* is."""
    tree = Tree(path=path)
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        tree.report("the file is larger than 64 KiB", (1, 1), "split it: a folder is one document")
        return tree
    if (found := unreadable(text)) is not None:
        tree.report(*found)
        return tree
    try:
        _document(tree, iter(YAML(typ="rt", pure=True).parse(text)))
    except _Stop:
        pass
    except MarkedYAMLError as error:
        tree.report(*explained(error, text))
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        # ruamel lets a few of its own slips through on text that is no YAML at all
        reason = shown(str(error).splitlines()[0] if str(error) else "?")
        tree.report(f"not YAML: {reason}", (1, 1), "compare it with an example of the documents")
    return tree


def _document(tree: Tree, events: Iterator[Event]) -> None:
    seen = False
    for event in events:
        if isinstance(event, DocumentStartEvent):
            if seen:
                _stop(tree, event, "a second document begins here", "one document a file")
            if event.version not in {None, (1, 2)}:
                _stop(tree, event, "only YAML 1.2 is read", "take the %YAML line out")
            seen = True
        elif isinstance(event, NodeEvent):
            tree.data = _node(tree, event, events, ())


def _node(tree: Tree, event: Event, events: Iterator[Event], where: Path) -> object:
    tree.values.setdefault(where, _place(event))
    _refuse_cleverness(tree, event, where)
    if isinstance(event, ScalarEvent):
        return _scalar(event)
    if isinstance(event, SequenceStartEvent):
        return _sequence(tree, events, where)
    return _mapping(tree, events, where)


def _sequence(tree: Tree, events: Iterator[Event], where: Path) -> list[object]:
    items: list[object] = []
    for event in events:
        if isinstance(event, SequenceEndEvent):
            break
        items.append(_node(tree, event, events, (*where, len(items))))
    return items


def _mapping(tree: Tree, events: Iterator[Event], where: Path) -> dict[str, object]:
    entries: dict[str, object] = {}
    for event in events:
        if isinstance(event, MappingEndEvent):
            break
        key = _key(tree, event, where)
        inner = (*where, key)
        if key in entries:
            first = tree.keys[inner]
            message = f"{shown(key)} is given twice, first on line {first[0]}"
            tree.report(message, _place(event), "keep one of the two")
            _node(tree, next(events), events, (*where, key, "twice"))
            continue
        tree.keys[inner] = _place(event)
        entries[key] = _node(tree, next(events), events, inner)
        if entries[key] is None and tree.values[inner][0] > tree.keys[inner][0]:
            tree.values[inner] = tree.keys[inner]  # nothing stands there but the next line
    return entries


def _key(tree: Tree, event: Event, where: Path) -> str:
    _refuse_cleverness(tree, event, where)
    if not isinstance(event, ScalarEvent):
        _stop(tree, event, "a key must be text", "a `? ` or a stray bracket stands here")
    key: str = event.value
    if key == "<<":
        _stop(tree, event, "merge keys are not read", "write the keys out")
    return key


def _refuse_cleverness(tree: Tree, event: Event, where: Path) -> None:
    if not isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent):
        _stop(tree, event, "anchors and aliases are not read", _NO_ANCHOR)
    if isinstance(event, ScalarEvent) and HALF.search(event.value):
        _stop(tree, event, "half a character stands in this text", "write the whole one")
    if event.anchor is not None:
        _stop(tree, event, "anchors and aliases are not read", _NO_ANCHOR)
    if event.tag is not None:
        _stop(tree, event, "tags are not read", "take the `!` out, or quote the text")
    if len(where) >= MAX_DEPTH:
        _stop(tree, event, f"nested deeper than {MAX_DEPTH} levels", "no policy needs so many")


def _stop(tree: Tree, event: Event, message: str, suggestion: str = "") -> NoReturn:
    tree.report(message, _place(event), suggestion)
    raise _Stop


def _place(event: Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1)


def _scalar(event: ScalarEvent) -> object:
    text: str = event.value
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text
