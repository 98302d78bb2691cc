"""Looks at everything a run needs, and says of each what was found and the mend."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from firewarden.app.compose import (
    Account,
    Seams,
    load_policies,
    open_accounts,
    open_database,
    production_seams,
)
from firewarden.app.greeting import read_facts
from firewarden.app.settings import Settings
from firewarden.app.trying import look_at_routes
from firewarden.errors import (
    AccountSuspended,
    FileUnusable,
    FirewardenError,
    KeyRefused,
    PolicyError,
    ProviderError,
    SchemaTooOld,
    SettingsError,
    UnknownAccount,
)
from firewarden.model.activity import Sample
from firewarden.model.fleet import Fleet
from firewarden.model.vocabulary import Mode
from firewarden.policy.rules import PolicySet
from firewarden.ports import Provider
from firewarden.report.checks import Check, Health
from firewarden.report.text import duration, plural

Advance = Callable[[str, float], None]

MOST_SKEW = timedelta(seconds=30)
"""A clock further off than one poll makes the instants of changes doubtful."""

_MORE_THAN_READING = frozenset({"admin", "user", "contributor"})
_UNTOLD = "the provider does not tell which role this key has"
_STEPS = 11
_NAMES: Mapping[type[FirewardenError], str] = {
    KeyRefused: "key",
    SettingsError: "key",
    UnknownAccount: "account",
    AccountSuspended: "suspension",
}
"""Which check it is that an error at the door fails."""


async def examine(
    settings: Settings, only: str | None, advance: Advance, *, seams: Seams | None = None
) -> tuple[Check, ...]:
    """Check everything; what fails keeps nothing else from being checked, nothing is changed.

    *only*: look at this account, where the settings know several.
    """
    checks: list[Check] = []
    async for check in _all_checks(settings, only, seams or production_seams(settings)):
        checks.append(check)
        advance(check.name, min(1.0, len(checks) / _STEPS))
    return tuple(checks)


async def _all_checks(settings: Settings, only: str | None, seams: Seams) -> AsyncIterator[Check]:
    try:
        async with open_accounts(settings, seams, only=only) as accounts:
            for account in accounts:
                try:
                    async for check in _account_checks(account, settings):
                        yield check
                except FirewardenError as error:
                    yield _failed(_NAMES.get(type(error), "provider"), error)
    except FirewardenError as error:
        yield _failed(_NAMES.get(type(error), "provider"), error)
    yield _database(settings)
    folders = sorted({each.policies for each in settings.accounts if each.policies})
    for folder in (*folders, settings.policies):
        for check in _policies(folder):
            yield check
    async for check in _routes(settings):
        yield check
    yield _listen(settings)


async def _routes(settings: Settings) -> AsyncIterator[Check]:
    """Look at every route; policies that cannot be read have a check of their own."""
    try:
        async for check in look_at_routes(settings):
            yield check
    except SettingsError as error:
        yield _failed("routes", error)
    except (FileUnusable, PolicyError):
        return


async def _account_checks(account: Account, settings: Settings) -> AsyncIterator[Check]:
    provider = account.provider
    facts = await read_facts(provider)
    yield _good("key", "accepted by the provider")
    yield _good("account", f"{facts.account}, its days end at midnight {account.timezone}")
    yield check_role(facts.role, settings)
    if facts.suspend_state == "UNSUSPENDED":
        yield _good("suspension", "the account is not paused")
    else:
        mend = "settle it with the provider; nothing is served meanwhile"
        yield Check(name="suspension", health=Health.WORLD, detail=facts.suspend_state, mend=mend)
    try:
        fleet = await provider.fetch_fleet()
    except ProviderError as error:
        yield _failed("listing", error)
        return
    yield _listing(fleet)
    yield await _metrics(provider, fleet)
    yield _clock(provider)


def check_role(role: str, settings: Settings) -> Check:
    """Tell whether the key that reads may do more, or less, than is asked of it."""
    is_read_only = any(each.write_api_key is not each.api_key for each in settings.watched)
    if settings.mode <= Mode.WARN or is_read_only:
        return _reading_role(role)
    if not role:
        return _good("role", _UNTOLD, "FIREWORKS_API_KEY needs one that may change deployments")
    if role not in _MORE_THAN_READING:
        mend = "set FIREWORKS_WRITE_API_KEY to a key whose user may change deployments"
        return _good("role", f"{role}: may not do what mode = {settings.mode.label} allows", mend)
    mend = "with FIREWORKS_WRITE_API_KEY for the changes, FIREWORKS_API_KEY need only read"
    return _good("role", f"{role}: reads and changes with the same key", mend)


def _reading_role(role: str) -> Check:
    if not role:
        return _good("role", _UNTOLD, "a read-only role is enough for FIREWORKS_API_KEY")
    if role in _MORE_THAN_READING:
        return _good("role", f"{role}: more than needed", "use a key whose user may only read")
    return _good("role", f"{role}: reads, and may change nothing")


def _listing(fleet: Fleet) -> Check:
    count = plural(len(fleet.deployments), "deployment")
    if fleet.complete:
        return _good("listing", f"complete: {count}")
    return Check(
        name="listing",
        health=Health.WORLD,
        detail=f"not complete after {count}: {fleet.problem}",
        mend="try again; while it lasts nothing is concluded from an absence",
    )


async def _metrics(provider: Provider, fleet: Fleet) -> Check:
    """Read the metrics once, and tell whether deployments that serve are missing from them."""
    try:
        scrape = await provider.fetch_activity()
    except ProviderError as error:
        return _failed("metrics", error)
    if not scrape.whole:
        mend = "without metrics every use is unknown and no idle rule is ever due"
        return Check(name="metrics", health=Health.WORLD, detail=scrape.problem, mend=mend)
    serving = [each for each in fleet.deployments.values() if each.ready_replica_count]
    absent = [each for each in serving if _is_absent(scrape.samples.get(each.name))]
    if not absent:
        return _good("metrics", f"series of all {plural(len(serving), 'deployment')} that serve")
    named = ", ".join(each.deployment_id for each in absent[:3])
    more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""  # noqa: PLR2004 - a few names
    return _good(
        "metrics",
        f"series absent for {len(absent)} of {plural(len(serving), 'deployment')} that serve: "
        f"{named}{more}; their use is unknown",
        'once you have seen that unused ones lose their series: [metrics] absent_series = "quiet"',
    )


def _is_absent(sample: Sample | None) -> bool:
    return sample is None or None in {
        sample.request_rate,
        sample.prompt_token_rate,
        sample.concurrency,
    }


def _clock(provider: Provider) -> Check:
    skew_ms = provider.last_skew_ms
    if skew_ms is None:
        return _good("clock", "the provider does not tell its time")
    skew = timedelta(milliseconds=abs(skew_ms))
    ahead = "behind" if skew_ms > 0 else "ahead of"
    detail = f"{duration(skew)} {ahead} the provider's"
    if skew <= MOST_SKEW:
        return _good("clock", detail)
    mend = "set this machine's clock (NTP): instants of changes are off by as much"
    return Check(name="clock", health=Health.WORLD, detail=detail, mend=mend)


def _database(settings: Settings) -> Check:
    try:
        with closing(open_database(settings, upgrade=False)) as database:
            return _good("database", f"{database.describe()}: up to date")
    except SchemaTooOld as error:
        detail = f"{error.where}: {error.problem}"
        return _good("database", detail, "`firewarden run` upgrades it, a SQLite file backed up")
    except FileUnusable as error:
        file = Path(error.where)
        if not file.name or file.exists():
            return _failed("database", error)
        return _first_run(file)
    except FirewardenError as error:
        return _failed("database", error)


def _first_run(file: Path) -> Check:
    """Tell whether *file* can be made, by making it: no permission bit tells root."""
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.unlink()
    except OSError as error:
        detail = f"{file}: cannot be made ({error.strerror})"
        mend = "make its folder, and let this user write in it"
        return Check(name="database", health=Health.WORLD, detail=detail, mend=mend)
    return _good("database", f"{file}: not there yet", "`firewarden run` makes it")


def _policies(folder: Path) -> Iterator[Check]:
    try:
        policies = load_policies(folder)
    except FirewardenError as error:
        yield _failed("policies", error)
        return
    count = len(policies.policies)
    notes = "; ".join(str(note) for note in policies.notes)
    if not count:
        yield _good("policies", f"{folder}: none", "`firewarden init` writes a first one")
    else:
        yield _good("policies", f"{folder}: {plural(count, 'policy', 'policies')}", notes)
    yield _commitments(folder, policies)


def _commitments(folder: Path, policies: PolicySet) -> Check:
    """Ask for what was bought ahead: without an answer no saving is called one."""
    if policies.commitments is None:
        mend = "declare `commitments` in a policy file, or `commitments: none`"
        return _good("commitments", f"{folder}: not declared, so savings are only *up to*", mend)
    count = len(policies.commitments)
    return _good("commitments", f"{folder}: {plural(count, 'commitment') if count else 'none'}")


def _listen(settings: Settings) -> Check:
    address = settings.listen
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address.host, address.port))
        except OSError as error:
            mend = "a running firewarden? else choose another FIREWARDEN_LISTEN"
            detail = f"{address}: {error.strerror}"
            return Check(name="listen", health=Health.WORLD, detail=detail, mend=mend)
    return _good("listen", f"{address}: free")


def _good(name: str, detail: str, mend: str = "") -> Check:
    return Check(name=name, health=Health.OK, detail=detail, mend=mend)


def _failed(name: str, error: FirewardenError) -> Check:
    health = Health.YOURS if error.exit_code == Health.YOURS else Health.WORLD
    first, *others = error.problem.splitlines()
    more = f" (and {len(others)} more: `firewarden validate`)" if others else ""
    detail = f"{error.where}: {first}{more}" if error.where else f"{first}{more}"
    return Check(name=name, health=health, detail=detail, mend=error.mend)
