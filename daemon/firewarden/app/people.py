"""People's word by commands: rows that need nobody's lease, in force from the next cycle on."""

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from firewarden.app.compose import load_policies, open_database
from firewarden.app.periods import find_zone
from firewarden.app.picture import find_among, policy_folder
from firewarden.app.queries import Ledger, read_ledger
from firewarden.app.settings import Settings
from firewarden.clock.real import WallClock, clock_for
from firewarden.errors import FileUnusable, PolicyError, UserError
from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId
from firewarden.model.people import Override, OverrideKind, SnoozeBounds
from firewarden.policy.durations import format_duration, parse_duration
from firewarden.policy.joining import Snooze
from firewarden.ports import Clock
from firewarden.report.text import instant
from firewarden.store import overrides
from firewarden.store.descriptions import read_descriptions
from firewarden.store.engine import Database
from firewarden.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One account's ledger, open for what a person has to say.

    Attributes:
        clock: what the ledger is dated by. wall: what leases are, and waiting is.
        speed: of the one to the other.
    """

    database: Database
    settings: Settings
    account: AccountId
    timezone: str
    actor: str
    clock: Clock
    wall: Clock
    speed: float = 1.0

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """Read one state of the account's ledger."""
        now = self.clock.now()
        with read_ledger(self.database, self.settings, self.account, now=now) as ledger:
            yield ledger

    def ledger(self, session: Session) -> Ledger:
        """Read the account's ledger within a transaction that also writes."""
        return Ledger(
            settings=self.settings,
            session=session,
            account=self.account,
            timezone=self.timezone,
            now=self.clock.now(),
        )

    def find(self, name: str) -> Deployment:
        """Find a deployment that is not known to be gone by its id, full or display name.

        Raises:
            UnknownDeployment: there is none of that name, or there are several.
        """
        with self.reading() as ledger:
            described = read_descriptions(ledger.session, self.account)
        return find_among(described.deployments.values(), name, where=self.account)

    def shown(self, at: datetime) -> str:
        """Write an instant for people, in the account's zone."""
        return instant(at, zone=self.timezone)


@contextmanager
def open_desk(settings: Settings, account: str | None) -> Iterator[Desk]:
    """Open the ledger of *account*, or of the only one there is, to write a person's word in it.

    Raises as `queries.open_ledger` does.
    """
    clock = clock_for(speed=settings.time_speed, origin=settings.time_origin)
    with closing(open_database(settings, upgrade=False)) as database:
        with read_ledger(database, settings, account, now=clock.now()) as ledger:
            chosen, timezone = ledger.account, ledger.timezone
        yield Desk(
            database=database,
            settings=settings,
            account=chosen,
            timezone=timezone,
            actor=whoever_types(),
            clock=clock,
            wall=WallClock(),
            speed=settings.time_speed,
        )


