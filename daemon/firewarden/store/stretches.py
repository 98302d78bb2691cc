"""Stretches of time with a key, a beginning and one end: opened, closed once, then final."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, Table, and_, func, or_, select, tuple_

from firewarden.errors import StoreError
from firewarden.store.faults import SECOND
from firewarden.store.names import Insert, chunks, insert_in, run
from firewarden.store.rows import Values
from firewarden.store.session import Session
from firewarden.store.tables import ActivityRunRow, DeploymentRow, SegmentRow, table

DEPLOYMENT: Final = table(DeploymentRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A table of stretches: how its beginning, its end and what never changes are called."""

    target: Table
    start: str
    start_width: str | None
    end: str
    end_width: str | None
    fixed: tuple[str, ...]
    ending: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that tell one from another: two may begin in brackets with one start."""
        widths = () if self.start_width is None else (self.start_width,)
        return ("deployment_id", self.start, *widths)

    @property
    def begun(self) -> ColumnElement[int]:
        """Instant by which it has surely begun."""
        start: ColumnElement[int] = self.target.c[self.start]
        return start if self.start_width is None else start + self.target.c[self.start_width]

    @property
    def over(self) -> ColumnElement[int]:
        """Instant by which it is surely over; NULL while it is open."""
        end: ColumnElement[int] = self.target.c[self.end]
        return end if self.end_width is None else end + self.target.c[self.end_width]


SEGMENTS: Final = Kind(
    target=table(SegmentRow),
    start="start_lo",
    start_width="start_width",
    end="end_lo",
    end_width="end_width",
    fixed=("facts_id", "start_evidence"),
    ending=("end_lo", "end_width", "end_evidence"),
)
RUNS: Final = Kind(
    target=table(ActivityRunRow),
    start="since",
    start_width=None,
    end="until",
    end_width=None,
    fixed=("use",),
    ending=("until",),
)


def write_stretches(
    session: Session, kind: Kind, rows: Sequence[Values], *, loose: tuple[str, ...] = ()
) -> None:
    """Insert *rows*, or set the end (and the *loose* columns) of those that are open.

    Doing it again changes nothing: an open row whose stretch has been closed since is left.

    Raises:
        StoreError: one of them contradicts what is in the ledger, which stays as it is.
    """
    if not rows:
        return
    written = run(session, _writing(session.dialect.name, kind, loose), rows).rowcount
    if written != len(rows):
        _demand_written(session, kind, rows)


@cache
def _writing(dialect: str, kind: Kind, loose: tuple[str, ...]) -> Insert:
    statement = insert_in(dialect, kind.target)
    stored, offered = kind.target.c, statement.excluded
    same = and_(stored[kind.end].is_(None), *(stored[name] == offered[name] for name in kind.fixed))
    return statement.on_conflict_do_update(
        index_elements=kind.key,
        set_={name: offered[name] for name in (*kind.ending, *loose)},
        where=same,
    ).execution_options(preserve_rowcount=True)


def _demand_written(session: Session, kind: Kind, rows: Sequence[Values]) -> None:
    """Look at what the ledger now says; a database skips a row that it may not replace."""
    key = tuple_(*(kind.target.c[name] for name in kind.key))
    for some in chunks(rows):
        keys = [tuple(row[name] for name in kind.key) for row in some]
        found = run(session, select(kind.target).where(key.in_(keys))).mappings()
        stored = {tuple(row[name] for name in kind.key): row for row in found}
        for row in some:
            there = stored[tuple(row[name] for name in kind.key)]
            checked = kind.fixed if row[kind.end] is None else (*kind.fixed, *kind.ending)
            if any(there[name] != row[name] for name in checked):
                _refuse(session, kind, row)


def _refuse(session: Session, kind: Kind, row: Values) -> None:
    named = select(DEPLOYMENT.c.uid).where(DEPLOYMENT.c.id == row["deployment_id"])
    uid = run(session, named).scalar_one()
    raise StoreError(
        f"the ledger says otherwise of the {kind.target.name} of {uid}"
        f" that begins at {row[kind.start]} ms",
        mend=SECOND,
    )


def overlapping(kind: Kind, *, since: int, until: int) -> ColumnElement[bool]:
    """Condition: a stretch of `DEPLOYMENT` may overlap ``[since, until)``, both in ms.

    It walks each deployment's own stretches from the last that had surely begun by *since*,
    so that years of history before it cost nothing.
    """
    start: ColumnElement[int] = kind.target.c[kind.start]
    return and_(
        kind.target.c.deployment_id == DEPLOYMENT.c.id,
        start >= func.coalesce(_last_begun(kind, since), 0),
        or_(kind.over.is_(None), kind.over > since),
        start < until,
    )


def _last_begun(kind: Kind, since: int) -> ScalarSelect[int]:
    earlier = kind.target.alias("earlier")
    start: ColumnElement[int] = earlier.c[kind.start]
    begun = start if kind.start_width is None else start + earlier.c[kind.start_width]
    return (
        select(start)
        .where(
            earlier.c.deployment_id == DEPLOYMENT.c.id,
            start <= since,
            begun <= since,
        )
        .order_by(start.desc())
        .limit(1)
        .correlate(DEPLOYMENT)
        .scalar_subquery()
    )
