"""Commands by which people overrule the policies: their own word, and what they ask for."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from firewarden.cli.options import Account, Config, Deployment
from firewarden.cli.output import console, say

if TYPE_CHECKING:
    from firewarden.app.people import Desk
    from firewarden.model.ids import Uid
    from firewarden.model.people import RequestVerb

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: others will read it.")]
Why = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why: others will read it.", show_default="")
]
End = Annotated[bool, typer.Option("--end", help="End it now instead.")]
Waiting = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="The deployment whose incident waits for a yes."),
]
Policy = Annotated[
    str | None,
    typer.Option(
        "--policy", metavar="P", help="Which, where several wait; without ID all that wait of it."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Several without asking.")]


def snooze(
    deployment: Deployment,
    *,
    length: Annotated[
        str, typer.Option("--for", metavar="4h", help="How long; see `snooze` in the policies.")
    ] = "4h",
    end: End = False,
    reason: Why = "",
    account: Account = None,
    config: Config = None,
) -> None:
    """Keep a deployment from every policy for a while, from the next cycle on."""
    from firewarden.app import people
    from firewarden.cli.context import settings
    from firewarden.model.people import OverrideKind

    with people.open_desk(settings(config), account) as desk:
        if end:
            told = people.end(desk, deployment, OverrideKind.SNOOZE)
        else:
            told = people.snooze(desk, deployment, length=length, reason=reason)
    typer.echo(told)


def protect(
    deployment: Deployment,
    *,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="WHEN", help="A date (to its end), an instant, or how long: 7d."
        ),
    ] = None,
    end: End = False,
    reason: Why = "",
    account: Account = None,
    config: Config = None,
) -> None:
    """Protect a deployment from every policy until an instant; says who did and why."""
    from firewarden.app import people
    from firewarden.cli.context import settings
    from firewarden.errors import UserError
    from firewarden.model.people import OverrideKind

    if not end and (until is None or not reason):
        raise UserError(
            "a protection needs an end and a reason",
            where="protect",
            mend="give --until 2026-12-15 --reason 'paper deadline'",
        )
    with people.open_desk(settings(config), account) as desk:
        if end or until is None:
            told = people.end(desk, deployment, OverrideKind.PROTECT)
        else:
            told = people.protect(desk, deployment, until=until, reason=reason)
    typer.echo(told)


def pause(*, reason: Reason, account: Account = None, config: Config = None) -> None:
    """Stop all actions of an account until `resume`; metering and alerts go on."""
    from firewarden.app import people
    from firewarden.cli.context import settings

    with people.open_desk(settings(config), account) as desk:
        typer.echo(people.pause(desk, reason=reason))


def resume(*, reason: Why = "", account: Account = None, config: Config = None) -> None:
    """End a pause, and let go what the evidence brake holds back, now that you have looked."""
    from firewarden.app import people
    from firewarden.cli.context import settings

    with people.open_desk(settings(config), account) as desk:
        typer.echo(people.resume(desk, reason=reason))


def restore(
    deployments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DEPLOYMENT]…", help="Ids, display names or full names."),
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help="All that were changed since (2h)."),
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="P", help="All that this policy changed.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that firewarden has changed.")
    ] = False,
    yes: Yes = False,
    reason: Why = "",
    account: Account = None,
    config: Config = None,
) -> None:
    """Put back the bounds from before firewarden's changes; several only after a look at them."""
    from firewarden.app.asking import restorable
    from firewarden.app.people import open_desk
    from firewarden.cli.context import settings
    from firewarden.errors import UserError
    from firewarden.model.people import RequestVerb
    from firewarden.report.people import restorations_view

    names = deployments or []
    if not (names or since or policy or everything):
        raise UserError(
            "say what to restore",
            where="restore",
            mend="name deployments, or give --since, --policy or --all",
        )
    with open_desk(settings(config), account) as desk:
        found = restorable(desk, names, since=since, policy=policy)
        console().print(restorations_view(desk.account, found, now=desk.clock.now()))
        if not found:
            return
        if not (yes or len(found) == len(names) == 1):
            typer.confirm("Restore them?", abort=True)
        uids = [each.deployment.uid for each in found]
        _have_done(desk, RequestVerb.RESTORE, uids, reason=reason)


def undelete(
    deployment: Deployment, *, reason: Why = "", account: Account = None, config: Config = None
) -> None:
    """Bring back a deployment that was deleted, while the provider still has it."""
    from firewarden.app.asking import find_deleted
    from firewarden.app.people import open_desk
    from firewarden.cli.context import settings
    from firewarden.model.people import RequestVerb

    with open_desk(settings(config), account) as desk:
        known = find_deleted(desk, deployment)
        _have_done(desk, RequestVerb.UNDELETE, [known.uid], reason=reason)


