"""The tables of the ledger, and nothing but their shape.

Instants are integers: ``*_at``, ``*_lo``, ``since``, ``until`` milliseconds since the epoch,
``*_us`` microseconds, ``hour`` and ``day`` whole ones. Money is micro-USD per GPU-hour, usage
GPU-milliseconds. SQLite stores anything in an INTEGER column, so each integer is checked there.
Long text is written once and pointed at; the tables that grow by the hour hold numbers only
and lie in the order of their keys.
"""

from firewarden.store.tables.actions import (
    IntentRow,
    LeaseRow,
    OverrideRow,
    ReplicaRow,
    RequestRow,
    WholeRow,
)
from firewarden.store.tables.base import Row, table
from firewarden.store.tables.descriptions import DescriptionRow, SurroundingsRow
from firewarden.store.tables.evidence import (
    AccountRow,
    ActivityRunRow,
    DeploymentAttributesRow,
    DeploymentRow,
    DeploymentTagsRow,
    GapRow,
    PollRow,
    ReplicaFactsRow,
    ScrapeRow,
    SegmentRow,
)
from firewarden.store.tables.money import (
    SUMS,
    BackfillDayRow,
    BillDayRow,
    BillLineRow,
    BudgetVersionRow,
    DirtyRow,
    PriceRow,
    UsageDayRow,
    UsageHourRow,
    UsageLineRow,
)
from firewarden.store.tables.outbox import ChannelRow, OutboxRow, RemovedLettersRow
from firewarden.store.tables.people import AlertRow, IncidentRow
from firewarden.store.tables.trueup import (
    AcceptanceRow,
    AdjustmentRow,
    BillAnswerRow,
    BilledMoneyRow,
    TrueupDayRow,
)

__all__ = [
    "SUMS",
    "AcceptanceRow",
    "AccountRow",
    "ActivityRunRow",
    "AdjustmentRow",
    "AlertRow",
    "BackfillDayRow",
    "BillAnswerRow",
    "BillDayRow",
    "BillLineRow",
    "BilledMoneyRow",
    "BudgetVersionRow",
    "ChannelRow",
    "DeploymentAttributesRow",
    "DeploymentRow",
    "DeploymentTagsRow",
    "DescriptionRow",
    "DirtyRow",
    "GapRow",
    "IncidentRow",
    "IntentRow",
    "LeaseRow",
    "OutboxRow",
    "OverrideRow",
    "PollRow",
    "PriceRow",
    "RemovedLettersRow",
    "ReplicaFactsRow",
    "ReplicaRow",
    "RequestRow",
    "Row",
    "ScrapeRow",
    "SegmentRow",
    "SurroundingsRow",
    "TrueupDayRow",
    "UsageDayRow",
    "UsageHourRow",
    "UsageLineRow",
    "WholeRow",
    "table",
]
