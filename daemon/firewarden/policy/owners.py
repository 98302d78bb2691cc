"""Rules of attribution over all files: what an earlier one has said, a later one cannot."""

from collections.abc import Sequence

from firewarden.policy.attribution import AttributionEntry
from firewarden.policy.joining import Read
from firewarden.policy.match import Description


def refuse_contradictions(read: Sequence[Read]) -> None:
    """Note what a rule says that never counts: an earlier rule says it of the same deployments."""
    said: dict[tuple[str, str], str] = {}
    for tree, file in read:
        for index, entry in enumerate(file.attribution):
            line, column = tree.place(("attribution", index))
            for name in _names(entry):
                before = said.get((_about(entry), name)) or said.get((_EVERYTHING, name))
                if before is not None:
                    tree.report(
                        f"its {name} never counts: the rule at {before} comes first",
                        (line, column),
                        "put it before that rule, or take one of them out",
                    )
                said.setdefault((_about(entry), name), f"{tree.path}:{line}")


def _names(entry: AttributionEntry) -> list[str]:
    return [*entry.said(), *(["team"] if entry.split is not None else [])]


def _about(entry: AttributionEntry) -> str:
    if entry.means_everything:
        return _EVERYTHING
    return entry.model_dump_json(include=set(Description.model_fields), exclude_none=True)


_EVERYTHING = "everything"
