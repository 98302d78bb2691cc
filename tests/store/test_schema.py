"""A ledger is brought up to date in place, once, with a copy kept, or not at all."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, DateTime, Integer, text

from firewarden.errors import (
    FileUnusable,
    SchemaTooNew,
    SchemaTooOld,
    StoreError,
    StoreUnavailable,
)
from firewarden.store import history, ledger, schema
from firewarden.store.engine import Database
from firewarden.store.schema import SHIPPED, History
from firewarden.store.tables import Row
from tests.store.values import ACCOUNT, T0, known, met, poll, segment
from tests.support.databases import Url

ADD_COLUMN = 'op.add_column("poll", sa.Column("page_count", sa.Integer(), nullable=True))'
REMAKE = (
    'with op.batch_alter_table("deployment") as batch:\n'
    '        batch.alter_column("display_name", existing_type=sa.String(), nullable=True)'
)
FAIL = f'{ADD_COLUMN}\n    op.execute("SELECT no_such_column FROM poll")'
ORPHAN = 'op.execute("DELETE FROM deployment")'


def next_history(folder: Path, change: str) -> History:
    """The shipped revisions and one more that does *change*."""
    scripts = folder / "migrations"
    shutil.copytree(SHIPPED.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "9999_next.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n\n"
        'revision = "9999"\n'
        f'down_revision = "{SHIPPED.head}"\n\n\n'
        f"def upgrade():\n    {change}\n"
    )
    return History(scripts=scripts, revisions=(*SHIPPED.revisions, "9999"))


def fill(database: Database) -> None:
    with database.writing() as session:
        ledger.write_poll(session, poll())
        ledger.write_change(session, ACCOUNT, met("search", opened=(segment(),)), at=T0)


def revision(database: Database) -> str | None:
    with database.reading() as session:
        return schema.read_revision(session)


def assert_filled(database: Database) -> None:
    with database.reading() as session:
        remembered = history.read_remembered(session, ACCOUNT, since=T0)
    assert remembered.known == (known(),)
    assert remembered.open_segments == (segment(),)
    assert remembered.last_poll == poll()


class TestTables:
    def test_made_by_the_revisions_are_those_of_the_code(self, database: Database) -> None:
        assert schema.check(database) == ()

    def test_are_brought_up_to_date_by_every_script_that_is_shipped(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(SHIPPED.scripts))
        scripts = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
        assert tuple(reversed(scripts)) == SHIPPED.revisions

    def test_hold_no_instant_as_anything_but_an_integer(self) -> None:
        columns = [column for table in Row.metadata.sorted_tables for column in table.columns]
        assert [str(column) for column in columns if isinstance(column.type, DateTime)] == []

    def test_check_each_integer_on_sqlite(self) -> None:
        unchecked = []
        for table in Row.metadata.sorted_tables:
            checks = " ".join(
                str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)
            )
            own_number = {"id"}  # SQLite's rowid, which it never lets be anything else
            unchecked += [
                str(column)
                for column in table.columns
                if isinstance(column.type, Integer)
                and column.name not in own_number
                and f"typeof({column.name})" not in checks
            ]
        assert unchecked == []


class TestUpgrade:
    def test_of_an_empty_database_makes_a_ledger_and_no_copy(
        self, database_url: Url, tmp_path: Path
    ) -> None:
        database = Database.open(database_url, upgrade=True)
        assert revision(database) == SHIPPED.head
        assert schema.upgrade(database) is None
        assert list(tmp_path.glob("*.bak*")) == []
        database.close()

    @pytest.mark.parametrize(
        "change", [pytest.param(ADD_COLUMN, id="in place"), pytest.param(REMAKE, id="remade")]
    )
    def test_keeps_what_is_in_it(self, database: Database, tmp_path: Path, change: str) -> None:
        fill(database)
        newer = next_history(tmp_path, change)
        saved = schema.upgrade(database, history=newer)
        assert revision(database) == "9999"
        assert_filled(database)
        if database.file is None:
            assert saved is None
            return
        assert saved == database.file.with_name(f"{database.file.name}.bak-{SHIPPED.head}")
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        copy = Database.open(f"sqlite:///{saved}", upgrade=False)
        assert_filled(copy)
        copy.close()

    def test_that_fails_changes_nothing(self, database: Database, tmp_path: Path) -> None:
        fill(database)
        with pytest.raises(StoreUnavailable, match="no_such_column"):
            schema.upgrade(database, history=next_history(tmp_path, FAIL))
        assert revision(database) == SHIPPED.head
        assert schema.check(database) == ()
        assert_filled(database)

    def test_that_would_leave_rows_pointing_at_nothing_changes_nothing(
        self, database: Database, tmp_path: Path
    ) -> None:
        fill(database)
        with pytest.raises(StoreError, match=r"point at nothing|refused by the database"):
            schema.upgrade(database, history=next_history(tmp_path, ORPHAN))
        assert_filled(database)

    def test_leaves_foreign_keys_on(self, database: Database, tmp_path: Path) -> None:
        fill(database)
        schema.upgrade(database, history=next_history(tmp_path, ADD_COLUMN))
        with pytest.raises(StoreError), database.writing() as session:
            session.execute(text("DELETE FROM deployment"))
        assert_filled(database)

    def test_by_several_processes_at_once_happens_once(self, database_url: Url) -> None:
        script = (
            "import sys\n"
            "from firewarden.store.engine import Database\n"
            "Database.open(sys.argv[1], upgrade=True).close()\n"
        )
        starting = [
            subprocess.Popen(
                [sys.executable, "-c", script, database_url], stderr=subprocess.PIPE, text=True
            )
            for _ in range(3)
        ]
        said = [process.communicate()[1] for process in starting]
        assert [process.returncode for process in starting] == [0] * 3, said
        database = Database.open(database_url, upgrade=False)
        assert schema.check(database) == ()
        database.close()


class TestVersions:
    @pytest.mark.parametrize("upgrade", [True, False])
    def test_newer_than_this_one_are_refused_and_left_alone(
        self, database: Database, database_url: Url, tmp_path: Path, *, upgrade: bool
    ) -> None:
        schema.upgrade(database, history=next_history(tmp_path, ADD_COLUMN))
        with pytest.raises(SchemaTooNew, match="at 9999, which this firewarden does not know"):
            Database.open(database_url, upgrade=upgrade)
        assert revision(database) == "9999"

    def test_older_than_this_one_ask_for_an_upgrade(
        self, database: Database, tmp_path: Path
    ) -> None:
        newer = next_history(tmp_path, ADD_COLUMN)
        with pytest.raises(SchemaTooOld, match=f"at {SHIPPED.head}; run `firewarden db upgrade`"):
            schema.demand_current(database, history=newer)

    def test_none_yet_ask_for_an_upgrade(self, database_url: Url, tmp_path: Path) -> None:
        for file in [Path(database_url.removeprefix("sqlite:///"))]:
            if file.is_relative_to(tmp_path):
                file.touch()
        with pytest.raises(SchemaTooOld, match="the ledger is empty"):
            Database.open(database_url, upgrade=False)


class TestCheck:
    def test_finds_an_index_that_is_gone(self, database: Database) -> None:
        with database.writing() as session:
            session.execute(text("DROP INDEX ix_deployment_account_id"))
        findings = schema.check(database)
        assert {"ix_deployment_account_id" in one for one in findings} == {True}
        assert {"\n" in one for one in findings} == {False}

    def test_finds_a_table_whose_checks_are_gone(self, new_url: Callable[[str], Url]) -> None:
        database = Database.open(new_url("sqlite"), upgrade=True)
        with database.writing() as session:
            session.execute(text("DROP TABLE gap"))
            session.execute(text("CREATE TABLE gap AS SELECT * FROM poll"))
        assert "of another shape: gap" in schema.check(database)
        database.close()

    def test_finds_rows_that_point_at_nothing(self, new_url: Callable[[str], Url]) -> None:
        database = Database.open(new_url("sqlite"), upgrade=True)
        fill(database)
        with closing(sqlite3.connect(str(database.file))) as loose:
            loose.execute("DELETE FROM deployment")
            loose.commit()
        assert schema.check(database) == ("points at nothing: segment -> deployment",)
        database.close()


class TestBackup:
    def test_is_a_ledger_of_its_own(self, database: Database, tmp_path: Path) -> None:
        fill(database)
        target = tmp_path / "copy.db"
        if not database.is_sqlite:
            with pytest.raises(StoreError, match="run `pg_dump"):
                schema.backup(database, target)
            assert not target.exists()
            return
        with database.writing() as session:
            ledger.write_poll(session, poll(T0.replace(hour=23)))
            assert schema.backup(database, target) == target
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        copy = Database.open(f"sqlite:///{target}", upgrade=False)
        assert_filled(copy)
        copy.close()

    @pytest.mark.parametrize(
        "name", [pytest.param("there.db", id="exists"), pytest.param("no/copy.db", id="no folder")]
    )
    def test_overwrites_nothing(
        self, new_url: Callable[[str], Url], tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "there.db").write_text("precious")
        database = Database.open(new_url("sqlite"), upgrade=True)
        with pytest.raises(FileUnusable, match="name a file that does not exist"):
            schema.backup(database, tmp_path / name)
        assert (tmp_path / "there.db").read_text() == "precious"
        database.close()
