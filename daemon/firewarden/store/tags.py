"""Tags with the time they held: money follows whoever owned a deployment *then*."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, or_, select, update

from firewarden.model.ids import AccountId, Uid
from firewarden.store.instants import to_ms
from firewarden.store.names import chunks, insert, run
from firewarden.store.rows import from_json, to_json
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentRow, DeploymentTagsRow, table

TAGS: Final = table(DeploymentTagsRow)


def write_tags(session: Session, tags: Mapping[int, Mapping[str, str]], *, at: datetime) -> None:
    """Let *tags*, by number of the deployment, hold from *at* on.

    The same again changes nothing, and neither does news that is older than the newest.
    """
    instant = to_ms(at)
    texts = {key: to_json(value) for key, value in tags.items()}
    current = _read_current(session, texts)
    begun = [key for key, text in texts.items() if _is_news(current.get(key), text, instant)]
    ended = [key for key in begun if key in current and current[key]["valid_from"] < instant]
    for some in chunks(ended):
        still = TAGS.c.deployment_id.in_(some) & TAGS.c.valid_to.is_(None)
        run(session, update(TAGS).where(still).values(valid_to=instant))
    if begun:
        statement = insert(session, TAGS)
        run(
            session,
            statement.on_conflict_do_update(
                index_elements=["deployment_id", "valid_from"],
                set_={"tags": statement.excluded.tags},
            ),
            [{"deployment_id": key, "valid_from": instant, "tags": texts[key]} for key in begun],
        )


def _read_current(session: Session, keys: Iterable[int]) -> dict[int, RowMapping]:
    found: dict[int, RowMapping] = {}
    for some in chunks(keys):
        statement = select(TAGS).where(TAGS.c.deployment_id.in_(some), TAGS.c.valid_to.is_(None))
        found.update({row["deployment_id"]: row for row in run(session, statement).mappings()})
    return found


def _is_news(current: RowMapping | None, text: str, instant: int) -> bool:
    if current is None:
        return True
    return bool(current["tags"] != text and current["valid_from"] <= instant)


def read_tags_at(
    session: Session, account: AccountId, at: datetime | None = None
) -> dict[Uid, dict[str, str]]:
    """Read the tags that held at *at* (None: hold now), by uid; none where none were known."""
    deployment, owner = table(DeploymentRow), table(AccountRow)
    statement = (
        select(deployment.c.uid, TAGS.c.tags)
        .join(TAGS, TAGS.c.deployment_id == deployment.c.id)
        .join(owner, owner.c.id == deployment.c.account_id)
        .where(owner.c.name == account)
    )
    if at is None:
        statement = statement.where(TAGS.c.valid_to.is_(None))
    else:
        instant = to_ms(at)
        statement = statement.where(
            TAGS.c.valid_from <= instant,
            or_(TAGS.c.valid_to.is_(None), TAGS.c.valid_to > instant),
        )
    found = run(session, statement).mappings()
    return {Uid(row["uid"]): from_json(row["tags"]) for row in found}
