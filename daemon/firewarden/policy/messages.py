"""What pydantic found wrong, in words that name the mend."""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firewarden.policy.places import Path, Tree
from firewarden.policy.problems import did_you_mean, nearest, shown
from firewarden.policy.strict import Strict

_GLUED = r"(?a)(\w+)(:|\s)"
"""What YAML makes one key of where a space or a colon is missing: ``match:{name``."""

_A_MAP = ("a map is expected", "write `key: value`, each on a line of its own below it")
_EXPECTED = {
    "bool_type": ("true or false is expected", "without quotes"),
    "dict_type": _A_MAP,
    "model_type": _A_MAP,
    "model_attributes_type": _A_MAP,
    "string_type": ("text is expected", "in quotes"),
}
_EXAMPLES = {
    "version": "version: 1",
    "match": 'match: {name: "exp-*"}',
    "stages": "stages: [warn, {wait: 15m}, scale_to_zero]",
    "for": "{wait: {for: 15m}}",
    "scope": "scope: {all: true}",
    "limit": "limit: {usd: 5000, per: month}",
    "thresholds": "thresholds: [{at: 80%, do: warn}]",
    "do": "{at: 80%, do: warn}",
    "at": "{at: window_start}",
    "kind": "kind: capacity",
}
"""How each key looks that may not be left out."""


def report_all(tree: Tree, error: ValidationError, model: type[Strict]) -> set[Path]:
    """Note everything in *error* at its place in *tree*; return the paths of what is wrong."""
    wrong: set[Path] = set()
    details = error.errors(include_url=False, include_input=False)
    mistyped = {place for detail in details for place in _meant(detail, model)}
    for detail in details:
        if detail["type"] == "missing" and detail["loc"] in mistyped:
            continue  # it is there, and its typo is told
        where = _inside(tree.data, _told_at(detail))
        message, suggestion = _message(detail, model)
        is_key = _is_about_key(detail) or _stands_below(tree, where)
        tree.report(message, tree.place(where, of_key=is_key), suggestion)
        wrong.add(where)
    return wrong


def _meant(detail: ErrorDetails, model: type[Strict]) -> Iterator[tuple[str | int, ...]]:
    """Give the places of the keys that an unknown one could have been."""
    if detail["type"] == "extra_forbidden":
        *around, key = detail["loc"]
        for choice in _near_keys(str(key), _model_at(model, around)):
            yield (*around, choice)


def _told_at(detail: ErrorDetails) -> tuple[str | int, ...]:
    """Add to the path what the validator knew of it: which item, or which key, it is about."""
    context = detail.get("ctx", {})
    steps = (context.get("item"), context.get("at") or None)
    return (*detail["loc"], *(step for step in steps if step is not None))


def _is_about_key(detail: ErrorDetails) -> bool:
    about_key = {"extra_forbidden", "missing"}
    at = detail.get("ctx", {}).get("at")
    return bool(at) or detail["type"] in about_key or detail["loc"][-1:] == ("[key]",)


def _stands_below(tree: Tree, where: Path) -> bool:
    """Is it a block below its key, whose first line is no more to blame than any other?"""
    value = tree.data
    for step in where:
        value = (_entries(value) or {}).get(step)
    key = tree.keys.get(where)
    return key is not None and bool(_entries(value)) and key[0] < tree.values[where][0]


def _inside(data: object, location: Sequence[str | int]) -> Path:
    """Keep of *location* what leads somewhere in *data*; validators add steps of their own.

    A short form may have put beside one another what the models put into one another.
    """
    where: list[str | int] = []
    around: object = None
    for step in location:
        if (found := _entries(data)) is not None and step in found:
            around, data = data, found[step]
            where.append(step)
        elif not found and (beside := _entries(around)) is not None and step in beside:
            data = beside[step]
            where[-1] = step
    return tuple(where)


def _entries(data: object) -> Mapping[str | int, object] | None:
    if isinstance(data, list):
        return dict(enumerate(data))
    return data if isinstance(data, dict) else None


def _message(detail: ErrorDetails, model: type[Strict]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return _unknown_key(key, _model_at(model, detail["loc"][:-1]))
    if kind == "missing":
        example = _EXAMPLES.get(key, "")
        return f"{shown(key)} is missing", f"for example {example}" if example else "write it"
    if kind == "literal_error":
        return f"one of {context.get('expected', '')} is expected", "write it as it stands here"
    if kind == "policy":
        return str(context["message"]), str(context["suggestion"])
    if kind == "duration":
        message, _, mend = detail["msg"].partition("; ")
        return message, mend
    return _EXPECTED.get(kind, (detail["msg"], ""))


def _unknown_key(key: str, model: type[Strict] | None) -> tuple[str, str]:
    if model is None:
        return f"unknown key {shown(key)}", "take it out"
    if key in model.later:
        return f"{shown(key)} is not supported in this version", "take it out for now"
    found = re.match(_GLUED, key)
    if found is not None and found[1] in _keys(model):
        what = "a space is" if found[2] == ":" else "a `:` is"
        return f"{what} missing behind `{found[1]}{found[2].strip()}`", f"write `{found[1]}: …`"
    return f"unknown key {shown(key)}", did_you_mean(key, _keys(model)) or "take it out"


def _near_keys(key: str, model: type[Strict] | None) -> list[str]:
    if model is None:
        return []
    found = re.match(_GLUED, key)
    glued = [found[1]] if found and found[1] in _keys(model) else []
    return glued or nearest(key, _keys(model))


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[Strict], location: Sequence[str | int]) -> type[Strict] | None:
    """Find the model that describes the map at *location*."""
    current: Any = model
    for step in location:
        following = _step(current, step)
        current = current if following is None else following
    return _model_in(current)


def _step(annotation: Any, step: str | int) -> Any:
    found = _model_in(annotation)
    if found is not None:
        return next(
            (
                field.annotation
                for name, field in found.model_fields.items()
                if step == (field.alias or name)
            ),
            None,
        )
    for inner in _alternatives(annotation):
        if get_origin(inner) is dict:
            return get_args(inner)[1]
        if get_origin(inner) is tuple:
            return get_args(inner)[0]
    return None


def _model_in(annotation: Any) -> type[Strict] | None:
    for inner in _alternatives(annotation):
        if isinstance(inner, type) and issubclass(inner, Strict):
            return inner
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(found for arg in get_args(annotation) for found in _alternatives(arg))
    return (annotation,)
