"""One look at an account: what runs, what it burns, what was billed, what looks wrong."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from rich.console import Group, RenderableType

from firewarden.decide.survey import HOURS_PER_MONTH, Finding
from firewarden.report.tables import Column, line, make_table
from firewarden.report.text import (
    NOTHING,
    UNPRICED,
    accelerator,
    gpu_hours,
    gpus,
    instant,
    plural,
    usd,
)

_WORDS = {
    "always_on": "always on",
    "contract_price": "contract price",
    "failed_holding": "failed, and holds GPUs",
    "key_role": "role of the key",
    "price_basis": "price basis",
    "provider_deletes": "deleted by Fireworks soon",
    "quota": "quota nearly used",
    "spend_limit": "spend limit nearly reached",
    "starting_long": "starting for long",
    "suspended": "account paused",
    "trainer_gone": "trainer is gone",
    "unowned": "no owner",
    "unpriced": "no known price",
}
"""What kinds of findings are called by people; programs get the kind itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRow:
    """One deployment as it stands."""

    deployment_id: str
    display_name: str
    base_model: str
    state: str
    gpu_count: int
    accelerator_type: str
    min_replica_count: int
    max_replica_count: int
    owner: str
    activity: str
    burn_usd_per_hour: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledRow:
    """What the provider billed for one deployment and GPU; *days* has one figure a day.

    ``cost`` is GPU-time at our price of each day (the provider's bill has no dollars a
    deployment); None: unpriced.
    """

    deployment_id: str
    accelerator_type: str
    gpu_ms: int
    cost: Decimal | None
    days: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """One price in use, and where it comes from; None: not known."""

    accelerator_type: str
    usd_per_gpu_hour: Decimal | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everything the survey says; *first* to *last* are local days, both included.

    Attributes:
        problem: why the listing is not complete, "" where it is.
        notes: what could not be read or has to be known, whole lines.
    """

    account: str
    at: datetime
    timezone: str
    role: str
    problem: str
    findings: tuple[Finding, ...]
    running: tuple[RunningRow, ...]
    billed: tuple[BilledRow, ...]
    first: date
    last: date
    prices: tuple[PriceRow, ...]
    notes: tuple[str, ...]

    @property
    def holding(self) -> tuple[RunningRow, ...]:
        """The deployments that hold GPUs now."""
        return tuple(row for row in self.running if row.gpu_count)

    @property
    def burn_usd_per_hour(self) -> Decimal:
        """What the priced GPUs cost an hour, as they run now."""
        return sum((row.burn_usd_per_hour or Decimal(0) for row in self.holding), Decimal(0))

    @property
    def unpriced_count(self) -> int:
        """Deployments that hold GPUs of unknown price: the burn is without them."""
        return sum(row.burn_usd_per_hour is None for row in self.holding)

    @property
    def gpu_count(self) -> int:
        """GPUs billed now."""
        return sum(row.gpu_count for row in self.running)

    @property
    def billed_usd(self) -> Decimal:
        """Cost of the priced part of the bill."""
        return sum((row.cost or Decimal(0) for row in self.billed), Decimal(0))


def heading(finding: Finding) -> str:
    """Say what is wrong with what."""
    return f"{finding.subject}: {_WORDS.get(finding.kind, finding.kind)}"


def headline(survey: Survey) -> str:
    """Say in one line what runs and what it burns."""
    burn = usd(survey.burn_usd_per_hour, per="h")
    month = usd(survey.burn_usd_per_hour * HOURS_PER_MONTH, per="month")
    unpriced = (
        f", {plural(survey.unpriced_count, 'deployment')} unpriced" if survey.unpriced_count else ""
    )
    return (
        f"{plural(survey.gpu_count, 'GPU')} in {plural(len(survey.holding), 'deployment')}: "
        f"{burn} now, {month} if nothing changes{unpriced}"
    )


def basis(survey: Survey) -> str:
    """Say how sure the dollars are."""
    return (
        "Dollars are at the prices shown, before reservations, credits and discounts; "
        f"a month is {HOURS_PER_MONTH} hours. Read at {instant(survey.at, zone=survey.timezone)}."
    )


_RUNNING = (
    Column(name="deployment"),
    Column(name="state"),
    Column(name="GPUs", number=True),
    Column(name="min–max", number=True),
    Column(name="activity"),
    Column(name="owner"),
    Column(name="USD/h", number=True),
)
_BILLED = (
    Column(name="deployment"),
    Column(name="GPU"),
    Column(name="GPU-h", number=True),
    Column(name="USD", number=True),
)
_PRICES = (
    Column(name="GPU"),
    Column(name="USD/GPU-h", number=True),
    Column(name="from"),
)


def survey_view(survey: Survey) -> RenderableType:
    """Lay the survey out for a terminal: the findings first, by dollars."""
    warning = [line(f"The listing is not complete: {survey.problem}", style="bold")]
    days = f"{survey.first} to {survey.last}, {survey.timezone}"
    return Group(
        line(f"{survey.account} · {headline(survey)}", style="bold"),
        *(warning if survey.problem else []),
        line(""),
        *_finding_lines(survey.findings),
        make_table(_RUNNING, [_running_row(row) for row in survey.running], title="What runs"),
        make_table(
            _BILLED,
            [_billed_row(row) for row in survey.billed],
            title=f"Billed {days}",
            total=(
                "total",
                "",
                gpu_hours(sum(row.gpu_ms for row in survey.billed)),
                _total(survey),
            ),
        ),
        make_table(_PRICES, [_price_row(row) for row in survey.prices], title="Prices used"),
        line(basis(survey)),
        *(line(note) for note in survey.notes),
    )


def _finding_lines(findings: tuple[Finding, ...]) -> list[RenderableType]:
    if not findings:
        return [line("Nothing looks wrong.")]
    lines: list[RenderableType] = [line(plural(len(findings), "finding"), style="bold")]
    for number, each in enumerate(findings, start=1):
        money = usd(each.usd_per_month, per="month")
        lines += [
            line(f"{number}. {heading(each)} · {money} ({each.sure})", style="bold"),
            line(f"   {each.evidence}"),
            line(f"   {each.command}"),
        ]
    return lines


def _total(survey: Survey) -> str:
    return f"{survey.billed_usd:,.2f}"


def _running_row(row: RunningRow) -> tuple[str, ...]:
    return (
        row.deployment_id,
        row.state,
        gpus(row.gpu_count, row.accelerator_type),
        f"{row.min_replica_count}–{row.max_replica_count}",
        row.activity,
        row.owner or NOTHING,
        _money(row.burn_usd_per_hour),
    )


def _billed_row(row: BilledRow) -> tuple[str, ...]:
    return (
        row.deployment_id,
        accelerator(row.accelerator_type),
        gpu_hours(row.gpu_ms),
        _money(row.cost),
    )


def _price_row(row: PriceRow) -> tuple[str, ...]:
    return (accelerator(row.accelerator_type), _money(row.usd_per_gpu_hour), row.source)


def _money(amount: Decimal | None) -> str:
    return UNPRICED if amount is None else f"{amount:,.2f}"
