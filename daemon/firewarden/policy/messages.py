"""What pydantic found wrong, in words that name the mend."""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firewarden.policy.places import Path, Place, Tree
from firewarden.policy.problems import did_you_mean, shown
from firewarden.policy.strict import Strict

_EXPECTED = {
    "bool_type": "true or false is expected",
    "dict_type": "a map is expected",
    "model_type": "a map is expected",
    "model_attributes_type": "a map is expected",
    "string_type": "text is expected",
    "int_type": "a whole number is expected",
    "tuple_type": "a list is expected",
}


def report_all(tree: Tree, error: ValidationError, model: type[Strict]) -> set[Path]:
    """Note everything in *error* at its place in *tree*; return the paths of what is wrong."""
    wrong: set[Path] = set()
    for detail in error.errors(include_url=False, include_input=False):
        where = _inside(tree.data, detail["loc"])
        message, suggestion = _message(detail, model)
        tree.report(message, _place(tree, where, detail["type"]), suggestion)
        wrong.add(where)
    return wrong


def _place(tree: Tree, where: Path, kind: str) -> Place:
    return tree.place(where, of_key=kind in {"extra_forbidden", "missing"})


def _inside(data: object, location: Sequence[str | int]) -> Path:
    """Keep of *location* what leads somewhere in *data*; pydantic adds steps of its own."""
    where: list[str | int] = []
    for step in location:
        entries = dict(enumerate(data)) if isinstance(data, list) else data
        if isinstance(entries, Mapping) and step in entries:
            data = entries[step]
            where.append(step)
    return tuple(where)


def _message(detail: ErrorDetails, model: type[Strict]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return _unknown_key(key, _model_at(model, detail["loc"][:-1]))
    if kind == "missing":
        return f"{shown(key)} is missing", ""
    if kind == "literal_error":
        return f"one of {context.get('expected', '')} is expected", ""
    if kind == "policy":
        return str(context["message"]), str(context["suggestion"])
    if kind == "duration":
        return detail["msg"], ""
    return _EXPECTED.get(kind, detail["msg"]), ""


def _unknown_key(key: str, model: type[Strict] | None) -> tuple[str, str]:
    if model is None:
        return f"unknown key {shown(key)}", ""
    if key in model.later:
        return f"{shown(key)} is not supported in this version", "take it out for now"
    return f"unknown key {shown(key)}", did_you_mean(key, _keys(model))


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
