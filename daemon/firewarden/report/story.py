"""The demo's story: scenes as numbered lines, marked by what they are about."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.text import Text

from firewarden.report.glimpse import Glimpse, Plot, Scene, Tone
from firewarden.report.scenes import scenes
from firewarden.report.text import clean, clock_time

LEGEND = (
    f"{Tone.WARNED.value} people are warned   {Tone.CHANGED.value} firewarden has acted   "
    f"{Tone.SPARED.value} left alone or put back"
)

_STYLES = {
    Tone.PLAIN: "",
    Tone.WARNED: "bold color(166)",
    Tone.CHANGED: "bold color(166)",
    Tone.SPARED: "bold color(32)",
}
"""Orange and blue are told apart by colour-blind eyes too, and both read on black and white."""

_ASIDE = frozenset({Plot.BLIND, Plot.SEEING})
"""What is only told to who wants everything."""

_ALWAYS = frozenset({Tone.WARNED, Tone.CHANGED})
"""What is told each time: nothing is done without having been told of."""

_TOLD_APART = 3
"""More scenes of one kind in one look are told as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One numbered line of the story."""

    number: int
    at: str
    tone: Tone
    text: str


def told_view(told: Told) -> Text:
    """Lay one line out for people: the colour of its mark only repeats what the sign says."""
    mark = (told.tone.value, _STYLES[told.tone])
    return Text.assemble(f"{told.number:>3}. {told.at} ", mark, f" {told.text}")


@dataclass(slots=True)
class Storyteller:
    """Numbers the scenes; without *verbose* most are told once a deployment, many as one.

    Warnings, and what is done, are told each time.
    """

    verbose: bool
    _told: set[tuple[Plot, str]] = field(default_factory=set)
    _before: Glimpse | None = None
    _count: int = 0

    def look(self, glimpse: Glimpse) -> Iterator[Told]:
        """Give the lines to print for what happened since the last look."""
        before, self._before = self._before, glimpse
        found = scenes(before, glimpse)
        for scene in found if self.verbose else self._news(found):
            self._count += 1
            at = clock_time(scene.at, now=scene.at, zone=glimpse.status.timezone)
            yield Told(number=self._count, at=at, tone=scene.plot.tone, text=clean(scene.text))

    def _news(self, found: list[Scene]) -> list[Scene]:
        plots: dict[Plot, list[Scene]] = {}
        for scene in found:
            key = (scene.plot, scene.subject)
            is_news = key not in self._told or scene.plot.tone in _ALWAYS
            if is_news and scene.plot not in _ASIDE:
                self._told.add(key)
                plots.setdefault(scene.plot, []).append(scene)
        told: list[Scene] = []
        for plot, alike in plots.items():
            told += alike if len(alike) <= _TOLD_APART else [_together(plot, alike)]
        return sorted(told, key=lambda scene: scene.at)


def _together(plot: Plot, alike: list[Scene]) -> Scene:
    names = ", ".join(scene.subject for scene in alike[:_TOLD_APART])
    more = len(alike) - _TOLD_APART
    text = f"{plot.together}: {len(alike)} deployments at once: {names} and {more} more"
    return Scene(plot=plot, subject="", at=alike[0].at, text=text)
