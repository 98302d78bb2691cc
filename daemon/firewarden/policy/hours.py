"""The schedules that policy files name: does each exist, in any file?"""

from collections.abc import Collection, Iterator

from firewarden.policy.places import Path, Tree
from firewarden.policy.problems import did_you_mean, shown
from firewarden.policy.schema import PolicyFile


def check_hours(tree: Tree, file: PolicyFile, schedules: Collection[str]) -> None:
    """Note every schedule that is named and does not exist."""
    for where, names in _named(file):
        for name in names or ():
            if name not in schedules:
                tree.report(
                    f"no schedule is called {shown(name)}",
                    tree.place(where, of_key=True),
                    did_you_mean(name, schedules),
                )


def _named(file: PolicyFile) -> Iterator[tuple[Path, tuple[str, ...] | None]]:
    yield ("defaults", "except_during"), file.defaults.except_during
    for name, entry in file.policies.items():
        yield ("policies", name, "during"), entry.during
        yield ("policies", name, "except_during"), entry.except_during
        for index, stage in enumerate(entry.stages):
            if stage.wait is not None:
                yield ("policies", name, "stages", index), stage.wait.within
