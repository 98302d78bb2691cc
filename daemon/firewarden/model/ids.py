"""Names of things, each a type of its own so that one cannot stand for another."""

from datetime import UTC, datetime
from typing import NewType

AccountId = NewType("AccountId", str)
"""The last part of ``accounts/{account}``."""

DeploymentId = NewType("DeploymentId", str)
"""The last part of ``accounts/{account}/deployments/{deployment}``."""

PolicyName = NewType("PolicyName", str)

Uid = NewType("Uid", str)
"""One incarnation of a deployment: ``{resource name}@{creation instant}``.

A deployment that is deleted and created again under its name is another uid: it inherits
no evidence, no incident and no warning.
"""


def make_uid(name: str, created_at: datetime) -> Uid:
    """Join the resource name and the creation instant (microseconds, UTC)."""
    return Uid(f"{name}@{created_at.astimezone(UTC).isoformat(timespec='microseconds')}")
