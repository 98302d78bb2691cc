"""What people ask the lease's holder to do by commands: the asking, and the waiting for it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from firewarden.app.compose import load_policies
from firewarden.app.people import Desk
from firewarden.app.periods import find_zone, read_when
from firewarden.app.picture import policy_folder
from firewarden.app.saved_plan import SavedPlan
from firewarden.errors import UserError
from firewarden.metering.segments import name_of
from firewarden.model.action import Intent
from firewarden.model.ids import Uid
from firewarden.model.people import Request, RequestVerb
from firewarden.model.usage import Known
from firewarden.model.vocabulary import Blocker
from firewarden.report.people import Restoration
from firewarden.store import requests
from firewarden.store.descriptions import read_descriptions
from firewarden.store.history import read_known
from firewarden.store.incidents import read_open
from firewarden.store.intents import read_recent
from firewarden.store.leases import Lease, read_lease

WAIT_FOR: Final = timedelta(seconds=60)
"""How long a command waits for the answer; of wall time, as the two below."""

LOOK_EVERY: Final = timedelta(milliseconds=250)
EXPIRES_AFTER: Final = timedelta(minutes=10)
"""So long it may be carried out; later it would surprise the person who asked."""


def ask(
    desk: Desk,
    verb: RequestVerb,
    uids: Collection[Uid],
    *,
    reason: str = "",
    arguments: Mapping[str, str] | None = None,
) -> tuple[int, ...]:
    """Ask for *verb* for each of *uids*; gives the numbers of the requests."""
    now = desk.clock.now()
    with desk.database.writing() as session:
        return tuple(
            requests.ask(
                session,
                Request(
                    account=desk.account,
                    verb=verb,
                    uid=uid,
                    arguments=arguments or {},
                    actor=desk.actor,
                    reason=reason,
                    asked_at=now,
                    expires_at=now + EXPIRES_AFTER * desk.speed,
                ),
            )
            for uid in uids
        )


def ask_for_plan(desk: Desk, saved: SavedPlan, *, reason: str = "") -> tuple[int, ...]:
    """Ask for every item of *saved*, each with the evidence it rested on; gives the numbers.

    Raises:
        UserError: the plan is old, foreign or edited. FileUnusable, PolicyError: the policies
            cannot be read, by which it has to be checked.
    """
    with desk.reading() as ledger:
        policies = load_policies(policy_folder(ledger))
    saved.demand_good(account=desk.account, policies=policies, now=desk.clock.now())
    numbers: list[int] = []
    for item in saved.items:
        arguments = {"policy": item.policy, "fingerprint": item.fingerprint}
        numbers += ask(desk, RequestVerb.APPLY, [item.uid], reason=reason, arguments=arguments)
    return tuple(numbers)


def read_holder(desk: Desk) -> Lease | None:
    """Tell which process looks after the account; None: there is none."""
    with desk.database.reading() as session:
        return read_lease(session, desk.account, now=desk.wall.now())


async def follow(
    desk: Desk, numbers: Sequence[int], *, tell: Callable[[Request], None]
) -> tuple[Request, ...]:
    """Wait until the requests are finished, at most `WAIT_FOR`, and tell of each as it is.

    Gives those that are not.
    """
    deadline = desk.wall.mono() + WAIT_FOR.total_seconds()
    waiting = tuple(numbers)
    while True:
        found = _read(desk, waiting)
        for each in found:
            if each.outcome is not None:
                tell(each)
        left = tuple(each for each in found if each.outcome is None)
        if not left or desk.wall.mono() >= deadline:
            return left
        waiting = tuple(each.request_id for each in left)
        await desk.wall.sleep(LOOK_EVERY)


def _read(desk: Desk, numbers: Sequence[int]) -> tuple[Request, ...]:
    with desk.database.reading() as session:
        found = (requests.read_one(session, desk.account, number) for number in numbers)
        return tuple(each for each in found if each is not None)


def restorable(
    desk: Desk, names: Sequence[str], *, since: str | None, policy: str | None
) -> tuple[Restoration, ...]:
    """Find what can be put back: at the deployments called *names*, or at all where none is.

    *since*: only where something was changed in that time; *policy*: only where it did so.

    Raises:
        UnknownDeployment, UserError: a name means none or several; nothing stands there.
    """
    wanted = [desk.find(name) for name in names]
    now = desk.clock.now()
    zone = find_zone(desk.timezone)
    begin = None if since is None else read_when(since, now=now, zone=zone, option="--since")
    with desk.reading() as ledger:
        known = read_descriptions(ledger.session, desk.account).deployments
        standing = [
            each
            for each in read_recent(ledger.session, desk.account, since=now)
            if each.is_standing and each.uid in known
        ]
    found = tuple(
        Restoration(deployment=known[uid], before=changes[0].before, newest=changes[-1])
        for uid, changes in _by_uid(standing).items()
        if _is_meant(changes, begin, policy)
        and (not wanted or uid in {each.uid for each in wanted})
    )
    missing = {each.uid for each in wanted} - {each.deployment.uid for each in found}
    if missing:
        names_ = ", ".join(each.deployment_id for each in wanted if each.uid in missing)
        raise UserError(
            f"nothing that firewarden changed stands at {names_}",
            where=desk.account,
            mend="`firewarden actions` lists what was done",
        )
    return found


def _by_uid(intents: Sequence[Intent]) -> dict[Uid, list[Intent]]:
    found: dict[Uid, list[Intent]] = {}
    for each in intents:
        found.setdefault(each.uid, []).append(each)
    return found


def _is_meant(changes: Sequence[Intent], since: datetime | None, policy: str | None) -> bool:
    return any(
        (since is None or each.planned_at >= since) and (policy is None or each.policy == policy)
        for each in changes
    )


def find_deleted(desk: Desk, name: str) -> Known:
    """Find what was deleted last under *name*, and can still be brought back.

    Raises:
        UserError: nothing of that name was deleted, or it is too late.
    """
    now = desk.clock.now()
    with desk.reading() as ledger:
        known = read_known(ledger.session, desk.account)
    named = [each for each in known if name in _names(each)]
    deleted = [each for each in named if each.deleted_at is not None]
    in_time = [each for each in deleted if each.purge_at is None or now < each.purge_at]
    if in_time:
        return max(in_time, key=lambda each: each.deleted_at or now)
    if deleted:
        raise UserError(
            f"{name} is past bringing back: Fireworks has purged it", where=desk.account
        )
    why = "is not known to be deleted" if named else "is no deployment that was ever met"
    raise UserError(
        f"{name} {why}",
        where=desk.account,
        mend="`firewarden actions` lists what was deleted",
    )


def _names(known: Known) -> set[str]:
    return {known.deployment_id, name_of(known.uid), known.display_name}


def find_waiting(desk: Desk, name: str, *, policy: str | None) -> tuple[Uid, str]:
    """Find the incident of the deployment called *name* that waits for a yes; gives its policy.

    Raises:
        UnknownDeployment: there is none of that name, or there are several.
        UserError: no incident of it waits, or several do.
    """
    deployment = desk.find(name)
    with desk.reading() as ledger:
        waiting = [
            each.policy
            for each in read_open(ledger.session, desk.account)
            if each.uid == deployment.uid
            and each.held_by is Blocker.APPROVAL
            and policy in {None, each.policy}
        ]
    if len(waiting) == 1:
        return deployment.uid, waiting[0]
    if waiting:
        raise UserError(
            f"several policies wait for a yes: {', '.join(waiting)}",
            where=deployment.deployment_id,
            mend="choose one by --policy",
        )
    raise UserError(
        "nothing waits for approval",
        where=deployment.deployment_id,
        mend="`firewarden incidents` lists what is in motion",
    )


def find_all_waiting(desk: Desk, policy: str) -> tuple[Known, ...]:
    """Find every deployment for which *policy* waits for a yes, in the order in which it asked.

    Raises:
        UserError: nothing of it waits.
    """
    with desk.reading() as ledger:
        known = {one.uid: one for one in read_known(ledger.session, desk.account)}
        waiting = [
            each
            for each in read_open(ledger.session, desk.account)
            if each.policy == policy and each.held_by is Blocker.APPROVAL
        ]
    if not waiting:
        raise UserError(
            f"nothing of {policy} waits for approval",
            where="--policy",
            mend="`firewarden incidents` lists what is in motion",
        )
    return tuple(known[each.uid] for each in sorted(waiting, key=lambda each: each.entered_at))
