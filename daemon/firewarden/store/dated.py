"""Texts about deployments, with the time they held."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import RowMapping, Table, or_, select, update

from firewarden.model.ids import AccountId, Uid
from firewarden.store.instants import to_ms
from firewarden.store.names import chunks, insert, run
from firewarden.store.session import Session
from firewarden.store.tables import AccountRow, DeploymentRow, table


def write_dated(session: Session, dated: Table, texts: Mapping[int, str], *, at: datetime) -> None:
    """Let *texts*, by number of the deployment, hold from *at* on.

    The same again changes nothing, and neither does news that is older than the newest.
    """
    instant = to_ms(at)
    current = _read_current(session, dated, texts)
    begun = [key for key, text in texts.items() if _is_news(current.get(key), text, instant)]
    ended = [key for key in begun if key in current and current[key]["valid_from"] < instant]
    for some in chunks(ended):
        still = dated.c.deployment_id.in_(some) & dated.c.valid_to.is_(None)
        run(session, update(dated).where(still).values(valid_to=instant))
    if begun:
        statement = insert(session, dated)
        run(
            session,
            statement.on_conflict_do_update(
                index_elements=["deployment_id", "valid_from"],
                set_={"text": statement.excluded.text},
            ),
            [{"deployment_id": key, "valid_from": instant, "text": texts[key]} for key in begun],
        )


def read_dated(
    session: Session, dated: Table, account: AccountId, at: datetime | None = None
) -> dict[Uid, str]:
    """Read the texts that held at *at* (None: hold now), by uid; none where none were known."""
    deployment, owner = table(DeploymentRow), table(AccountRow)
    statement = (
        select(deployment.c.uid, dated.c.text)
        .join(dated, dated.c.deployment_id == deployment.c.id)
        .join(owner, owner.c.id == deployment.c.account_id)
        .where(owner.c.name == account)
    )
    if at is None:
        statement = statement.where(dated.c.valid_to.is_(None))
    else:
        instant = to_ms(at)
        statement = statement.where(
            dated.c.valid_from <= instant,
            or_(dated.c.valid_to.is_(None), dated.c.valid_to > instant),
        )
    return {Uid(row["uid"]): row["text"] for row in run(session, statement).mappings()}


def _read_current(session: Session, dated: Table, keys: Iterable[int]) -> dict[int, RowMapping]:
    found: dict[int, RowMapping] = {}
    for some in chunks(keys):
        statement = select(dated).where(dated.c.deployment_id.in_(some), dated.c.valid_to.is_(None))
        found.update({row["deployment_id"]: row for row in run(session, statement).mappings()})
    return found


def _is_news(current: RowMapping | None, text: str, instant: int) -> bool:
    if current is None:
        return True
    return bool(current["text"] != text and current["valid_from"] <= instant)
