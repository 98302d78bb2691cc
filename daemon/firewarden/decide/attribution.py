"""Whose a deployment is, by its own tags and by the rules of the policy folder."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from firewarden.decide.matching import Matcher, compile_match
from firewarden.model.attributes import Attributes
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.verdict import Truth
from firewarden.model.vocabulary import ATTRIBUTES
from firewarden.policy.rules import Attribution

_ROLLED: Final = re.compile(
    r"[-_.](?:v\d+|blue|green|canary|old|new|\d{4}-?\d{2}-?\d{2}(?:[-t]?\d{4,6})?)$",
    re.ASCII | re.IGNORECASE,
)
"""The end of a name that changes when a service is rolled over: a version, a colour, a date."""


class Attributions:
    """The rules of all files, in order, ready to be asked.

    What they make of a deployment follows from its description, and is remembered as long
    as that is the same object.
    """

    def __init__(self, rules: Sequence[Attribution] = ()) -> None:
        """Prepare *rules*; the first that says something of an attribute wins."""
        self._rules: list[tuple[Matcher, Attribution]] = [
            (compile_match(rule.match, _nobodys), rule) for rule in rules
        ]
        self._known: dict[Uid, tuple[Deployment, Attributes]] = {}

    def of(self, deployment: Deployment) -> Attributes:
        """Find what is said of *deployment*: by its own tags first, then by the rules.

        A rule that may mean it, but asks for what the provider does not tell, leaves what
        it would say unsure: later rules are not asked for that. Without a word about its
        service, that is the name without what a roll-over changes.
        """
        entry = self._known.get(deployment.uid)
        if entry is None or entry[0] is not deployment:
            entry = self._known[deployment.uid] = (deployment, self._find(deployment))
        return entry[1]

    def forget(self, count: int) -> None:
        """Remember nothing of deployments that are gone, once most are: *count* are there."""
        if len(self._known) > 2 * count + 100:
            self._known.clear()

    def _find(self, deployment: Deployment) -> Attributes:
        found = _Found(values=tagged(deployment.tags))
        for matches, rule in self._rules:
            truth = matches(deployment)
            if truth is not Truth.FALSE:
                found.take(rule, is_sure=truth is Truth.TRUE)
        values = {"service": service_of(deployment.deployment_id), **found.values}
        unsure = frozenset(found.unsure)
        sure = {name: value for name, value in values.items() if name not in unsure}
        return Attributes(**sure, split=found.split, unsure=unsure)


@dataclass(slots=True)
class _Found:
    """What has been said of one deployment so far."""

    values: dict[str, str]
    split: Mapping[str, Decimal] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def take(self, rule: Attribution, *, is_sure: bool) -> None:
        """Take from *rule* what nothing before it has said."""
        said = {*rule.says, *(("team",) if rule.split else ())}
        for name in said - self.values.keys() - self.unsure:
            if name == "team" and self.split:
                continue
            if not is_sure:
                self.unsure.add(name)
            elif name in rule.says:
                self.values[name] = rule.says[name]
            else:
                self.split = rule.split


def _nobodys(_: Deployment) -> Attributes:
    """Rules that say whose a deployment is do not ask for it."""
    return Attributes()


def tagged(tags: Mapping[str, str]) -> dict[str, str]:
    """Take the attributes that a deployment's own *tags* say, in whatever case and with ``-``.

    Of two spellings of one attribute the first in the order of the alphabet counts.
    """
    found: dict[str, str] = {}
    for key, value in sorted(tags.items()):
        name = key.casefold().replace("-", "_")
        if name in ATTRIBUTES and value.strip():
            found.setdefault(name, value.strip())
    return found


def service_of(deployment_id: str) -> str:
    """Cut off what changes when a service is rolled over: ``chat-v12``, ``chat-blue``, dates."""
    while rolled := _ROLLED.search(deployment_id):
        if not rolled.start():
            break
        deployment_id = deployment_id[: rolled.start()]
    return deployment_id
