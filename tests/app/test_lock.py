"""One process acts on a SQLite ledger; the second is told who does."""

import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from firewarden.app.lock import acting_lock
from firewarden.errors import FileUnusable, Held
from firewarden.store.engine import Database
from tests.support.clock import NOW
from tests.support.databases import Url

HOLD = """
import sys
from datetime import UTC, datetime
from firewarden.app.lock import acting_lock
from firewarden.errors import Held
from firewarden.store.engine import Database

database = Database.open(sys.argv[1], upgrade=False)
try:
    with acting_lock(database, now=datetime(2026, 11, 4, 9, 30, tzinfo=UTC)):
        print("held", flush=True)
        sys.stdin.read()
except Held as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'ledger.db'}", upgrade=True)
    yield database
    database.close()


@contextmanager
def another(ledger: Database) -> Iterator["subprocess.Popen[str]"]:
    """Run a second process that holds the lock, or says that it cannot."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ledger.url)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said_by(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_process_exits_1_and_says_who_was_first(ledger: Database) -> None:
    with another(ledger) as first, another(ledger) as second:
        said = {said_by(first): first, said_by(second): second}
        winner = said.pop("held")
        ((refused, loser),) = said.items()
        loser.wait()
        refusal = (
            f"{ledger.describe()}: another firewarden (pid {winner.pid} on"
            f" {socket.gethostname()}, since 2026-11-04 09:30 UTC) already looks after this"
            " database; stop it, or use PostgreSQL for several"
        )
        assert (refused, loser.returncode) == (refusal, 1)


def test_it_dies_with_its_process_whatever_the_file_says(ledger: Database) -> None:
    with another(ledger) as first:
        assert said_by(first) == "held"
        with pytest.raises(Held, match=f"pid {first.pid} on"), acting_lock(ledger, now=NOW):
            pass
        first.kill()
        assert first.wait() == -signal.SIGKILL
    assert str(first.pid) in _file(ledger).read_text()

    with acting_lock(ledger, now=NOW):
        assert str(first.pid) not in _file(ledger).read_text()


def _file(ledger: Database) -> Path:
    assert ledger.file is not None
    return ledger.file.with_name("ledger.db.lock")


def test_let_go_it_can_be_had_again_and_the_file_says_nothing(ledger: Database) -> None:
    for _ in range(2):
        with acting_lock(ledger, now=NOW):
            assert stat.S_IMODE(_file(ledger).stat().st_mode) == 0o600
        assert _file(ledger).read_text() == ""


def test_two_names_of_one_ledger_are_one_lock(ledger: Database, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "other.db"
    link.symlink_to(_file(ledger).with_suffix(""))
    with closing(Database.open(f"sqlite:///{link}", upgrade=False)) as linked:
        with (
            acting_lock(ledger, now=NOW),
            pytest.raises(Held, match="looks after this"),
            acting_lock(linked, now=NOW),
        ):
            pass
        with acting_lock(linked, now=NOW):
            pass


@pytest.mark.parametrize("junk", ["", "no json", "[]", '{"pid": 1}', "3", "\ufffd"])
def test_a_file_that_says_nothing_useful_is_no_problem(ledger: Database, junk: str) -> None:
    with acting_lock(ledger, now=NOW):
        _file(ledger).write_text(junk)
        with (
            pytest.raises(Held, match="another firewarden already looks after"),
            acting_lock(ledger, now=NOW),
        ):
            pass


def test_readers_and_writers_of_rows_need_none(ledger: Database) -> None:
    with acting_lock(ledger, now=NOW), another_writer(ledger) as writer:
        assert said_by(writer) == "1"


@contextmanager
def another_writer(ledger: Database) -> Iterator["subprocess.Popen[str]"]:
    script = (
        "import sys\n"
        "from firewarden.model.ids import AccountId\n"
        "from firewarden.store.engine import Database\n"
        "from firewarden.store.names import account_key\n"
        "with Database.open(sys.argv[1], upgrade=False).writing() as session:\n"
        "    print(account_key(session, AccountId('acme')), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(ledger.url)], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


def test_a_lock_that_cannot_be_made_says_so(ledger: Database) -> None:
    _file(ledger).mkdir()

    with pytest.raises(FileUnusable, match="Is a directory"), acting_lock(ledger, now=NOW):
        pass


def test_a_link_in_its_place_is_not_followed(ledger: Database, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_text("gold")
    _file(ledger).symlink_to(treasure)

    with pytest.raises(FileUnusable), acting_lock(ledger, now=NOW):
        pass
    assert treasure.read_text() == "gold"


def test_memory_and_servers_need_none(new_url: Callable[[str], Url]) -> None:
    for url in ("sqlite:///:memory:", new_url("postgresql")):
        with (
            closing(Database.open(url, upgrade=True)) as database,
            acting_lock(database, now=NOW),
            acting_lock(database, now=NOW),
        ):
            assert database.file is None
