"""One account as the ledger knows it at one instant, and what the policies make of it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from firewarden.app.capped import read_caps
from firewarden.app.compose import load_policies
from firewarden.app.queries import Ledger
from firewarden.app.situation import load_situation, read_docket
from firewarden.app.words import read_words
from firewarden.decide.docket import Docket
from firewarden.decide.judge import Judge
from firewarden.decide.protections import (
    ProtectionList,
    built_in_protection,
    tag_protection,
)
from firewarden.decide.seen import Seen
from firewarden.decide.situation import Situation
from firewarden.errors import FileUnusable, PolicyError, UnknownDeployment
from firewarden.model.deployment import Deployment
from firewarden.model.ids import Uid
from firewarden.model.verdict import Verdict
from firewarden.model.vocabulary import Blocker
from firewarden.policy.rules import PolicySet

_PASSING = frozenset({Blocker.NOT_READY, Blocker.COLD_START})
"""Built-in protections that pass by themselves: they make nobody protected."""

_SHOWN = 10

NO_POLICIES = PolicySet(policies=(), protections=(), routes={}, hash="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is known of it, what is judged of it, what is in motion."""

    ledger: Ledger
    situation: Situation
    policies: PolicySet
    judge: Judge
    docket: Docket
    verdicts: tuple[Verdict, ...]

    @property
    def deployments(self) -> Collection[Deployment]:
        """Every deployment that is not known to be gone."""
        return self.situation.fleet.deployments.values()

    def protected(self) -> frozenset[Uid]:
        """Find the deployments that an entry, a tag or their own nature protects."""
        return _protected(self.situation, self.policies, self.judge)

    def find(self, name: str) -> Deployment:
        """Find a deployment by its id, full name or display name.

        Raises:
            UnknownDeployment: there is none of that name, or there are several.
        """
        return find_among(self.deployments, name, where=self.ledger.account)


def find_among(deployments: Collection[Deployment], name: str, *, where: str) -> Deployment:
    """Find one of *deployments*, all of the account *where*, as `Picture.find` does."""
    exact = [each for each in deployments if name in {each.deployment_id, each.name}]
    found = exact or [each for each in deployments if name == each.display_name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownDeployment(
            f"no deployment goes by {name!r}", where=where, mend=_near(deployments, name)
        )
    raise UnknownDeployment(
        f"{len(found)} deployments go by {name!r}: {_names(found)}",
        where=where,
        mend="give the id of one",
    )


def take_picture(ledger: Ledger, *, policies: PolicySet | None = None) -> Picture:
    """Read and judge everything about the account of *ledger*, by its own policies or by others.

    Raises:
        FileUnusable, PolicyError: the policies cannot be read or used.
    """
    if policies is None:
        policies = load_policies(policy_folder(ledger))
    docket = read_docket(ledger.session, ledger.account, now=ledger.now)
    words = read_words(ledger.session, ledger.account, docket, now=ledger.now)
    situation = load_situation(
        ledger.session,
        ledger.account,
        settings=ledger.settings,
        policies=policies,
        now=ledger.now,
    )
    situation = words.over(situation)
    judge = Judge(policies)
    situation = replace(situation, caps=read_caps(ledger, judge, situation))
    return Picture(
        ledger=ledger,
        situation=situation,
        policies=policies,
        judge=judge,
        docket=words.heard_by(docket),
        verdicts=judge.judge(situation),
    )


def take_any_picture(ledger: Ledger) -> tuple[Picture, str]:
    """Take a picture all the same where the policies cannot be read: by none, and with why."""
    try:
        return take_picture(ledger), ""
    except (FileUnusable, PolicyError) as error:
        return take_picture(ledger, policies=NO_POLICIES), str(error)


def read_protected(ledger: Ledger) -> frozenset[Uid]:
    """Find who is protected now, as a picture does, without judging anything.

    Where the policies cannot be read, only what protects itself is found.
    """
    try:
        policies = load_policies(policy_folder(ledger))
    except (FileUnusable, PolicyError):
        policies = NO_POLICIES
    situation = load_situation(
        ledger.session,
        ledger.account,
        settings=ledger.settings,
        policies=policies,
        now=ledger.now,
        bare=True,
    )
    return _protected(situation, policies, Judge(policies))


def _protected(situation: Situation, policies: PolicySet, judge: Judge) -> frozenset[Uid]:
    entries = ProtectionList(policies.protections, judge.attributions.of)
    now = situation.now

    def is_protected(one: Deployment) -> bool:
        if entries.find(one, now=now) or tag_protection(one.tags, now=now):
            return True
        return built_in_protection(Seen(one, situation), _PASSING) is not None

    return frozenset(uid for uid, one in situation.fleet.deployments.items() if is_protected(one))


def policy_folder(ledger: Ledger) -> Path:
    """Tell where the policies of the account of *ledger* are."""
    settings = ledger.settings
    own = (each.policies for each in settings.accounts if each.id == ledger.account)
    return next(own, None) or settings.policies


def _near(deployments: Collection[Deployment], name: str) -> str:
    known: set[str] = {each.deployment_id for each in deployments}
    known |= {each.display_name for each in deployments if each.display_name}
    near = get_close_matches(name, sorted(known), n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"choose from: {_names(deployments)}" if known else "none is known yet"


def _names(deployments: Collection[Deployment]) -> str:
    names = sorted(each.deployment_id for each in deployments)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
