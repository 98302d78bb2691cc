"""Signs of use, as the metrics endpoint gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firewarden.model.ids import AccountId


class Use(StrEnum):
    """What one scrape says of one deployment whose replicas are ready."""

    ACTIVE = "active"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Activity(StrEnum):
    """What a deployment is doing, as shown to people and used to split its GPU-seconds."""

    ACTIVE = "active"
    IDLE = "idle"
    UNKNOWN = "unknown"
    STARTING = "starting"
    ZERO = "zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One deployment's gauges in one scrape; None: the series was absent; NaN stays NaN.

    Rates are per second over the provider's 1-minute window, concurrency is a mean of
    requests in flight (Fireworks docs: exporting-metrics).
    """

    request_rate: float | None = None
    error_rate: float | None = None
    prompt_token_rate: float | None = None
    concurrency: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """One answer of the account's metrics endpoint.

    Attributes:
        whole: the text was read to its end and held at least one wanted series. A scrape
            that failed has ``whole=False`` and no samples.
        samples: by full deployment name (``accounts/a/deployments/d``).
        fingerprint: of all wanted values that are not zero, to tell a frozen endpoint
            (the same floats again and again); "" where every value was zero.
        problem: why it is not whole, in one clause.
    """

    account: AccountId
    asked_at: datetime
    answered_at: datetime
    whole: bool
    samples: Mapping[str, Sample]
    fingerprint: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietEvidence:
    """What the stored scrapes prove about one deployment's use, as of one instant.

    Attributes:
        use: what the newest scrape said of it (UNKNOWN where there is none).
        quiet_since: instant of the first scrape of the newest run in which every known
            scrape is quiet and no two neighbours lie more than 3 minutes apart; None where
            the newest known scrape is not quiet, or there is none.
        quiet_until: instant of the newest quiet scrape of that run.
        newest_at: instant of the newest *known* scrape (active or quiet); None: never.
        active_at: instant of the newest scrape that said active; None: never seen.
        because: one clause, why it is unknown; "" where it is known.
    """

    use: Use
    quiet_since: datetime | None = None
    quiet_until: datetime | None = None
    newest_at: datetime | None = None
    active_at: datetime | None = None
    because: str = ""
