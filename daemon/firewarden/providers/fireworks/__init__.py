"""Fireworks AI's control plane: HTTP and JSON on one side, model values on the other."""

from firewarden.providers.fireworks.account import FireworksAccount
from firewarden.providers.fireworks.controls import FireworksControls
from firewarden.providers.fireworks.door import FireworksDoor
from firewarden.providers.fireworks.limits import Limits
from firewarden.providers.fireworks.pacing import RetryBudget

__all__ = ["FireworksAccount", "FireworksControls", "FireworksDoor", "Limits", "RetryBudget"]
