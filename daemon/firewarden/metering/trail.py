"""The evidence of one deployment: runs of scrapes that said the same, and what is quiet in them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firewarden.model.activity import Use
from firewarden.model.usage import ActivityRun

NEIGHBOURS_WITHIN = timedelta(minutes=3)
"""Known scrapes further apart than this leave a hole that no quiet stretch survives."""


@dataclass(slots=True)
class Trail:
    """The evidence of one deployment: its runs, and the newest quiet stretch in them.

    ``quiet_since`` and ``quiet_until`` describe the newest stretch of quiet runs; the
    latter is only filled in when such a run ends. ``newest_at`` likewise.
    """

    runs: list[ActivityRun] = field(default_factory=list)
    quiet_since: datetime | None = None
    quiet_until: datetime | None = None
    newest_at: datetime | None = None
    active_at: datetime | None = None

    @property
    def run(self) -> ActivityRun | None:
        """The run that still goes on."""
        return self.runs[-1] if self.runs and self.runs[-1].until is None else None

    def begin(self, run: ActivityRun) -> None:
        """Note *run* as the newest; the one before it has ended."""
        self.runs.append(run)
        if run.use is Use.ACTIVE:
            self.quiet_since = self.quiet_until = None
        elif run.use is Use.QUIET:
            goes_on = (
                self.quiet_since is not None
                and self.quiet_until is not None
                and run.since - self.quiet_until <= NEIGHBOURS_WITHIN
            )
            self.quiet_since = self.quiet_since if goes_on else run.since

    def end(self, *, until: datetime, newest_known: datetime | None) -> ActivityRun:
        """End the run that goes on; *newest_known* is the last known scrape inside it."""
        run = self.runs[-1] = replace(self.runs[-1], until=until)
        if newest_known is not None and newest_known >= run.since and run.use is not Use.UNKNOWN:
            self.newest_at = newest_known
            if run.use is Use.ACTIVE:
                self.active_at = newest_known
            else:
                self.quiet_until = newest_known
        return run

    def start_over(self) -> None:
        """Forget the quiet stretch: what comes next is not its continuation."""
        self.quiet_since = self.quiet_until = None
