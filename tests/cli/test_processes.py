"""Whole processes: `run` beside the read commands, `demo`, `simulate`, and how they end."""

import json
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from firewarden.app.scaffold import scaffold
from firewarden.clock.real import WallClock
from tests.cli.processes import (
    COMMAND,
    LONGEST_S,
    Simulator,
    bare_environment,
    running,
    stop,
)

CLOCK = WallClock()


def command(
    *arguments: str, folder: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=bare_environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )


def line_with(process: subprocess.Popen[str], words: str, *, stream: str = "stdout") -> str:
    """Read lines until one holds *words*; the timeout of the whole test ends a wait in vain."""
    pipe = getattr(process, stream)
    seen = []
    for line in pipe:
        seen.append(line)
        if words in line:
            return str(line)
    raise AssertionError(f"never said {words!r}: {seen}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    scaffold(tmp_path)
    return tmp_path


def test_a_daemon_is_watched_by_the_read_commands_and_stops_cleanly(
    simulator: Simulator, policies: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    given = simulator.variables | {
        "FIREWARDEN_LISTEN": address,
        "FIREWARDEN_LOG_LEVEL": "debug",
    }
    with running("run", folder=policies, environment=bare_environment(**given)) as daemon:
        line_with(daemon, "poll.finished", stream="stderr")
        status = command("status", "--json", folder=policies, variables=given)
        plan = command("plan", folder=policies, variables=given)
        well = command("healthcheck", folder=policies, variables=given)
        doctor = command("doctor", "--json", folder=policies, variables=given)
        with urllib.request.urlopen(f"http://{address}/metrics") as answer:
            metrics = answer.read().decode()
        ready, _ = get(f"http://{address}/readyz")
        code, stdout, _ = stop(daemon)

    assert len(json.loads(status.stdout)["deployments"]) == 24, status.stderr
    assert plan.returncode == 0
    assert ready == 200
    assert 'firewarden_lease_held{account="acme"} 1.0' in metrics
    assert (well.returncode, well.stderr) == (0, "")
    checks = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert checks["database"]["ok"]
    assert not checks["listen"]["ok"]
    assert (code, stdout) == (0, "")
    gone = command("healthcheck", folder=policies, variables=given)
    assert gone.returncode == 1
    assert "does not answer" in gone.stderr


def test_one_cycle_meters_and_ends(simulator: Simulator, policies: Path) -> None:
    done = command("run", "--once", folder=policies, variables=simulator.variables)
    report = command("report", "--json", folder=policies, variables=simulator.variables)
    explained = command(
        "explain", "llama-forgotten", folder=policies, variables=simulator.variables
    )

    assert done.returncode == 0, done.stderr
    assert "acme: 24 deployments" in done.stdout
    assert "stay unknown" in done.stdout
    assert json.loads(report.stdout)["total"]["state"] in {"estimated", "backfilled"}
    assert "too_few_cycles" in explained.stdout or "unknown" in explained.stdout


def test_a_folder_without_a_policy_is_said_and_metered(
    simulator: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "policies").mkdir()

    done = command("run", "--once", folder=tmp_path, variables=simulator.variables)

    assert done.returncode == 0
    assert done.stderr.startswith("warning: policies: no policy is in it")


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        pytest.param({"FIREWORKS_API_KEY": "fw_wrong_key"}, 2, "401", id="wrong key"),
        pytest.param({"FIREWORKS_API_KEY": ""}, 2, "there is no key", id="no key"),
        pytest.param(
            {"FIREWORKS_API_KEY": "fw_simulated_many"}, 2, "acme, globex", id="several accounts"
        ),
        pytest.param({"FIREWORKS_ACCOUNT_ID": "acne"}, 2, "acne", id="unknown account"),
        pytest.param({"FIREWARDEN_POLICIES": "bad.yaml"}, 2, "bad.yaml:2:1", id="policy"),
        pytest.param({"FIREWARDEN_POLICIES": "none"}, 1, "none", id="no policies"),
        pytest.param({"FIREWARDEN_POLL_EVERY": "0s"}, 2, "FIREWARDEN_POLL_EVERY", id="setting"),
        pytest.param(
            {"FIREWARDEN_DATABASE_URL": "sqlite:///bad.yaml/ledger.db"}, 1, "cannot be written",
            id="unwritable folder",
        ),
        pytest.param({"FIREWARDEN_LISTEN": "0.0.0.0:0"}, 2, "needs a token", id="open address"),
    ],
)  # fmt: skip
def test_a_daemon_that_cannot_start_says_why_in_one_line(
    simulator: Simulator, policies: Path, variables: dict[str, str], code: int, words: str
) -> None:
    (policies / "bad.yaml").write_text("version: 1\npolicy: {}\n")
    given = simulator.variables | {"FIREWARDEN_LISTEN": "127.0.0.1:0"} | variables

    done = command("run", folder=policies, variables=given)

    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == code, done.stderr
    assert len(errors) == 1
    assert words in errors[0]
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr
    assert "fw_" not in done.stderr


