"""The base of everything a policy file may say."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import CoreSchema, core_schema

from firewarden.policy.fields import refuse


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

    @field_validator("*", mode="before")
    @classmethod
    def _written(cls, given: object) -> object:
        """Refuse a key with nothing behind it, which would read as if the key were not there."""
        if given is None:
            refuse("empty: nothing is written behind it", "write a value, or take the key out")
        return given


class WhenRead:
    """Marks maps whose validator is made when the first one is read: most folders have none."""

    def __get_pydantic_core_schema__(self, source: type[Strict], _: Any) -> CoreSchema:
        """Take them as their own validator does, errors and places included."""
        return core_schema.no_info_plain_validator_function(source.model_validate)
