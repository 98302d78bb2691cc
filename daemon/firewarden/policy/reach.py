"""The routes that policy files name: does each exist, and does a delete's warning reach people."""

from collections.abc import Iterator, Mapping

from firewarden.policy.joining import BUILT_IN_ROUTES
from firewarden.policy.places import Path, Tree
from firewarden.policy.problems import did_you_mean, shown
from firewarden.policy.routes import Route
from firewarden.policy.schema import PolicyEntry, PolicyFile
from firewarden.policy.stages import told_in_time


def check_routes(tree: Tree, file: PolicyFile, routes: Mapping[str, Route]) -> None:
    """Note every route that does not exist in any file, leads in a circle, or is not enough."""
    choices = {*routes, *BUILT_IN_ROUTES}
    for where, names in _routes_named(file):
        for name in names:
            if name not in choices:
                tree.report(
                    f"no route is called {shown(name)}",
                    tree.place(where),
                    did_you_mean(name, choices),
                )
    for name in file.notify:
        if _last_resort(name, routes) is None:
            place = tree.place(("notify", name, "else"))
            tree.report("`else` leads in a circle", place, "end it with another kind of route")
    for name, entry in file.policies.items():
        if not _is_told(entry, file, routes):
            tree.report(
                "no route of the warning before delete gives a receipt",
                tree.place(("policies", name, "stages", len(entry.stages) - 1)),
                "name a slack, dm, slack_webhook or webhook route in warn or in notify",
            )


def routes_of(entry: PolicyEntry, file: PolicyFile) -> tuple[str, ...]:
    """Name the routes of a policy's warnings that name none themselves."""
    return file.defaults.notify if entry.notify is None else entry.notify


def _routes_named(file: PolicyFile) -> Iterator[tuple[Path, tuple[str, ...]]]:
    yield ("defaults", "notify"), file.defaults.notify
    for key in sorted(file.alerts.model_fields_set):
        yield ("alerts", key), (getattr(file.alerts, key),)
    for name, route in file.notify.items():
        if route.else_ is not None:
            yield ("notify", name, "else"), (route.else_,)
    for name, budget in file.budgets.items():
        yield ("budgets", name, "notify"), budget.notify or ()
    for name, entry in file.policies.items():
        yield ("policies", name, "notify"), entry.notify or ()
        for index, stage in enumerate(entry.stages):
            if stage.warn is not None:
                yield ("policies", name, "stages", index, "warn", "to"), stage.warn.to or ()


def _last_resort(name: str, routes: Mapping[str, Route]) -> str | None:
    """Follow `else` to the route that has none; None where it leads in a circle."""
    passed = set()
    while (route := routes.get(name)) is not None and route.else_ is not None:
        if name in passed:
            return None
        passed.add(name)
        name = route.else_
    return name


def _is_told(entry: PolicyEntry, file: PolicyFile, routes: Mapping[str, Route]) -> bool:
    """Does a warning long enough before a delete go out by a route that gives receipts?

    A route that ends in the terminal or the log, because there is no owner, gives none.
    """
    if entry.effect is None or entry.effect.delete is None:
        return True
    own = routes_of(entry, file)
    warnings = (entry.stages[at].warn for at in told_in_time(entry.stages))
    named = {name for warn in warnings if warn is not None for name in warn.to or own}
    return any(_last_resort(name, routes) in routes for name in named)
