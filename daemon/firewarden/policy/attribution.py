"""What a policy folder says about whose the deployments are: the first rule that says it wins."""

from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, model_validator

from firewarden.model.vocabulary import ATTRIBUTES
from firewarden.policy.fields import Share, Text, refuse
from firewarden.policy.match import Description

_FEWEST_SHARES = 2


def _split(given: object) -> object:
    if not isinstance(given, dict) or len(given) < _FEWEST_SHARES:
        refuse("two teams or more share a bill", "for example {research: 60%, search: 40%}")
    return given


class AttributionEntry(Description):
    """One rule: which deployments, and what is said of them."""

    nothing: ClassVar[str] = "nothing says which deployments it is about"
    apart: ClassVar[frozenset[str]] = frozenset({*ATTRIBUTES, "split"})

    team: Text | None = None
    owner: Text | None = None
    project: Text | None = None
    env: Text | None = None
    service: Text | None = None
    cost_center: Text | None = None
    split: Annotated[dict[Text, Share] | None, BeforeValidator(_split)] = None

    @model_validator(mode="after")
    def _says_whose(self) -> Self:
        if not self.said() and self.split is None:
            refuse("nothing is said of them", f"at least one of {', '.join(ATTRIBUTES)} or split")
        if self.team is not None and self.split is not None:
            refuse("either one team or a split, not both", "take one of them out", at="split")
        if self.split is not None and (total := sum(self.split.values(), Decimal(0))) != 1:
            refuse(f"the shares add up to {total:%}", "they have to add up to 100%", at="split")
        return self

    @property
    def means_everything(self) -> bool:
        """No deployment is left for a later rule."""
        return self.all_ and self.not_ is None

    def said(self) -> dict[str, str]:
        """Give what it says, attribute by attribute; a split stands apart."""
        values = {name: getattr(self, name) for name in ATTRIBUTES}
        return {name: value for name, value in values.items() if value is not None}
