"""People overrule by commands: their word is a row, and what they ask is waited for."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from firewarden.app.scaffold import shipped_policies
from firewarden.clock.real import WallClock
from firewarden.model.action import Bounds, Effect, Intent, Outcome
from firewarden.model.deployment import Deployment
from firewarden.model.ids import AccountId, PolicyName, Uid
from firewarden.model.notice import Notice
from firewarden.model.people import Override, OverrideKind, Request, RequestOutcome, RequestVerb
from firewarden.model.usage import Known, LedgerChange
from firewarden.model.verdict import Incident, IncidentState
from firewarden.model.vocabulary import Blocker, Mode, Severity, Verb
from firewarden.store import incidents, intents, leases, notices, overrides, requests
from firewarden.store.descriptions import read_descriptions, write_descriptions
from firewarden.store.engine import Database
from firewarden.store.history import read_known
from firewarden.store.ledger import write_change
from tests.cli.conftest import Invoke
from tests.support.deciding import a_deployment

ACME = AccountId("acme")
MINUTE = timedelta(minutes=1)
WALL = WallClock()
NIGHT = PolicyName("night")

Ask = Callable[..., Result]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that knows two deployments, and of one an alert."""
    file = tmp_path_factory.mktemp("known") / "known.db"
    now = WALL.now()
    created = now - timedelta(days=3)
    seen = [
        a_deployment("forgotten", created_at=created, display_name="Forgotten"),
        a_deployment("chat-prod", created_at=created),
    ]
    with (
        closing(Database.open(f"sqlite:///{file}", upgrade=True)) as database,
        database.writing() as session,
    ):
        met = tuple(known_of(each, now) for each in seen)
        write_change(session, ACME, LedgerChange(met=met), at=now)
        write_descriptions(session, seen, seen_at=now)
        for severity in (Severity.INFO, Severity.PAGE):
            notices.record(session, a_notice(seen[0].uid, severity, now))
    return file


def known_of(deployment: Deployment, at: datetime) -> Known:
    return Known(
        uid=deployment.uid,
        account=ACME,
        deployment_id=deployment.deployment_id,
        display_name=deployment.display_name,
        base_model=deployment.base_model,
        created_at=deployment.created_at,
        first_seen_at=at,
    )


def a_notice(uid: Uid, severity: Severity, at: datetime) -> Notice:
    return Notice(
        account=ACME,
        kind="idle.warn",
        key=f"idle.warn:{severity}",
        severity=severity,
        at=at,
        text="forgotten: idle 45m",
        uid=uid if severity is Severity.PAGE else None,
    )


@pytest.fixture
def ledger(recorded: Path, folder: Path) -> Iterator[Database]:
    """A copy of it for one test, which also looks into it."""
    shutil.copy(recorded, folder / "copy.db")
    with closing(Database.open(f"sqlite:///{folder / 'copy.db'}", upgrade=False)) as database:
        yield database


@pytest.fixture
def ask(invoke: Invoke, ledger: Database) -> Ask:
    def run(*arguments: str, **variables: str) -> Result:
        given = {
            "FIREWARDEN_DATABASE_URL": str(ledger.url),
            "FIREWARDEN_POLICIES": str(shipped_policies()),
        }
        return invoke(*arguments, **(given | variables))

    return run


def found(ledger: Database, name: str = "forgotten") -> Deployment:
    with ledger.reading() as session:
        known = read_descriptions(session, ACME).deployments.values()
    return next(each for each in known if each.deployment_id == name)


def standing(ledger: Database, at: datetime | None = None) -> tuple[Override, ...]:
    with ledger.reading() as session:
        return overrides.standing(session, ACME, now=at or WALL.now())


def asked(ledger: Database) -> tuple[Request, ...]:
    with ledger.reading() as session:
        return requests.read_asked(session, ACME, since=WALL.now() - timedelta(days=1))


