"""The ways to reach people, as a policy file names them."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from firewarden.policy.fields import Channel, Secret, Text, refuse
from firewarden.policy.strict import Strict

_BY_TEAM = "for example {by: team, map: {research: gpu-research}, else: gpu-costs}"


def _slack(given: object) -> object:
    return given if isinstance(given, dict) else {"channel": given}


class SlackTarget(Strict):
    """One channel, or one for each value of an attribute."""

    channel: Channel | None = None
    by: Text | None = None
    map: dict[str, Channel] | None = None
    else_: Channel | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.channel is not None and len(self.model_fields_set) > 1:
            refuse("either a channel, or by, map and else", "for example {slack: gpu-costs}")
        if self.channel is None and None in {self.by, self.else_}:
            refuse("`by`, `map` and `else` are needed together", _BY_TEAM)
        return self


class Route(Strict):
    """One way to reach people; parsed and checked here, delivered by what is installed."""

    slack: Annotated[SlackTarget | None, BeforeValidator(_slack)] = None
    dm: Literal["owner"] | None = None
    else_: Text | None = Field(default=None, alias="else")
    slack_webhook: Secret | None = None
    webhook: Secret | None = None
    secret: Secret | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = self.model_fields_set & {"slack", "dm", "slack_webhook", "webhook"}
        if len(ways) != 1:
            refuse(
                "exactly one of slack, dm, slack_webhook and webhook is needed",
                "one route a name: {slack: gpu-costs}",
            )
        if self.secret is not None and "webhook" not in ways:
            refuse("`secret` belongs to webhook", "take it out", at="secret")
        if (self.else_ is not None) != ("dm" in ways):
            refuse("`dm` needs `else`, and nothing else has it", "for example {dm: owner, else: x}")
        return self
