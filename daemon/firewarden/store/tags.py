"""Tags with the time they held."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from firewarden.model.ids import AccountId, Uid
from firewarden.store.dated import read_dated, write_dated
from firewarden.store.rows import from_json, to_json
from firewarden.store.session import Session
from firewarden.store.tables import DeploymentTagsRow, table

TAGS: Final = table(DeploymentTagsRow)


def write_tags(session: Session, tags: Mapping[int, Mapping[str, str]], *, at: datetime) -> None:
    """Let *tags*, by number of the deployment, hold from *at* on.

    The same again changes nothing, and neither does news that is older than the newest.
    """
    write_dated(session, TAGS, {key: to_json(value) for key, value in tags.items()}, at=at)


def read_tags_at(
    session: Session, account: AccountId, at: datetime | None = None
) -> dict[Uid, dict[str, str]]:
    """Read the tags that held at *at* (None: hold now), by uid; none where none were known."""
    found = read_dated(session, TAGS, account, at)
    return {uid: from_json(text) for uid, text in found.items()}