def change(
    ledger: Database, name: str, *, policy: str = "idle-to-zero", ago: timedelta = MINUTE
) -> int:
    """Write down a stop of *name* that stands, some time ago."""
    at = WALL.now() - ago
    with ledger.writing() as session:
        number = intents.claim(
            session,
            Intent(
                account=ACME,
                uid=found(ledger, name).uid,
                verb=Verb.SCALE_TO_ZERO,
                policy=PolicyName(policy),
                policy_hash="c0ffee",
                mode=Mode.ENFORCE,
                actor="policy",
                reason="idle 52m",
                effect=Effect(min_replica_count=0, replica_count=0),
                before=Bounds(min_replica_count=3, max_replica_count=9, desired_replica_count=3),
                planned_at=at,
                epoch=1,
                evidence={"state": "READY"},
            ),
        )
        assert number is not None
        intents.finish(session, number, Outcome.APPLIED, detail="read back", at=at)
    return number


def wait_for_approval(
    ledger: Database, policy: PolicyName = NIGHT, *, name: str = "forgotten"
) -> None:
    at = WALL.now() - MINUTE
    with ledger.writing() as session:
        incidents.write(
            session,
            Incident(
                uid=found(ledger, name).uid,
                policy=policy,
                policy_hash="c0ffee",
                mode=Mode.APPROVE,
                verb=Verb.DELETE,
                state=IncidentState.WAITING,
                stage=2,
                opened_at=at,
                entered_at=at,
                reason="at zero for 3d",
                held_by=Blocker.APPROVAL,
            ),
        )


@pytest.fixture
def holder(ledger: Database) -> Iterator[list[Request]]:
    """A process that looks after the account, and finishes what is asked as the test says."""
    with ledger.writing() as session:
        leases.take(
            session,
            ACME,
            holder="one",
            described="host-7:42",
            now=WALL.now(),
            ttl=timedelta(hours=1),
        )
    seen: list[Request] = []
    over = threading.Event()

    def serve() -> None:
        while not over.wait(0.02):
            with ledger.reading() as session:
                due = requests.pending(session, ACME, now=WALL.now())
            for each in due:
                refused = each.uid is not None and "chat-prod" in each.uid
                outcome = RequestOutcome.REFUSED if refused else RequestOutcome.DONE
                with ledger.writing() as session:
                    requests.finish(
                        session, each.request_id, outcome, detail="as told", at=WALL.now()
                    )
                seen.append(each)

    thread = threading.Thread(target=serve)
    thread.start()
    yield seen
    over.set()
    thread.join()


