"""Who hears of what: the routes of the policy files, as destinations of one notice."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from firewarden.app.gather import fetch_secret
from firewarden.app.secrets import Secret
from firewarden.app.sources import read_dotenv
from firewarden.errors import NotDelivered
from firewarden.model.delivery import Destination, Way
from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity
from firewarden.notify.webhook import Hook, check_address
from firewarden.policy.routes import Route, SlackTarget
from firewarden.policy.rules import PolicySet

LOG = Destination(way=Way.LOG)
TERMINAL = Destination(way=Way.TERMINAL)

_EMAIL = re.compile(r"[^@\s<>|&]+@[^@\s<>|&]+\.[^@\s<>|&]+")


def environment(dotenv: Path = Path(".env")) -> Mapping[str, str]:
    """Give what ``env:NAME`` in a policy file may name: the environment, over *dotenv*."""
    return {**read_dotenv(dotenv), **os.environ}


class Telling:
    """The routes of one account's policies."""

    def __init__(
        self,
        *,
        policies: PolicySet,
        variables: Mapping[str, str] | None = None,
        terminal: bool = False,
    ) -> None:
        """Take the routes of *policies*, their secrets from *variables* or files.

        Without *variables* the `environment` gives them. *terminal*: somebody watches one.

        Raises:
            SettingsError: a secret of a route cannot be had, or is no address to send to.
        """
        self._alerts = policies.alerts
        self._routes = policies.routes
        self._here = (LOG, TERMINAL) if terminal else (LOG,)
        known = environment() if variables is None else variables
        self._hooks = {
            name: _hook(name, route, known)
            for name, route in policies.routes.items()
            if route.webhook or route.slack_webhook
        }

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All that the routes hold, to be registered for redaction."""
        return tuple(secret for hook in self._hooks.values() for secret in hook)

    def destinations(self, notice: Notice) -> tuple[Destination, ...]:
        """Say where *notice* goes: to its own routes, else to those for its severity.

        The log always gets it, and the terminal where there is one; alone, where a policy
        only observes, or nothing else is named.
        """
        if notice.quietly:
            return self._here
        return _once((*self._here, *self._named(self._names(notice), notice)))

    def fallback(self, notice: Notice, failed: Destination) -> tuple[Destination, ...]:
        """Say where *notice* goes instead of *failed*, which will never take it.

        For an owner that is the `else` of the route, for anything else ``alerts.fallback``.
        """
        routes = (self._routes.get(name) for name in self._names(notice))
        instead = [route.else_ for route in routes if route and route.dm and route.else_]
        if failed.way is Way.SLACK_DM and instead:
            return _once(self._named(instead, notice))
        if self._alerts.fallback is None:
            return ()
        return _once(self._named([self._alerts.fallback], notice))

    def hook(self, name: str) -> Hook:
        """Give the address of the webhook that the route *name* leads to.

        Raises:
            NotDelivered: there is no such route any more.
        """
        try:
            url, *key = self._hooks[name]
        except KeyError as error:
            raise NotDelivered(
                "there is no such route", where=f"webhook:{name}", for_good=True
            ) from error
        return Hook(url=url.reveal, secret=key[0].reveal if key else None)

    def _names(self, notice: Notice) -> tuple[str, ...]:
        if notice.routes:
            return notice.routes
        page = self._alerts.page if notice.severity is Severity.PAGE else None
        name = page or self._alerts.default
        return () if name is None else (name,)

    def _named(self, names: Iterable[str], notice: Notice) -> Iterator[Destination]:
        """Resolve routes by name; no `else` leads in a circle, or the policies were refused."""
        for name in names:
            route = self._routes.get(name)
            if route is None:
                continue  # `log` and `terminal`, which get everything anyway, or one of old
            found = _destination(name, route, notice)
            if found is not None:
                yield found
            elif route.else_ is not None:
                yield from self._named([route.else_], notice)


def _destination(name: str, route: Route, notice: Notice) -> Destination | None:
    """Give where *route* leads; None: to an owner whom nothing tells how to reach."""
    if route.slack is not None:
        return Destination(way=Way.SLACK, address=_channel(route.slack, notice))
    if route.dm is not None:
        owner = notice.facts.get("owner", "").strip()
        is_address = _EMAIL.fullmatch(owner) is not None
        return Destination(way=Way.SLACK_DM, address=owner) if is_address else None
    way = Way.WEBHOOK if route.webhook is not None else Way.SLACK_WEBHOOK
    return Destination(way=way, address=name)


def _channel(target: SlackTarget, notice: Notice) -> str:
    if target.channel is not None:
        return target.channel
    value = notice.facts.get(target.by or "", "")
    return (target.map or {}).get(value) or target.else_ or ""


def _hook(name: str, route: Route, variables: Mapping[str, str]) -> tuple[Secret, ...]:
    """Fetch the address of a webhook, and the secret it is signed with where there is one."""
    where = f"notify: {name}"
    url = fetch_secret(route.webhook or route.slack_webhook, variables, where=where)
    check_address(url.reveal(), where=where)
    if route.secret is None:
        return (url,)
    return (url, fetch_secret(route.secret, variables, where=where))


def _once(
    destinations: "Iterator[Destination] | tuple[Destination, ...]",
) -> tuple[Destination, ...]:
    return tuple(dict.fromkeys(destinations))
