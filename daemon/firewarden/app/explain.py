"""Says what is wrong with a setting, and what it is, without ever showing a secret."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ValidationError

from firewarden.app.secrets import Secret, mask_url
from firewarden.app.sources import TomlFile, suggest
from firewarden.errors import SettingsError
from firewarden.model.price import Price
from firewarden.model.vocabulary import Mode
from firewarden.policy.durations import format_duration

_SHAPES = {
    "bool_type": "true or false",
    "float_parsing": "a number",
    "float_type": "a number",
    "is_instance_of": "text",
    "model_type": "a table",
    "path_type": "a path",
    "string_type": "text",
    "tuple_type": "a list",
}
"""What to write, by pydantic's name of the finding, where its own words are about Python."""


def explain(
    error: ValidationError,
    origins: Mapping[str, str],
    file: TomlFile,
    *,
    known: Mapping[str, tuple[str, ...]],
) -> SettingsError:
    """Turn the first of pydantic's findings into one line that shows no value.

    *origins* says where each setting stands; *known* which keys there are, by their table,
    "" for the top of the file.
    """
    found, *others = error.errors(include_url=False, include_input=False, include_context=False)
    place = found["loc"]
    name = str(place[0]) if place else ""
    is_in_file = origins.get(name, "").startswith(str(file.path))
    where = file.where(*place) if is_in_file else origins.get(name, name)
    if found["type"] == "extra_forbidden":
        keys = known[name if len(place) > 1 else ""]
        problem, mend = "is no setting", suggest(str(place[-1]), keys)
        mend = mend or f"want one of {', '.join(keys)}"
    else:
        problem, mend = _read(found["type"], found["msg"])
    key = ".".join(str(part) for part in place if not isinstance(part, int))
    said = f"{key} {problem}" if is_in_file else problem
    more = f" (the first of {len(others) + 1} such findings)" if others else ""
    return SettingsError(said + more, where=where, mend=mend)


def _read(kind: str, message: str) -> tuple[str, str]:
    """Tell the problem and the mend in one of pydantic's messages, or in one of ours."""
    if kind == "missing":
        return "is missing", "add it"
    if kind in _SHAPES:
        return "cannot be used", f"want {_SHAPES[kind]}"
    problem, _, mend = message.removeprefix("Value error, ").partition("; ")
    for opening in ("want ", "Input should be "):
        if problem.startswith(opening):
            return "cannot be used", f"want {problem.removeprefix(opening)}"
    return f"cannot be used: {problem}", mend


def show(value: object) -> str:
    """Write one effective setting as text, "" where it is not set, secrets masked."""
    if isinstance(value, tuple):
        return "; ".join(show(part) for part in value)
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} = {show(part)}" for key, part in value if part is not None)
    return _show_one(value)


def _show_one(value: object) -> str:
    match value:
        case Secret():
            return mask_url(value.reveal())
        case Mode():
            return value.label
        case timedelta():
            return format_duration(value)
        case Price():
            return f"{value.accelerator_type} {value.usd_per_gpu_hour.normalize():f} USD/GPU-hour"
        case float():
            return f"{value:g}"
        case _:
            return "" if value is None else str(value)