class TestTheirWord:
    def test_a_snooze_is_written_with_who_and_until_when(self, ask: Ask, ledger: Database) -> None:
        before = WALL.now()
        result = ask("snooze", "Forgotten", "--for", "4h", "--reason", "demo at noon")

        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith("forgotten: no policy acts on it until 20")
        (one,) = standing(ledger)
        assert (one.kind, one.uid, one.reason) == (
            OverrideKind.SNOOZE,
            found(ledger).uid,
            "demo at noon",
        )
        assert one.actor.startswith("cli:")
        assert "@" in one.actor
        assert one.until is not None
        assert one.until - one.since == timedelta(hours=4)
        assert abs(one.since - before) < MINUTE

    def test_a_snooze_is_bounded_by_the_policies_over_all_there_were(
        self, ask: Ask, ledger: Database, folder: Path
    ) -> None:
        policies = folder / "policies"
        policies.mkdir()
        (policies / "people.yaml").write_text("version: 1\nsnooze: {max: 2d, max_total: 3d}\n")
        own = {"FIREWARDEN_POLICIES": str(policies)}
        at = WALL.now()
        with ledger.writing() as session:
            overrides.put(
                session,
                Override(
                    account=ACME,
                    kind=OverrideKind.SNOOZE,
                    uid=found(ledger).uid,
                    since=at - timedelta(days=12),
                    until=at - timedelta(days=10),
                    actor="cli:bob@desk",
                ),
            )

        result = ask("snooze", "forgotten", "--for", "25h", **own)

        assert (result.exit_code, result.stdout) == (2, "")
        assert "forgotten can be snoozed for 1d now, not for 1d 1h" in result.stderr
        assert "2d at a time and 3d in 90 days are the most" in result.stderr
        assert ask("snooze", "chat-prod", "--for", "25h", **own).exit_code == 0
        assert ask("snooze", "forgotten", "--for", "23h", **own).exit_code == 0
        assert len(standing(ledger)) == 2

    def test_policies_that_cannot_be_read_keep_nobody_from_a_snooze(
        self, ask: Ask, ledger: Database, folder: Path
    ) -> None:
        (folder / "broken.yaml").write_text("policies: [")

        assert ask("snooze", "forgotten", FIREWARDEN_POLICIES="broken.yaml").exit_code == 0
        assert ask("snooze", "forgotten", FIREWARDEN_POLICIES="nowhere").exit_code == 0
        refused = ask("snooze", "forgotten", "--for", "15d", FIREWARDEN_POLICIES="nowhere")
        assert "14d at a time and 30d in 90 days" in refused.stderr
        assert len(standing(ledger)) == 2

    @pytest.mark.parametrize(
        ("until", "end"),
        [
            pytest.param("2099-12-15", datetime(2099, 12, 16, tzinfo=UTC), id="to its end"),
            pytest.param(
                "2099-12-15T12:00:00+02:00", datetime(2099, 12, 15, 10, tzinfo=UTC), id="instant"
            ),
            pytest.param("2099-12-15T12:00", datetime(2099, 12, 15, 12, tzinfo=UTC), id="naive"),
        ],
    )
    def test_a_protection_lasts_until_it_says(
        self, ask: Ask, ledger: Database, until: str, end: datetime
    ) -> None:
        result = ask("protect", "forgotten", "--until", until, "--reason", "paper")

        assert result.exit_code == 0, result.stderr
        assert "forgotten: protected until 2099-12-1" in result.stdout
        (one,) = standing(ledger)
        assert (one.kind, one.until, one.reason) == (OverrideKind.PROTECT, end, "paper")

    def test_a_protection_for_a_while_begins_now(self, ask: Ask, ledger: Database) -> None:
        assert ask("protect", "forgotten", "--until", "7d", "--reason", "x").exit_code == 0
        (one,) = standing(ledger)
        assert one.until is not None
        assert one.until - one.since == timedelta(days=7)

    @pytest.mark.parametrize("kind", ["snooze", "protect"])
    def test_what_a_command_has_put_a_command_ends(
        self, ask: Ask, ledger: Database, kind: str
    ) -> None:
        ask("snooze", "forgotten")
        ask("protect", "forgotten", "--until", "7d", "--reason", "x")
        ask("snooze", "chat-prod")

        result = ask(kind, "forgotten", "--end")

        assert result.stdout == (f"forgotten: its {kind} is over; policies act on it as they say\n")
        left = {(each.kind.value, each.uid) for each in standing(ledger)}
        other = "protect" if kind == "snooze" else "snooze"
        assert left == {
            (other, found(ledger).uid),
            ("snooze", found(ledger, "chat-prod").uid),
        }
        again = ask(kind, "forgotten", "--end")
        assert again.exit_code == 2
        assert f"no command has put a {kind} on forgotten" in again.stderr

    def test_a_pause_stands_until_somebody_resumes(self, ask: Ask, ledger: Database) -> None:
        paused = ask("pause", "--reason", "odd figures")
        assert "acme: nothing is acted on until `firewarden resume`" in paused.stdout
        (one,) = standing(ledger)
        assert (one.kind, one.reason, one.until) == (OverrideKind.PAUSE, "odd figures", None)

        assert "acme: policies act again" in ask("resume").stdout
        (release,) = standing(ledger)
        assert release.kind is OverrideKind.RELEASE
        assert "acme: nothing was paused" in ask("resume").stdout
        assert len(standing(ledger)) == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(("snooze", "forgoten"), "did you mean forgotten", id="mistyped"),
            pytest.param(("snooze", "forgotten", "--for", "soon"), "not a duration", id="length"),
            pytest.param(("protect", "forgotten"), "needs an end and a reason", id="neither"),
            pytest.param(
                ("protect", "forgotten", "--until", "7d"), "an end and a reason", id="no reason"
            ),
            pytest.param(
                ("protect", "forgotten", "--until", "soon", "--reason", "x"),
                "'soon' is no instant",
                id="no instant",
            ),
            pytest.param(
                ("protect", "forgotten", "--until", "2020-01-01", "--reason", "x"),
                "2020-01-01 is past",
                id="past",
            ),
            pytest.param(
                ("protect", "forgotten", "--until", "9999-12-31", "--reason", "x"),
                "'9999-12-31' is no instant",
                id="beyond the calendar",
            ),
            pytest.param(("pause",), "--reason", id="a pause without a reason"),
            pytest.param(("restore",), "name deployments, or give --since", id="nothing named"),
            pytest.param(
                ("restore", "forgotten"), "nothing that firewarden changed stands", id="unchanged"
            ),
            pytest.param(("restore", "--since", "x"), "is no instant", id="since"),
            pytest.param(("undelete", "forgotten"), "is not known to be deleted", id="alive"),
            pytest.param(("undelete", "x"), "no deployment that was ever met", id="unmet"),
            pytest.param(("approve", "forgotten"), "nothing waits for approval", id="no question"),
            pytest.param(("reject", "x"), "no deployment goes by 'x'", id="nobody"),
            pytest.param(("actions", "--since", "x"), "is no instant", id="since when"),
        ],
    )
    def test_what_cannot_be_meant_is_one_line_and_writes_nothing(
        self, ask: Ask, ledger: Database, arguments: tuple[str, ...], words: str
    ) -> None:
        result = ask(*arguments)

        assert (result.exit_code, result.stdout) == (2, "")
        assert words in result.stderr
        assert (standing(ledger), asked(ledger)) == ((), ())