def approve(
    waiting: Waiting = None,
    *,
    policy: Policy = None,
    yes: Yes = False,
    reason: Why = "",
    account: Account = None,
    config: Config = None,
) -> None:
    """Say yes to what waits for approval; what it rests on is looked at again before it acts."""
    from firewarden.model.people import RequestVerb

    asked = _Asked(waiting, policy, yes)
    _answer(RequestVerb.APPROVE, asked, reason, account=account, config=config)


def reject(
    waiting: Waiting = None,
    *,
    policy: Policy = None,
    yes: Yes = False,
    reason: Why = "",
    account: Account = None,
    config: Config = None,
) -> None:
    """Say no to what waits for approval: nothing is done, and the incident ends."""
    from firewarden.model.people import RequestVerb

    asked = _Asked(waiting, policy, yes)
    _answer(RequestVerb.REJECT, asked, reason, account=account, config=config)


def apply(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.JSON", help="What `plan -o` has written.")],
    *,
    reason: Why = "",
    account: Account = None,
    config: Config = None,
) -> None:
    """Do what a saved plan says: those items whose evidence still holds, and never one more."""
    from firewarden.app.asking import ask_for_plan
    from firewarden.app.people import open_desk
    from firewarden.app.saved_plan import read_plan_file
    from firewarden.cli.context import settings

    saved = read_plan_file(plan)
    with open_desk(settings(config), account) as desk:
        numbers = ask_for_plan(desk, saved, reason=reason)
        if not numbers:
            typer.echo("nothing is in the plan, so nothing is done")
            return
        _wait_for(desk, numbers)


class _Asked(NamedTuple):
    """What a yes or a no is given to."""

    name: str | None
    policy: str | None
    yes: bool


def _answer(
    verb: "RequestVerb",
    asked: _Asked,
    reason: str,
    *,
    account: str | None,
    config: Path | None,
) -> None:
    from firewarden.app.asking import find_all_waiting, find_waiting
    from firewarden.app.people import open_desk
    from firewarden.cli.context import settings
    from firewarden.errors import UserError

    if asked.name is None and asked.policy is None:
        raise UserError(
            "say what it is about", where=verb.value, mend="name a deployment, or give --policy"
        )
    with open_desk(settings(config), account) as desk:
        if asked.name is not None:
            uid, waits = find_waiting(desk, asked.name, policy=asked.policy)
            _have_done(desk, verb, [uid], reason=reason, arguments={"policy": waits})
            return
        policy = asked.policy or ""
        found = find_all_waiting(desk, policy)
        names = ", ".join(each.deployment_id for each in found)
        typer.echo(f"{policy} waits for a yes on {len(found)}: {names}")
        if not (asked.yes or len(found) == 1):
            typer.confirm(f"{verb.value.capitalize()} them?", abort=True)
        uids = [each.uid for each in found]
        _have_done(desk, verb, uids, reason=reason, arguments={"policy": policy})


def _have_done(
    desk: "Desk",
    verb: "RequestVerb",
    uids: "Collection[Uid]",
    *,
    reason: str,
    arguments: Mapping[str, str] | None = None,
) -> None:
    """Ask for *verb*, wait for the answer and print it; exits 1 where it is not a yes."""
    from firewarden.app.asking import ask

    _wait_for(desk, ask(desk, verb, uids, reason=reason, arguments=arguments))


def _wait_for(desk: "Desk", numbers: Sequence[int]) -> None:
    """Wait for the answers to requests and print them; exits 1 where one is not a yes."""
    import asyncio

    from firewarden.app.asking import EXPIRES_AFTER, follow, read_holder
    from firewarden.model.people import Request, RequestOutcome
    from firewarden.report.people import outcome_line

    outcomes = []

    def tell(request: Request) -> None:
        outcomes.append(request.outcome)
        typer.echo(outcome_line(request))

    holder = read_holder(desk)
    stands = f"it is carried out within {EXPIRES_AFTER.seconds // 60} minutes or not at all"
    if holder is None:
        from firewarden.app.stand_in import stand_in

        say(f"no firewarden looks after {desk.account}: this command does it, and lets go")
        asyncio.run(stand_in(desk.settings, desk.account))
    else:
        say(f"asked {holder.described}, which looks after {desk.account}; waiting for its cycle")
    left = asyncio.run(follow(desk, numbers, tell=tell))
    for each in left:
        say(f"{outcome_line(each)}; no answer within a minute: {stands}")
    if left or set(outcomes) != {RequestOutcome.DONE}:
        raise typer.Exit(1)