def whoever_types() -> str:
    """Name the person at the command line: ``cli:user@host``."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:  # in a container a user need not have a name
        name = str(user)
    return f"cli:{name}@{socket.gethostname()}"


def snooze(desk: Desk, name: str, *, length: str, reason: str) -> str:
    """Keep a deployment from every policy for a while; gives one line that says until when.

    Raises:
        UserError: *length* is no duration, or longer than people may snooze.
    """
    span = _length(length)
    deployment, bounds = desk.find(name), _bounds(desk)
    now = desk.clock.now()
    until = now + span
    with desk.database.writing() as session:
        before = overrides.read_since(
            session, desk.account, since=now - bounds.window, uid=deployment.uid
        )
        snoozes = [each for each in before if each.kind is OverrideKind.SNOOZE]
        room = bounds.room(snoozes, now=now)
        if span > room:
            raise UserError(
                f"{deployment.deployment_id} can be snoozed for {format_duration(room)} now, not"
                f" for {format_duration(span)}",
                where="--for",
                mend=f"{format_duration(bounds.longest)} at a time and"
                f" {format_duration(bounds.total)} in {bounds.window.days} days are the most;"
                " `firewarden protect` keeps it longer",
            )
        overrides.put(
            session,
            Override(
                account=desk.account,
                kind=OverrideKind.SNOOZE,
                uid=deployment.uid,
                since=now,
                until=until,
                actor=desk.actor,
                reason=reason,
            ),
        )
    return f"{deployment.deployment_id}: no policy acts on it until {desk.shown(until)}"


def protect(desk: Desk, name: str, *, until: str, reason: str) -> str:
    """Protect a deployment until an instant; gives one line that says so.

    Raises:
        UserError: *until* is no instant, or is past.
    """
    deployment, now = desk.find(name), desk.clock.now()
    end = _read_until(until, now=now, zone=find_zone(desk.timezone))
    with desk.database.writing() as session:
        overrides.put(
            session,
            Override(
                account=desk.account,
                kind=OverrideKind.PROTECT,
                uid=deployment.uid,
                since=now,
                until=end,
                actor=desk.actor,
                reason=reason,
            ),
        )
    return f"{deployment.deployment_id}: protected until {desk.shown(end)}"


def end(desk: Desk, name: str, kind: OverrideKind) -> str:
    """End every snooze or protection that a command has put on a deployment.

    Raises:
        UserError: there is none.
    """
    deployment, now = desk.find(name), desk.clock.now()
    with desk.database.writing() as session:
        mine = [
            each
            for each in overrides.standing(session, desk.account, now=now)
            if each.kind is kind and each.uid == deployment.uid
        ]
        for each in mine:
            overrides.end(session, each.override_id, by=desk.actor, at=now)
    if not mine:
        raise UserError(
            f"no command has put a {kind} on {deployment.deployment_id}",
            where=desk.account,
            mend=f"`firewarden explain {deployment.deployment_id}` says what holds it",
        )
    return f"{deployment.deployment_id}: its {kind} is over; policies act on it as they say"


def pause(desk: Desk, *, reason: str) -> str:
    """Stop all actions of an account until somebody resumes; alerts go on."""
    with desk.database.writing() as session:
        overrides.put(
            session,
            Override(
                account=desk.account,
                kind=OverrideKind.PAUSE,
                since=desk.clock.now(),
                actor=desk.actor,
                reason=reason,
            ),
        )
    return f"{desk.account}: nothing is acted on until `firewarden resume`; alerts go on"


def resume(desk: Desk, *, reason: str) -> str:
    """End every pause of an account, and let go of what its evidence brake has stopped."""
    now = desk.clock.now()
    with desk.database.writing() as session:
        ended = overrides.resume(session, desk.account, by=desk.actor, reason=reason, at=now)
    told = "policies act again" if ended else "nothing was paused"
    return f"{desk.account}: {told}; the evidence up to {desk.shown(now)} is taken as seen"


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UserError(str(error), where="--for") from error


def _bounds(desk: Desk) -> SnoozeBounds:
    """Read how long people may snooze; by default, where the policies cannot be read now."""
    given = Snooze()
    with desk.reading() as ledger:
        folder = policy_folder(ledger)
    with suppress(PolicyError, FileUnusable):
        given = load_policies(folder).snooze
    return SnoozeBounds(longest=given.max, total=given.max_total)


def _read_until(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    try:
        found = _until(text, now=now, zone=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"{text!r} is no instant",
            where="--until",
            mend="give 2026-12-15, 2026-12-15T12:00:00Z, or 7d for seven days from now",
        ) from error
    if found <= now:
        raise UserError(f"{text} is past", where="--until", mend="give an instant to come")
    return found


def _until(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Read how long from *now*, a date (to its end, as in the policies), or an instant."""
    with suppress(ValueError):
        return now + parse_duration(text)
    if "T" not in text and " " not in text:
        day = date.fromisoformat(text) + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    given = datetime.fromisoformat(text)
    return given if given.tzinfo else given.replace(tzinfo=zone)