class TestWhatTheyAsk:
    def test_is_carried_out_by_the_holder_and_answered(
        self, ask: Ask, ledger: Database, holder: list[Request]
    ) -> None:
        change(ledger, "forgotten")

        result = ask("restore", "forgotten", "--reason", "needed")

        assert result.exit_code == 0, result.output
        assert "+ forgotten  min 1→3  max" in result.stdout
        assert "scale_to_zero 1m ago [idle-to-zero]" in result.stdout
        assert result.stdout.endswith("forgotten: restore done: as told\n")
        assert "asked host-7:42, which looks after acme" in result.stderr
        (request,) = holder
        assert (request.verb, request.uid, request.reason) == (
            RequestVerb.RESTORE,
            found(ledger).uid,
            "needed",
        )
        assert request.actor.startswith("cli:")
        assert request.expires_at - request.asked_at == 10 * MINUTE

    def test_a_no_exits_1(self, ask: Ask, ledger: Database, holder: list[Request]) -> None:
        change(ledger, "forgotten")
        change(ledger, "chat-prod")

        result = ask("restore", "--all", "--yes")

        assert result.exit_code == 1
        assert "forgotten: restore done: as told\n" in result.stdout
        assert "chat-prod: restore refused: as told\n" in result.stdout
        assert len(holder) == 2

    def test_several_are_shown_and_asked_about_first(self, ask: Ask, ledger: Database) -> None:
        change(ledger, "forgotten")
        change(ledger, "chat-prod")

        result = ask("restore", "--all")

        assert result.exit_code == 1
        assert "acme: 2 deployments to restore" in result.stdout
        assert "Restore them?" in result.output
        assert asked(ledger) == ()

    @pytest.mark.parametrize(
        ("arguments", "names"),
        [
            pytest.param(("--since", "2h"), {"forgotten"}, id="changed in that time"),
            pytest.param(("--policy", "night"), {"chat-prod"}, id="changed by that policy"),
            pytest.param(("--since", "2h", "--policy", "night"), set(), id="both"),
            pytest.param(("--all",), {"forgotten", "chat-prod"}, id="all"),
        ],
    )
    def test_what_is_restored_can_be_chosen(
        self, ask: Ask, ledger: Database, arguments: tuple[str, ...], names: set[str]
    ) -> None:
        change(ledger, "forgotten")
        change(ledger, "chat-prod", policy="night", ago=timedelta(hours=3))

        result = ask("restore", *arguments, "--yes")

        assert result.exit_code == (2 if names else 0)  # there is nobody, and no key
        assert {each for each in ("forgotten", "chat-prod") if each in result.stdout} == names
        by_name = {found(ledger, name).uid for name in names}
        assert {each.uid for each in asked(ledger)} == by_name

    def test_when_nobody_is_there_and_it_has_no_key_it_says_so_and_stays_written_down(
        self, ask: Ask, ledger: Database
    ) -> None:
        change(ledger, "forgotten")

        result = ask("restore", "forgotten")

        assert result.exit_code == 2
        assert "no firewarden looks after acme: this command does it" in result.stderr
        assert "there is no key" in result.stderr
        (request,) = asked(ledger)
        assert request.outcome is None

    def test_what_was_deleted_is_asked_back(
        self, ask: Ask, ledger: Database, holder: list[Request]
    ) -> None:
        uid = _delete(ledger, purge_in=timedelta(days=3))

        assert ask("undelete", "forgotten").stdout == "forgotten: undelete done: as told\n"
        assert [(each.verb, each.uid) for each in holder] == [(RequestVerb.UNDELETE, uid)]

    def test_what_was_purged_is_past_asking(self, ask: Ask, ledger: Database) -> None:
        _delete(ledger, purge_in=-MINUTE)

        result = ask("undelete", "forgotten")

        assert result.exit_code == 2
        assert "Fireworks has purged it" in result.stderr

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    def test_an_answer_goes_to_the_incident_that_waits(
        self, ask: Ask, ledger: Database, holder: list[Request], verb: str
    ) -> None:
        wait_for_approval(ledger)

        assert ask(verb, "forgotten").stdout == f"forgotten: {verb} done: as told\n"
        (request,) = holder
        assert (request.verb.value, request.uid) == (verb, found(ledger).uid)
        assert request.arguments == {"policy": "night"}

    def test_of_several_that_wait_one_is_chosen(
        self, ask: Ask, ledger: Database, holder: list[Request]
    ) -> None:
        wait_for_approval(ledger)
        wait_for_approval(ledger, PolicyName("weekend"))

        result = ask("approve", "forgotten")
        assert result.exit_code == 2
        assert "several policies wait for a yes: night, weekend" in result.stderr
        assert ask("approve", "forgotten", "--policy", "weekend").exit_code == 0
        assert [each.arguments for each in holder] == [{"policy": "weekend"}]

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    def test_one_answer_does_for_all_that_wait_of_a_policy(
        self, ask: Ask, ledger: Database, holder: list[Request], verb: str
    ) -> None:
        wait_for_approval(ledger)
        wait_for_approval(ledger, name="chat-prod")
        wait_for_approval(ledger, PolicyName("weekend"))

        result = ask(verb, "--policy", "night", "--yes")

        assert result.exit_code == 1, "one was refused"
        assert result.stdout.startswith("night waits for a yes on 2: ")
        assert f"forgotten: {verb} done: as told\n" in result.stdout
        assert {each.uid for each in holder} == {found(ledger).uid, found(ledger, "chat-prod").uid}
        assert [each.arguments for each in holder] == [{"policy": "night"}] * 2

    def test_several_that_wait_are_shown_and_asked_about_first(
        self, ask: Ask, ledger: Database, holder: list[Request]
    ) -> None:
        wait_for_approval(ledger)
        wait_for_approval(ledger, name="chat-prod")

        result = ask("approve", "--policy", "night")

        assert result.exit_code == 1
        assert "forgotten" in result.stdout
        assert holder == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(("approve",), "say what it is about", id="nothing"),
            pytest.param(
                ("approve", "--policy", "night"), "nothing of night waits for approval",
                id="nobody asks",
            ),
        ],
    )  # fmt: skip
    def test_an_answer_to_nothing_says_so(
        self, ask: Ask, arguments: tuple[str, ...], words: str
    ) -> None:
        result = ask(*arguments)

        assert result.exit_code == 2
        assert words in result.stderr


