"""The base of everything a policy file may say."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """One map of a policy file; `later` names keys of the language that come in later versions."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        defer_build=True,  # most maps are only ever read as a part of a file
    )
    later: ClassVar[frozenset[str]] = frozenset()