def test_a_busy_port_is_one_line(simulator: Simulator, policies: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "{}:{}".format(*taken.getsockname())
        variables = simulator.variables | {"FIREWARDEN_LISTEN": address}
        done = command("run", folder=policies, variables=variables)
        served = command("simulate", "--port", address.split(":")[1], folder=policies, variables={})

    for each in (done, served):
        assert each.returncode == 1
        assert each.stderr.startswith("error: ")
        assert each.stderr.count("\n") == 1
        assert address in each.stderr
    assert not (policies / "firewarden.db").exists()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A provider that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(LONGEST_S)
        yield listener


@pytest.mark.parametrize(
    ("arguments", "account", "number"),
    [
        pytest.param(["run", "--once"], "", signal.SIGTERM, id="once, SIGTERM"),
        pytest.param(["run", "--once"], "acme", signal.SIGINT, id="once, account known, Ctrl-C"),
        pytest.param(["run"], "", signal.SIGINT, id="Ctrl-C"),
        pytest.param(["run"], "acme", signal.SIGTERM, id="account known, SIGTERM"),
    ],
)
def test_a_silent_provider_keeps_nobody_from_stopping(
    silent: socket.socket,
    policies: Path,
    watch: Callable[[], float],
    arguments: list[str],
    account: str,
    number: int,
) -> None:
    environment = bare_environment(
        FIREWORKS_API_KEY="fw_simulated",
        FIREWORKS_BASE_URL="http://{}:{}".format(*silent.getsockname()),
        FIREWORKS_ACCOUNT_ID=account,
        FIREWARDEN_LISTEN=f"127.0.0.1:{free_port()}",
    )
    with running(*arguments, folder=policies, environment=environment) as daemon:
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            asked = watch()
            code, stdout, stderr = stop(daemon, number)
            took = watch() - asked

    assert (code, stdout) == (0, ""), stderr
    assert took < 10
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("variables", "parts", "reasons"),
    [
        pytest.param(
            {"FIREWARDEN_DATABASE_URL": "postgresql://nobody:hush@127.0.0.1:9/none"},
            {"database": False, "polls": False},
            {"database": "unavailable", "polls": "starting"},
            id="database",
        ),
        pytest.param(
            {"FIREWORKS_BASE_URL": "http://127.0.0.1:9"},
            {"database": True, "polls": False},
            {"polls": "unavailable"},
            id="provider",
        ),
    ],
)
def test_a_daemon_that_waits_for_the_world_is_alive_and_says_what_for(
    policies: Path,
    variables: dict[str, str],
    parts: dict[str, bool],
    reasons: dict[str, str],
) -> None:
    address = f"127.0.0.1:{free_port()}"
    given = {
        "FIREWORKS_API_KEY": "fw_simulated",
        "FIREWARDEN_LISTEN": address,
        "FIREWARDEN_LOG_FORMAT": "json",
    } | variables
    with running("run", folder=policies, environment=bare_environment(**given)) as daemon:
        delayed = json.loads(line_with(daemon, "start.delayed", stream="stderr"))
        told = json.loads(line_with(daemon, "notice.raised", stream="stderr"))
        alive, _ = get(f"http://{address}/healthz")
        status, ready = get(f"http://{address}/readyz")
        code, stdout, stderr = stop(daemon)

    assert (alive, status) == (200, 503)
    assert ready == {"ready": False, "parts": parts, "reasons": reasons}
    assert "not looked after yet" in told["text"]
    assert delayed["error"] in told["text"]
    assert "unknown until" not in told["text"]
    assert (code, stdout) == (0, "")
    assert "hush" not in f"{delayed}{told}{stderr}"


def get(url: str) -> tuple[int, Any]:
    """Ask for a page of JSON."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_simulator_ends_cleanly(tmp_path: Path, number: int) -> None:
    environment = bare_environment()
    with running("simulate", "--port", "0", folder=tmp_path, environment=environment) as served:
        line_with(served, "truth: ")
        code, _, stderr = stop(served, number)

    assert (code, stderr) == (0, "")


def test_a_demo_tells_its_story_and_sums_up(tmp_path: Path, watch: Callable[[], float]) -> None:
    environment = bare_environment(
        FIREWORKS_API_KEY="fw_real_key", FIREWARDEN_DATABASE_URL="sqlite:///mine.db"
    )
    with running("demo", folder=tmp_path, environment=environment) as demo:
        assert demo.stdout is not None
        assert demo.stdout.readline() == "simulated account: nothing real is touched\n"
        address = re.search(r"http://[\d.:]+", line_with(demo, "health and metrics"))
        assert address is not None
        with urllib.request.urlopen(f"{address[0]}/healthz") as answer:
            assert answer.status == 200
        assert " ▲ " in line_with(demo, "people are warned of forgotten")
        assert "USD spent idle so far; saves " in line_with(demo, " ■ forgotten is stopped: ")
        line_with(demo, " ✓ poc-march is not deleted, it was called after the warning")
        asked = watch()
        code, rest, stderr = stop(demo, signal.SIGINT)
        took = watch() - asked

    assert (code, stderr) == (0, "")
    assert took < 10
    assert re.search(r"metered +[\d,.]+ GPU-h \(low [\d,.]+ \.\. high [\d,.]+\)", rest)
    assert re.search(r"truth +[\d,.]+ GPU-h by the simulator: inside", rest)
    assert re.search(r"acted +1 stop; ", rest)
    assert re.search(r"saved +[\d,.]+ GPU-h not held since", rest)
    assert rest.rstrip().endswith("at list price, in this simulation")
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_nobody_reads_any_more_ends_quietly(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "demo"],
        cwd=tmp_path,
        env=bare_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        line_with(demo, "health and metrics")
        demo.stdout.close()
        code = demo.wait(timeout=LONGEST_S)
        stderr = demo.stderr.read()

    assert code == 0, stderr
    assert "Traceback" not in stderr


@pytest.fixture
def watch() -> Callable[[], float]:
    """The machine's own seconds."""
    return CLOCK.mono


@pytest.mark.parametrize("after", [0.0, 0.4, 0.8, 1.2])
def test_a_demo_can_be_stopped_before_it_has_begun(tmp_path: Path, after: float) -> None:
    with running("demo", folder=tmp_path, environment=bare_environment()) as demo:
        assert demo.stdout is not None
        demo.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            demo.wait(timeout=after)
        code, _, stderr = stop(demo, signal.SIGINT)

    assert code == 0, stderr
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
