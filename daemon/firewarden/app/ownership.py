"""Whose the deployments are, and what of that the ledger does not hold yet."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from firewarden.decide.attribution import Attributions
from firewarden.model.attributes import Attributes
from firewarden.model.ids import Uid
from firewarden.observe.watch import Seen


class Ownership:
    """Follows from cycle to cycle whose each deployment is."""

    def __init__(self, attributions: Attributions, written: Mapping[Uid, Attributes]) -> None:
        """Go on from what is *written*: the newest attributes in the ledger, by uid."""
        self.attributions = attributions
        self._written = dict(written)
        self._has_looked = False

    def news(self, seen: Seen) -> dict[Uid, Attributes]:
        """Find whose attributes are others than in the ledger.

        Asked are the deployments that were described anew, and at the first look all of
        them: the rules may have changed. What is unsure stays as it was, for money must not
        change hands because the provider left a fact out.
        """
        if seen.fleet is None:
            return {}
        deployments = seen.fleet.deployments
        self.attributions.forget(len(deployments))
        found: dict[Uid, Attributes] = {}
        for deployment in seen.described if self._has_looked else deployments.values():
            now, before = self.attributions.of(deployment), self._written.get(deployment.uid)
            settled = _settled(now, before or Attributes())
            if settled != before:
                found[deployment.uid] = settled
        return found

    def take_in(self, news: Mapping[Uid, Attributes]) -> None:
        """Follow what was committed of *news*."""
        self._written.update(news)
        self._has_looked = True


def _settled(now: Attributes, before: Attributes) -> Attributes:
    if not now.unsure:
        return now
    kept: dict[str, Any] = {name: getattr(before, name) for name in now.unsure}
    if "team" in now.unsure:
        kept["split"] = before.split
    return replace(now, unsure=frozenset(), **kept)
