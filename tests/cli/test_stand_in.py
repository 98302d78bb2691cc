"""Where no daemon runs, a command that a person types acts itself, once, and lets go."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firewarden.app.scaffold import scaffold
from firewarden.clock.real import WallClock
from firewarden.model.action import Bounds, Effect, Intent, Outcome
from firewarden.model.ids import AccountId, PolicyName
from firewarden.model.vocabulary import Mode, Verb
from firewarden.store import intents, leases
from firewarden.store.descriptions import read_descriptions
from firewarden.store.engine import Database
from tests.cli.processes import COMMAND, LONGEST_S, Simulator, bare_environment, simulating

ACME = AccountId("acme")
NAME = "llama-forgotten"


def command(*words: str, folder: Path, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=bare_environment(**given),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )


def ledger_in(folder: Path) -> Database:
    return Database.open(f"sqlite:///{folder / 'firewarden.db'}", upgrade=False)


def post(simulator: Simulator, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{simulator.url}/_world",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=LONGEST_S) as answer:
        assert answer.status == 200


def writes(simulator: Simulator) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{simulator.url}/_log", timeout=LONGEST_S) as answer:
        requests = json.load(answer)["requests"]
    return [each for each in requests if each["method"] != "GET"]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """An account of its own: it is changed."""
    with simulating(tmp_path_factory.mktemp("simulator"), "--speed", "60") as served:
        yield served


@pytest.fixture
def parked_by_us(simulator: Simulator, tmp_path: Path) -> Path:
    """A folder with a ledger that knows a deployment at min 0 and that we have set it so."""
    scaffold(tmp_path)
    post(simulator, {"do": "patch", "deployment_id": NAME, "fields": {"minReplicaCount": 0}})
    once = command("run", "--once", folder=tmp_path, given=simulator.variables)
    assert once.returncode == 0, once.stderr
    now = WallClock().now() - timedelta(minutes=5)
    with closing(ledger_in(tmp_path)) as ledger, ledger.writing() as session:
        known = read_descriptions(session, ACME).deployments.values()
        (one,) = (each for each in known if each.deployment_id == NAME)
        stopped = Intent(
            account=ACME,
            uid=one.uid,
            verb=Verb.SCALE_TO_ZERO,
            policy=PolicyName("idle-to-zero"),
            policy_hash="",
            mode=Mode.ENFORCE,
            actor="policy",
            reason="idle 52m",
            effect=Effect(min_replica_count=0),
            before=Bounds(
                min_replica_count=1,
                max_replica_count=one.max_replica_count,
                desired_replica_count=1,
            ),
            planned_at=now,
            epoch=1,
        )
        number = intents.claim(session, stopped)
        assert number is not None
        intents.finish(session, number, Outcome.APPLIED, detail="", at=now)
    return tmp_path


def test_a_command_puts_back_what_it_is_asked_to_and_nothing_else(
    simulator: Simulator, parked_by_us: Path
) -> None:
    before = len(writes(simulator))
    given = simulator.variables | {"FIREWARDEN_MODE": "enforce"}

    done = command("restore", NAME, folder=parked_by_us, given=given)

    assert done.returncode == 0, done.stderr
    assert f"{NAME}: restore done" in done.stdout
    assert "no firewarden looks after acme: this command does it" in done.stderr
    (write,) = writes(simulator)[before:]
    assert (write["method"], write["query"]) == ("PATCH", "updateMask=min_replica_count")
    assert json.loads(write["body"])["minReplicaCount"] == 1
    with closing(ledger_in(parked_by_us)) as ledger, ledger.reading() as session:
        assert leases.read_lease(session, ACME, now=WallClock().now()) is None, "it let go"


def test_in_observe_a_command_changes_nothing(simulator: Simulator, parked_by_us: Path) -> None:
    before = len(writes(simulator))

    done = command("restore", NAME, folder=parked_by_us, given=simulator.variables)

    assert done.returncode == 1
    assert "FIREWARDEN_MODE is observe" in done.stdout
    assert len(writes(simulator)) == before
