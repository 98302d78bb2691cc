"""A whole number that changes at exact instants, and its exact integral over time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Steps:
    """The history of one number: 0 before the first change, right-continuous after it.

    Integrals are value × milliseconds, exact, and additive over neighbouring windows.
    """

    __slots__ = ("_areas", "_instants", "_values")

    def __init__(self) -> None:
        self._instants: list[int] = []
        self._values: list[int] = []
        self._areas: list[int] = []

    @property
    def value(self) -> int:
        """The newest value."""
        return self._values[-1] if self._values else 0

    def record(self, at: int, value: int) -> None:
        """Let the number be *value* from *at* on; *at* never lies before an earlier change."""
        if value == self.value:
            return
        if self._instants and self._instants[-1] == at:
            self._drop_last()
            if value == self.value:
                return
        self._areas.append(self._area(at))
        self._instants.append(at)
        self._values.append(value)

    def at(self, instant: int) -> int:
        """Give the value in force at *instant*."""
        index = bisect_right(self._instants, instant)
        return self._values[index - 1] if index else 0

    def integral(self, since: int, until: int) -> int:
        """Integrate over ``[since, until)``; 0 where *until* is not after *since*."""
        return self._area(until) - self._area(since) if until > since else 0

    def changes(self, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Give the changes in ``[since, until)`` as instant and new value."""
        first = bisect_left(self._instants, since)
        for index in range(first, bisect_left(self._instants, until)):
            yield self._instants[index], self._values[index]

    def pieces(self, since: int, until: int) -> Iterator[tuple[int, int, int]]:
        """Cut ``[since, until)`` into start, end and constant value."""
        start, value = since, self.at(since)
        for instant, changed in self.changes(since + 1, until):
            yield start, instant, value
            start, value = instant, changed
        if start < until:
            yield start, until, value

    def _area(self, instant: int) -> int:
        index = bisect_right(self._instants, instant) - 1
        if index < 0:
            return 0
        return self._areas[index] + self._values[index] * (instant - self._instants[index])

    def _drop_last(self) -> None:
        self._instants.pop()
        self._values.pop()
        self._areas.pop()
