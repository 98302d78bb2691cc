"""What must hold of what was told in a life: nothing twice, nothing hidden, nothing lost (S12)."""

from collections import defaultdict
from collections.abc import Iterator

from firewarden.store.engine import Database
from firewarden.store.letters import State, notice_of
from tests.simulation.ring.book import Book
from tests.simulation.ring.living import END
from tests.simulation.stages import MINUTE
from tests.support.oracles import read_tables
from tests.support.slack import Message

MARK = "(may be repeated)"


def wrong_messages(book: Book) -> Iterator[str]:
    """S12: a letter is one message across all deaths, a second is marked, and all are sent."""
    slack = book.life.people.slack
    if slack.hidden_count:
        yield f"S12: {slack.hidden_count} messages came too fast to be shown"
    copies: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for message in slack.messages:
        copies[message.row, message.thread_ts].append(_as_posted(message))
    for (row, _), texts in copies.items():
        if any(MARK not in text for text in texts[1:]):
            yield f"S12: {len(texts)} times, letter {row}: {texts}"
    yield from _unsent(book)


def _as_posted(message: Message) -> str:
    return message.edits[0] if message.edits else message.text


def _unsent(book: Book) -> Iterator[str]:
    """Say what still waits, or was given up, though Slack has been well for long.

    What came up in the last moments of a life cannot have been sent yet.
    """
    database = Database.open(book.life.stage.settings.database_url.reveal(), upgrade=False)
    try:
        rows = read_tables(database)["outbox"]
    finally:
        database.close()
    for row in rows:
        notice = notice_of(row["notice"])
        is_new = row["state"] == State.PENDING and notice.at > END - MINUTE
        if row["state"] in {State.PENDING, State.DEAD} and not is_new:
            yield f"S12: {row['state']} at the end: {notice.text}"
