"""A database that fails says so in one line, keeps what was committed, and comes back."""

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from firewarden.app.lease import TTL
from firewarden.errors import (
    FileUnusable,
    SettingsError,
    StoreError,
    StoreUnavailable,
    WorldError,
)
from firewarden.store import history, ledger
from firewarden.store.engine import Database
from firewarden.store.names import account_key
from firewarden.store.session import Session
from tests.store.values import ACCOUNT, MINUTE, T0, met, poll, undone
from tests.support.databases import Url

DEAD_HOST = "postgresql://warden:s3cret@127.0.0.1:1/ledger?connect_timeout=2"


def count_polls(database: Database) -> int:
    with database.reading() as session:
        return len(history.read_remembered(session, ACCOUNT, since=T0).polls)


def write_poll(database: Database, minutes: int = 0) -> None:
    with database.writing() as session:
        ledger.write_poll(session, poll(T0 + minutes * MINUTE))


def pragma(session: Session, name: str) -> object:
    return session.exec_driver_sql(f"PRAGMA {name}").scalar()


@pytest.fixture
def on_sqlite(new_url: Callable[[str], Url]) -> Iterator[Database]:
    database = Database.open(new_url("sqlite"), upgrade=True)
    yield database
    database.close()


@pytest.fixture
def on_postgresql(new_url: Callable[[str], Url]) -> Iterator[Database]:
    database = Database.open(new_url("postgresql"), upgrade=True)
    yield database
    database.close()


