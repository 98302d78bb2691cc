"""Where each notice goes."""

from dataclasses import dataclass

from firewarden.app.settings import Settings
from firewarden.model.delivery import Destination, Way
from firewarden.model.notice import Notice
from firewarden.policy.rules import PolicySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Routes."""

    settings: Settings
    policies: PolicySet

    def destinations(self, notice: Notice) -> tuple[Destination, ...]:
        """Say where."""
        return (Destination(way=Way.LOG),)
