"""What looks wrong on an account at one look: its listing, its bill, its quotas, its key."""

from decimal import Decimal

from firewarden.decide.findings import CHECKS
from firewarden.decide.look import HOURS_PER_MONTH, NO_MONEY, Finding, Look, Stake

__all__ = ["HOURS_PER_MONTH", "Finding", "Look", "Stake", "survey"]


def survey(look: Look) -> tuple[Finding, ...]:
    """List everything that looks wrong, the dearest first, what is unpriced before that."""
    found = [finding for check in CHECKS for finding in check(look)]
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[bool, Decimal, str, str]:
    money = finding.usd_per_month
    return money is not None, -(money or NO_MONEY), finding.kind, finding.subject
