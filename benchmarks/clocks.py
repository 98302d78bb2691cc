"""A clock that can be put ahead, so that what is due in a minute can be measured now."""

from datetime import datetime, timedelta

from firewarden.clock.real import WallClock


class Ahead(WallClock):
    """The wall's time, and *by* more."""

    def __init__(self) -> None:
        """Agree with the wall."""
        self.by = timedelta(0)

    def now(self) -> datetime:
        """Tell the wall's time, put ahead."""
        return super().now() + self.by

    def mono(self) -> float:
        """Tell seconds that were put ahead likewise."""
        return super().mono() + self.by.total_seconds()