def _delete(ledger: Database, *, purge_in: timedelta) -> Uid:
    """Write down that *forgotten* was deleted, and until when it can be brought back."""
    now = WALL.now()
    with ledger.writing() as session:
        (known,) = (each for each in read_known(session, ACME) if each.deployment_id == "forgotten")
        gone = replace(known, deleted_at=now - MINUTE, purge_at=now + purge_in)
        write_change(session, ACME, LedgerChange(met=(gone,)), at=now)
    return known.uid


class TestTheAudit:
    def read(self, result: Result) -> Any:
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return json.loads(result.stdout)

    def test_actions_have_their_stable_keys(self, ask: Ask, ledger: Database) -> None:
        number = change(ledger, "forgotten")

        read = self.read(ask("actions", "--json"))

        assert list(read) == ["actions", "next"]
        assert read["next"] is None
        (action,) = read["actions"]
        assert list(action) == [
            "action_id",
            "deployment_id",
            "verb",
            "policy",
            "mode",
            "outcome",
            "reason",
            "evidence",
            "planned_at",
            "finished_at",
            "actor",
        ]
        assert (action["action_id"], action["deployment_id"]) == (number, "forgotten")
        assert (action["outcome"], action["mode"]) == ("applied", "enforce")
        assert action["evidence"] == {"state": "READY"}

    def test_actions_are_read_page_by_page(self, ask: Ask, ledger: Database) -> None:
        numbers = [change(ledger, "forgotten", ago=each * MINUTE) for each in (5, 4, 3)]
        pages = []
        more: list[str] = []
        while True:
            page = self.read(ask("actions", "--limit", "2", "--json", *more))
            pages.append([each["action_id"] for each in page["actions"]])
            if page["next"] is None:
                break
            more = ["--before", str(page["next"])]

        assert pages == [numbers[:0:-1], numbers[:1]]
        assert "older ones: `firewarden actions --before" in ask("actions", "--limit", "2").stdout
        assert self.read(ask("actions", "--since", "3m", "--json"))["actions"] == []

    def test_incidents_have_their_stable_keys(self, ask: Ask, ledger: Database) -> None:
        wait_for_approval(ledger)

        rows = self.read(ask("incidents", "--json"))["incidents"]

        assert all(
            list(each) == ["deployment_id", "policy", "state", "opened_at", "acts_at", "held_by"]
            for each in rows
        )
        (night,) = [each for each in rows if each["policy"] == "night"]
        assert (night["deployment_id"], night["held_by"]) == ("forgotten", "approval")
        assert "at zero for 3d" in ask("incidents").stdout

    def test_alerts_have_their_stable_keys_and_the_worst_comes_first(self, ask: Ask) -> None:
        rows = self.read(ask("alerts", "--json"))["alerts"]

        assert [each["severity"] for each in rows] == ["page", "info"]
        assert [each["deployment_id"] for each in rows] == ["forgotten", None]
        assert list(rows[0]) == [
            "alert_id",
            "kind",
            "key",
            "severity",
            "deployment_id",
            "text",
            "first_at",
            "last_at",
            "delivered_at",
        ]
        assert "forgotten: idle 45m" in ask("alerts").stdout
        assert "acme: 2 alerts firing" in ask("alerts").stdout
