"""Every error this package raises on purpose.

* FirewardenError          says what is wrong, where, and the mend; carries the exit code
  * UserError                the caller or a file of theirs is wrong: exit 2, never retried
    * SettingsError            a setting or the settings file cannot be used
    * PolicyError              one or more policy files cannot be used as written
    * UnknownDeployment        no deployment, or several, go by the name given
    * UnknownAccount           the key sees no such account, or several and none was chosen
  * WorldError               the world failed: exit 1; a running daemon retries and alerts
    * ProviderError            the provider could not answer
      * ProviderUnavailable      worth retrying: time-out, reset, 429, 5xx (see ``retry_after``)
        * AnswerLost               a change was sent and its answer never came: *unknown*
      * ProviderRejected         not worth retrying: another 4xx, or an answer nobody can read
        * NotFound                 404: the thing asked for is not there
        * AccountSuspended         412: the account is paused by the provider
        * InUse                    a failed precondition: the provider will not while it is used
        * KeyRefused               401, 403: the key is refused (the one world error that exits 2)
    * StoreError               the database could not be used
      * StoreUnavailable         not reachable, locked, full: what was under way is *unknown*
      * SchemaTooNew             written by a newer firewarden
      * SchemaTooOld             not upgraded yet
    * LeaseLost                another process looks after the account now
    * Held                     another process holds what only one may (the ledger's lock)
    * NotDelivered             a message did not reach people; says whether trying again can help
    * AddressInUse             the port to listen on is taken
    * FileUnusable             a folder or file cannot be written or read
  * Forbidden                a request that must never leave was stopped on its way: a bug of ours
"""

from datetime import timedelta


class FirewardenError(Exception):
    """Something went wrong that a person can be told about in one line."""

    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", mend: str = "") -> None:
        """Say *problem* in one clause; *where* it is; *mend*: what to do about it."""
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        """One line: ``where: problem; mend``, parts that are empty left out."""
        located = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{located}; {self.mend}" if self.mend else located


class UserError(FirewardenError):
    """What the caller gave is wrong; trying again unchanged cannot help."""

    exit_code = 2


class SettingsError(UserError):
    """A setting, a variable or the settings file cannot be used."""


class PolicyError(UserError):
    """Policy files cannot be used as written; *problems* holds every finding, sorted."""

    def __init__(self, problems: tuple[str, ...], *, where: str = "", mend: str = "") -> None:
        """Carry all *problems*, each ``path:line:column: what (mend)``, at least one."""
        super().__init__("\n".join(problems), where=where, mend=mend)
        self.problems = problems


class UnknownDeployment(UserError):
    """No deployment goes by that name, or more than one does."""


class UnknownAccount(UserError):
    """The key sees no such account, or sees several and none was chosen."""


class WorldError(FirewardenError):
    """The world failed; it may work later."""


class ProviderError(WorldError):
    """The provider could not answer."""


class ProviderUnavailable(ProviderError):
    """The provider may answer later; *retry_after* is its own estimate, if it gave one."""

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        mend: str = "",
        retry_after: timedelta | None = None,
        throttled: bool = False,
    ) -> None:
        """Carry the provider's *retry_after* (never negative) and whether it was a 429."""
        super().__init__(problem, where=where, mend=mend)
        self.retry_after = retry_after
        self.throttled = throttled


class AnswerLost(ProviderUnavailable):
    """A change was sent and no answer came: whether it took effect is *unknown* until read."""


class ProviderRejected(ProviderError):
    """The provider refused the request, or sent what nobody can read."""


class NotFound(ProviderRejected):
    """The provider says that there is no such thing (404)."""


class AccountSuspended(ProviderRejected):
    """The provider has paused the account (412)."""


class InUse(ProviderRejected):
    """The provider refuses a change because of the deployment's state or use (gRPC code 9)."""


class KeyRefused(ProviderRejected):
    """The provider refused the key (401) or what the key may do (403)."""

    exit_code = 2


class StoreError(WorldError):
    """The database could not be used."""


class StoreUnavailable(StoreError):
    """The database did not answer; whether what was under way is in it is *unknown*."""


class SchemaTooNew(StoreError):
    """The database was written by a newer firewarden."""


class SchemaTooOld(StoreError):
    """The database needs ``firewarden db upgrade`` first."""


class LeaseLost(WorldError):
    """Another process looks after the account now, or may: nothing is done."""


class Held(WorldError):
    """Another process holds what only one may hold."""


class NotDelivered(WorldError):
    """A message did not reach people.

    Attributes:
        for_good: trying again cannot help: no such channel, a revoked token.
        retry_after: how long the receiver wants to be left alone; None where it did not say.
        unknown: it may have been taken all the same.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        mend: str = "",
        for_good: bool = False,
        retry_after: timedelta | None = None,
        unknown: bool = False,
    ) -> None:
        """Carry what decides about the next try."""
        super().__init__(problem, where=where, mend=mend)
        self.for_good = for_good
        self.retry_after = retry_after
        self.unknown = unknown


class AddressInUse(WorldError):
    """Another process listens on the address."""


class FileUnusable(WorldError):
    """A file or folder cannot be read or written."""


class Forbidden(FirewardenError):
    """A request that must never leave this process was stopped before it did."""
