"""A plan in a file: written by `plan -o`, applied verbatim or not at all."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from firewarden.decide.plan import fingerprint_of, plan_id_of
from firewarden.errors import FileUnusable, UserError
from firewarden.model.ids import Uid
from firewarden.policy.rules import PolicySet
from firewarden.report.encode import to_json
from firewarden.report.plan import PlanView, plan_json
from firewarden.report.text import duration

GOOD_FOR: Final = timedelta(hours=1)
LARGEST: Final = 16 * 1024 * 1024
MAKE_ANOTHER: Final = "make another: `firewarden plan -o plan.json`"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedItem:
    """One action of a saved plan."""

    uid: Uid
    deployment_id: str
    verb: str
    policy: str
    evidence: Mapping[str, str]
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan as a file holds it; nothing of it is believed before `demand_good`."""

    path: Path
    plan_id: str
    created_at: datetime
    account: str
    policy_hash: str
    items: tuple[SavedItem, ...]

    def demand_good(self, *, account: str, policies: PolicySet, now: datetime) -> None:
        """Return where it may be applied to *account* now.

        Raises:
            UserError: it is of another account or other policies, too old, or edited.
        """
        if self.account != account:
            raise self._bad(f"is a plan of {self.account}, not of {account}")
        age = now - self.created_at
        if not timedelta(0) <= age <= GOOD_FOR:
            raise self._bad(f"is {duration(age)} old; after {duration(GOOD_FOR)} it is stale")
        if self.policy_hash != policies.hash:
            raise self._bad("was made by other policies than those in force")
        hashes = {str(policy.name): policy.hash for policy in policies.policies}
        prints = [item.fingerprint for item in self.items]
        true = [
            fingerprint_of(item.policy, hashes.get(item.policy, ""), item.verb, item.evidence)
            for item in self.items
        ]
        if prints != true or self.plan_id != plan_id_of(self.policy_hash, prints):
            raise self._bad("was edited: it is applied as it was made, or not at all")

    def _bad(self, problem: str) -> UserError:
        return UserError(problem, where=str(self.path), mend=MAKE_ANOTHER)


def save_plan(plan: PlanView, path: Path) -> None:
    """Write *plan* to *path*, for its owner alone.

    Raises:
        FileUnusable: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(to_json(plan_json(plan)) + "\n")
    except OSError as error:
        raise FileUnusable(
            f"cannot be written ({error.strerror})", where=str(path), mend="name another file"
        ) from error


def read_plan_file(path: Path) -> SavedPlan:
    """Read what `save_plan` wrote.

    Raises:
        FileUnusable: it cannot be read. UserError: it is no plan.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise FileUnusable(
            f"cannot be read ({error.strerror})", where=str(path), mend=MAKE_ANOTHER
        ) from error
    except UnicodeDecodeError as error:
        raise _no_plan(path) from error
    try:
        return _plan_of(path, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _no_plan(path) from error


def _plan_of(path: Path, given: Mapping[str, Any]) -> SavedPlan:
    created_at = datetime.fromisoformat(given["created_at"])
    if created_at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return SavedPlan(
        path=path,
        plan_id=str(given["plan_id"]),
        created_at=created_at,
        account=str(given["account"]),
        policy_hash=str(given["policy_hash"]),
        items=tuple(_items(given["actions"])),
    )


def _items(given: Sequence[Mapping[str, Any]]) -> list[SavedItem]:
    return [
        SavedItem(
            uid=Uid(str(item["evidence"]["uid"])),
            deployment_id=str(item["deployment_id"]),
            verb=str(item["verb"]),
            policy=str(item["policy"]),
            evidence={str(key): str(value) for key, value in item["evidence"].items()},
            fingerprint=str(item["fingerprint"]),
        )
        for item in given
    ]


def _no_plan(path: Path) -> UserError:
    return UserError("is no saved plan", where=str(path), mend=MAKE_ANOTHER)