class TestTransactions:
    def test_an_exception_leaves_nothing_behind(self, database: Database) -> None:
        with undone(database) as session:
            ledger.write_poll(session, poll())
        assert count_polls(database) == 0

    def test_a_reader_sees_one_state_while_others_write(self, database: Database) -> None:
        write_poll(database)
        with database.reading() as session:
            before = history.read_remembered(session, ACCOUNT, since=T0).polls
            write_poll(database, minutes=1)
            assert history.read_remembered(session, ACCOUNT, since=T0).polls == before
        assert count_polls(database) == len(before) + 1

    def test_a_reader_cannot_write(self, database: Database) -> None:
        with pytest.raises(StoreError, match=r"written|no writes"), database.reading() as session:
            ledger.write_poll(session, poll())
        assert count_polls(database) == 0
        write_poll(database)
        assert count_polls(database) == 1

    def test_what_is_committed_is_there_for_the_next_process(self, database_url: Url) -> None:
        database = Database.open(database_url, upgrade=True)
        write_poll(database)
        database.close()
        again = Database.open(database_url, upgrade=False)
        assert count_polls(again) == 1
        again.close()

    def test_a_process_killed_before_its_commit_leaves_nothing(
        self, database: Database, database_url: Url
    ) -> None:
        script = (
            "import os, signal, sys\n"
            "from firewarden.store import ledger\n"
            "from firewarden.store.engine import Database\n"
            "from tests.store.values import poll\n"
            "database = Database.open(sys.argv[1], upgrade=False)\n"
            "with database.writing() as session:\n"
            "    ledger.write_poll(session, poll())\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        killed = subprocess.run([sys.executable, "-c", script, database_url], check=False)
        assert killed.returncode < 0
        assert count_polls(database) == 0
        write_poll(database)
        assert count_polls(database) == 1

    def test_no_update_is_lost_between_threads(self, database_url: Url) -> None:
        main = Database.open(database_url, upgrade=True)
        with main.writing() as session:
            number = account_key(session, ACCOUNT)
        others = [Database.open(database_url, upgrade=False) for _ in range(4)]

        def add(database: Database) -> None:
            for _ in range(25):
                with database.writing() as session:
                    take = text("SELECT name FROM account WHERE id = :id").bindparams(id=number)
                    if not database.is_sqlite:
                        take = text(f"{take.text} FOR UPDATE").bindparams(id=number)
                    name = session.execute(take).scalar_one()
                    session.execute(
                        text("UPDATE account SET name = :name WHERE id = :id"),
                        {"name": f"{name}x", "id": number},
                    )

        threads = [threading.Thread(target=add, args=(other,)) for other in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with main.reading() as session:
            name = session.execute(text("SELECT name FROM account")).scalar_one()
        for one in (main, *others):
            one.close()
        assert name.count("x") == 100

    def test_a_number_beyond_64_bits_is_refused_in_one_line(self, database: Database) -> None:
        with (
            pytest.raises(StoreError, match="cannot hold what it was given") as caught,
            database.writing() as session,
        ):
            ledger.write_poll(session, replace(poll(), count=2**64))
        assert "\n" not in str(caught.value)
        assert count_polls(database) == 0


class TestSqlite:
    def test_is_set_up_to_keep_what_it_says_it_kept(self, on_sqlite: Database) -> None:
        found: dict[str, set[object]] = {}
        for session_of in (on_sqlite.writing, on_sqlite.reading):
            with session_of() as session:
                for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema"):
                    found.setdefault(name, set()).add(pragma(session, name))
        assert found == {
            "journal_mode": {"wal"},
            "synchronous": {2},
            "foreign_keys": {1},
            "trusted_schema": {0},
        }

    def test_can_be_read_by_its_owner_alone(self, on_sqlite: Database) -> None:
        write_poll(on_sqlite)
        assert on_sqlite.file is not None
        files = list(on_sqlite.file.parent.glob(f"{on_sqlite.file.name}*"))
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}

    def test_refuses_text_where_a_number_belongs(self, on_sqlite: Database) -> None:
        write_poll(on_sqlite)
        with (
            pytest.raises(WorldError, match="integers"),
            on_sqlite.writing() as session,
        ):
            session.execute(text("UPDATE poll SET count = 'many'"))

    def test_that_is_full_says_so_and_goes_on_when_it_is_not(self, on_sqlite: Database) -> None:
        with on_sqlite.writing() as session:
            pages = session.exec_driver_sql("PRAGMA page_count").scalar_one()
            session.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
        names = [f"deployment-{number}" for number in range(200)]
        with (
            pytest.raises(StoreUnavailable, match="the disk is full"),
            on_sqlite.writing() as session,
        ):
            ledger.write_change(session, ACCOUNT, met(*names), at=T0)
        with on_sqlite.writing() as session:
            session.exec_driver_sql("PRAGMA max_page_count = 1000000")
            assert history.read_known(session, ACCOUNT) == ()
            ledger.write_change(session, ACCOUNT, met(*names), at=T0)

    def test_that_another_process_holds_says_so_and_comes_back(self, on_sqlite: Database) -> None:
        with on_sqlite.connection() as connection:  # the pool's one connection, made impatient
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("PRAGMA busy_timeout = 1")
        other = sqlite3.connect(str(on_sqlite.file), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            write_poll(on_sqlite)
        assert count_polls(on_sqlite) == 0
        other.execute("ROLLBACK")
        other.close()
        write_poll(on_sqlite)
        assert count_polls(on_sqlite) == 1

    @pytest.mark.parametrize("replaced", ["", "replaced"], ids=["deleted", "replaced"])
    def test_whose_file_is_taken_away_is_written_no_more_and_made_no_new_one(
        self, on_sqlite: Database, replaced: str
    ) -> None:
        file = on_sqlite.file
        assert file is not None
        write_poll(on_sqlite)
        aside = file.rename(file.with_name("aside.db"))
        if replaced:
            file.write_text("")

        with pytest.raises(StoreUnavailable, match=r"gone|another file") as caught:
            write_poll(on_sqlite, minutes=1)
        with suppress(StoreUnavailable), ExitStack() as readers:
            for _ in range(4):  # the pool opens the file for each
                readers.enter_context(on_sqlite.reading())

        assert "put it back" in str(caught.value)
        assert file.exists() is bool(replaced)
        assert not replaced or file.read_text() == ""
        aside.replace(file)
        write_poll(on_sqlite, minutes=1)
        assert count_polls(on_sqlite) == 2

    def test_that_is_taken_away_before_the_commit_is_not_called_written(
        self, on_sqlite: Database
    ) -> None:
        def write_and_lose() -> None:
            with on_sqlite.writing() as session:
                ledger.write_poll(session, poll())
                assert on_sqlite.file is not None
                on_sqlite.file.unlink()

        with pytest.raises(StoreUnavailable, match="its file is gone"):
            write_and_lose()

    def test_in_memory_is_one_ledger_for_readers_and_writers(self) -> None:
        database = Database.open("sqlite:///:memory:", upgrade=True)
        write_poll(database)
        assert count_polls(database) == 1
        assert database.file is None
        assert database.describe() == "sqlite:///:memory:"
        database.close()

    def test_may_be_named_relative_to_the_folder_one_is_in(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Database.open("sqlite:///relative.db", upgrade=True).close()
        assert (tmp_path / "relative.db").exists()


class TestPostgresql:
    def test_whose_server_drops_us_says_so_and_comes_back(self, on_postgresql: Database) -> None:
        with pytest.raises(StoreUnavailable, match="does not answer") as caught:
            _write_and_be_dropped(on_postgresql)
        assert "unknown" in str(caught.value)
        assert count_polls(on_postgresql) == 0
        write_poll(on_postgresql)
        assert count_polls(on_postgresql) == 1

    def test_limits_how_long_a_statement_takes(self, on_postgresql: Database) -> None:
        with on_postgresql.reading() as session:
            shown = {
                name: session.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("statement_timeout", "lock_timeout", "application_name", "TimeZone")
            }
        assert shown == {
            "statement_timeout": "30s",
            "lock_timeout": "10s",
            "application_name": "firewarden",
            "TimeZone": "UTC",
        }

    def test_lets_go_of_what_a_stopped_holder_has_locked_before_its_lease_is_over(
        self, on_postgresql: Database
    ) -> None:
        with on_postgresql.reading() as session:
            shown = "SHOW idle_in_transaction_session_timeout"
            seconds = session.exec_driver_sql(shown).scalar_one().removesuffix("s")
        assert 0 < int(seconds) < TTL.total_seconds()

    def test_lets_no_reader_write(self, on_postgresql: Database) -> None:
        with (
            pytest.raises(StoreUnavailable, match="takes no writes"),
            on_postgresql.reading() as session,
        ):
            ledger.write_poll(session, poll())

    def test_waits_no_longer_than_told_for_a_row_that_is_locked(
        self, on_postgresql: Database
    ) -> None:
        write_poll(on_postgresql)
        update = "SET LOCAL lock_timeout = '1ms'; UPDATE poll SET count = 9"
        with on_postgresql.writing() as first:
            first.exec_driver_sql(update)
            with (
                pytest.raises(StoreUnavailable, match="locked by another process"),
                on_postgresql.writing() as second,
            ):
                second.exec_driver_sql(update)


def _write_and_be_dropped(database: Database) -> None:
    with database.writing() as session:
        ledger.write_poll(session, poll())
        own = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.writing() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})


class TestOpening:
    @pytest.mark.parametrize(
        ("url", "complaint"),
        [
            pytest.param("ledger.db", "is not a database URL", id="a path"),
            pytest.param("", "is not a database URL", id="nothing"),
            pytest.param("mysql://u:s3cret@h/d", "is not a database URL", id="another database"),
            pytest.param("oracle://u:s3cret@h/d", "oracle is not supported", id="an unknown one"),
            pytest.param("postgresql://u:s3cret@h:port/d", "is not a database URL", id="no port"),
        ],
    )
    def test_of_what_is_no_url_is_refused_without_repeating_it(
        self, url: str, complaint: str
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            Database.open(url, upgrade=True)
        message = str(caught.value)
        assert complaint in message or "is not supported" in message
        assert "s3cret" not in message
        assert "\n" not in message

    def test_of_a_server_that_is_not_there_is_one_line_without_the_password(self) -> None:
        with pytest.raises(StoreUnavailable) as caught:
            Database.open(DEAD_HOST, upgrade=True)
        message = str(caught.value)
        assert message.startswith(
            "postgresql+psycopg://warden:***@127.0.0.1:1/ledger: does not answer ("
        )
        assert message.endswith("; check that it runs and that the URL is right")
        assert "s3cret" not in message
        assert "\n" not in message

    def test_of_a_database_that_is_not_there_names_the_mend(self, on_postgresql: Database) -> None:
        url = on_postgresql.url.set(database="nowhere").render_as_string(hide_password=False)
        with pytest.raises(StoreUnavailable, match=r"nowhere: .*does not exist"):
            Database.open(url, upgrade=True)

    def test_without_upgrade_makes_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileUnusable, match=r"none\.db: there is no ledger; `firewarden run`"):
            Database.open(f"sqlite:///{tmp_path / 'none.db'}", upgrade=False)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "complaint"),
        [
            pytest.param("missing/ledger.db", "No such file or directory", id="no such folder"),
            pytest.param("folder", "Is a directory", id="a folder"),
            pytest.param("file/ledger.db", "Not a directory", id="a file for a folder"),
            pytest.param("notes.txt", "is no SQLite database", id="another file"),
        ],
    )
    def test_of_what_is_no_ledger_is_one_line(
        self, tmp_path: Path, name: str, complaint: str
    ) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("")
        (tmp_path / "notes.txt").write_text("a letter to somebody\n" * 100)
        with pytest.raises(FileUnusable) as caught:
            Database.open(f"sqlite:///{tmp_path / name}", upgrade=True)
        assert complaint in str(caught.value)
        assert "\n" not in str(caught.value)
        assert (tmp_path / "notes.txt").read_text().startswith("a letter")

    def test_in_a_folder_that_cannot_be_written_is_one_line(self, tmp_path: Path) -> None:
        script = (
            "import os, sys\n"
            "from firewarden.errors import FileUnusable\n"
            "from firewarden.store.engine import Database\n"
            "Database.open('sqlite:///:memory:', upgrade=True).close()  # imports all\n"
            "if os.geteuid() == 0:\n"
            "    os.setuid(65534)\n"
            "try:\n"
            "    Database.open(sys.argv[1], upgrade=True)\n"
            "except FileUnusable as error:\n"
            "    print(error)\n"
        )
        folder = tmp_path / "sealed"
        folder.mkdir(mode=0o555)
        said = subprocess.run(
            [sys.executable, "-c", script, f"sqlite:///{folder / 'ledger.db'}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert said.endswith("make the folder, and let this user write in it\n")
        assert said.count("\n") == 1
