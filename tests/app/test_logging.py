import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from firewarden.app.logging import Format, configure_logging
from firewarden.app.redaction import REDACTED, Redactor
from firewarden.app.secrets import Secret
from tests.support.clock import NOW, FakeClock

CANARY = "fw_canary_3Zq9xK"
PASSWORD = "p@ss/canary:word"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Undo what configuring does to the process."""
    root = logging.getLogger()
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore", "asyncio", "firewarden")]
    levels = [(each, each.level) for each in (root, *loggers)]
    handlers, hook, thread_hook = list(root.handlers), sys.excepthook, threading.excepthook
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook = hook, thread_hook
    root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture(params=["json", "console"])
def out(request: pytest.FixtureRequest) -> io.StringIO:
    return configured(request.param)


def configured(format_: Format | None = "json", **options: Any) -> io.StringIO:
    stream = io.StringIO()
    redactor = Redactor()
    redactor.register(CANARY)
    redactor.register(f"postgresql+psycopg://warden:{PASSWORD}@db/x")
    configure_logging(
        clock=FakeClock(), redactor=redactor, format=format_, stream=stream, **options
    )
    return stream


def events(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_object_with_its_keys_level_and_the_time_of_the_clock() -> None:
    out = configured()

    structlog.get_logger().info("poll.finished", account="acme", duration_seconds=1.25)

    assert events(out) == [
        {
            "event": "poll.finished",
            "account": "acme",
            "duration_seconds": 1.25,
            "level": "info",
            "timestamp": NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
    ]


@pytest.mark.parametrize(
    ("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)]
)
def test_the_level_says_what_is_left_out(level: str, count: int) -> None:
    out = configured(level=level)
    log = structlog.get_logger()

    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("poll.finished")

    assert len(events(out)) == count


def test_configuring_again_replaces_what_was() -> None:
    first = configured()
    second = configured()

    structlog.get_logger().info("poll.finished")

    assert (first.getvalue(), len(events(second))) == ("", 1)


def test_without_a_terminal_the_lines_are_json_and_without_colour() -> None:
    out = configured(None)

    structlog.get_logger().info("poll.finished")

    assert "\x1b" not in out.getvalue()
    assert events(out)


def test_libraries_say_warnings_and_worse_only(out: io.StringIO) -> None:
    for name in ("httpx", "httpcore.connection", "apscheduler.scheduler", "uvicorn.error"):
        logging.getLogger(name).info("GET https://example.com/%s", CANARY)
        logging.getLogger(name).warning("warned by %s", name)

    assert out.getvalue().count("warned by") == 4
    assert "GET" not in out.getvalue()


def leak_by_event() -> None:
    structlog.get_logger().info(f"poll.{CANARY}", **{f"key_{CANARY}": CANARY})


def leak_by_key() -> None:
    structlog.get_logger().info(
        "poll.asked",
        api_key="another-one",
        Authorization="another-one",
        http_token="another-one",
        headers={"X-Api-Key": "another-one", "Cookie": ["another-one"]},
        directRouteApiKeys=["another-one"],
    )


def leak_in_containers() -> None:
    structlog.get_logger().info(
        "poll.asked",
        rows=[{"a": (CANARY, {CANARY})}],
        raw=f"\xff{CANARY}".encode("latin-1"),
        secret=SecretStr(CANARY),
        thing=Path(f"/run/{CANARY}"),
        by_key={CANARY: 1},
    )


def leak_in_an_address() -> None:
    structlog.get_logger().info(
        "db.opened",
        url=f"postgresql://warden:{PASSWORD}@db/x",
        other="postgresql://someone:another-one@db/x",
        proxy="http://u:another-one@proxy:80/",
    )


def leak_in_a_header() -> None:
    structlog.get_logger().info("http.asked", line="Authorization: Bearer another-one==")
    structlog.get_logger().info("http.asked", line="authorization: basic YW5vdGhlci1vbmU=")


def leak_by_traceback() -> None:
    api_key = CANARY
    try:
        int(f"bad key {api_key}")
    except ValueError:
        structlog.get_logger().exception("poll.failed")
        logging.getLogger("library").exception("it failed")


def leak_by_locals() -> None:
    held = "another-one"

    def fail(key: str) -> None:
        assert key
        raise ValueError("failed")

    try:
        fail(held)
    except ValueError:
        structlog.get_logger().exception("poll.failed", stack_info=True)


def leak_by_a_cause() -> None:
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise ValueError("it failed") from error
    except ValueError as error:
        structlog.get_logger().error("poll.failed", exc_info=error)


def leak_by_httpx() -> None:
    request = httpx.Request("GET", f"https://x/{CANARY}", headers={"Authorization": CANARY})
    try:
        httpx.Response(500, request=request).raise_for_status()
    except httpx.HTTPStatusError as error:
        structlog.get_logger().warning("poll.failed", error=str(error), headers=request.headers)
        logging.getLogger("httpx").warning("HTTP Request: %s %s", request.method, request.url)


def leak_by_pydantic() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")
        key: SecretStr = SecretStr("")

    try:
        Strict.model_validate({"key": [CANARY], "other": CANARY})
    except ValidationError as error:
        structlog.get_logger().warning("file.refused", error=str(error), all=error.errors())


def leak_by_sqlalchemy() -> None:
    engine = create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT :key FROM nowhere"), {"key": CANARY})
    except SQLAlchemyError as error:
        structlog.get_logger().warning("db.failed", error=str(error), exc_info=True)
    finally:
        engine.dispose()


def leak_by_the_standard_library() -> None:
    logger = logging.getLogger("library")
    logger.error("key %s", CANARY)
    logger.error("key %(api_key)s", {"api_key": CANARY})
    logger.error("asked", extra={"api_key": "another-one", "url": CANARY})


def leak_by_a_warning() -> None:
    warnings.warn(f"{CANARY} is deprecated", DeprecationWarning, stacklevel=1)


def leak_by_context() -> None:
    with structlog.contextvars.bound_contextvars(who=CANARY, api_key="another-one"):
        structlog.get_logger().info("poll.asked")


def leak_by_a_thread() -> None:
    def fail() -> None:
        raise ValueError(CANARY)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def leak_by_a_lost_task() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": CANARY, "exception": ValueError(CANARY)}
        )

    asyncio.run(main())


def leak_by_a_crash() -> None:
    try:
        int(CANARY)
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)


CHANNELS = [value for name, value in sorted(globals().items()) if name.startswith("leak_")]


@pytest.mark.parametrize("leak", CHANNELS)
@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_no_channel_carries_a_secret(leak: Any, out: io.StringIO) -> None:
    leak()

    said = out.getvalue()
    assert said, "the channel said something"
    assert "canary" not in re.sub(r'File "[^"]*"|leak_\w+', "", said)
    assert "another-one" not in said.replace('"another-one"', "")
    assert "YW5vdGhlci1vbmU" not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("sqlite:////var/lib/x.db", "sqlite:////var/lib/x.db", id="a file"),
        pytest.param(
            "postgresql+psycopg://warden@db:5432/ledger",
            "postgresql+psycopg://warden@db:5432/ledger",
            id="no password",
        ),
        pytest.param(
            "postgresql://warden:can%2Fary-1@db/ledger",
            "postgresql://warden:[redacted]@db/ledger",
            id="a password",
        ),
        pytest.param(
            "postgresql://db/ledger?user=warden&password=canary-1&sslmode=require",
            "postgresql://db/ledger?user=warden&password=[redacted]&sslmode=require",
            id="a password as an option",
        ),
    ],
)
def test_of_a_databases_address_only_the_password_is_a_secret(url: str, shown: str) -> None:
    redactor = Redactor()
    redactor.register(url)

    assert redactor.text(f"{url}: does not answer") == f"{shown}: does not answer"


def test_the_password_of_a_databases_address_is_a_secret_wherever_it_turns_up() -> None:
    redactor = Redactor()
    redactor.register("postgresql://warden:can%2Fary-1@db/ledger?password=another%20canary")

    said = redactor.text("can%2Fary-1, can/ary-1, another%20canary, another canary")

    assert said == ", ".join(["[redacted]"] * 4)


def test_what_is_not_secret_is_left_alone() -> None:
    out = configured()

    structlog.get_logger().info("page.read", page_token="tok", token_count=3, keys=2, secretary="x")

    (event,) = events(out)
    assert (event["page_token"], event["token_count"], event["keys"]) == ("tok", 3, 2)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("the key fw_0123456789abcdefABCD was refused", id="a key of the provider"),
        pytest.param("Authorization: Bearer abcdefgh1234", id="a bearer token"),
        pytest.param("postgresql://u:another@db/x", id="a password in an address"),
    ],
)
def test_what_looks_like_a_secret_is_redacted_though_nobody_registered_it(text: str) -> None:
    assert REDACTED in Redactor().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "basic understanding of bearer authentication",
        "accounts/acme/deployments/fw-7 at http://127.0.0.1:8642/metrics",
        "12:00:05: poll acme: 3 deployments, 64.00 USD/h",
        "fw_short",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_rotated_key_is_redacted_before_it_is_used_and_the_old_one_still(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("fw_first_canary")
    redactor = Redactor()
    secret = Secret.from_file(file, where="FIREWORKS_API_KEY_FILE")
    redactor.follow(secret)

    file.write_text("fw_second_canary")
    secret.reveal()

    assert redactor.text("fw_first_canary fw_second_canary") == f"{REDACTED} {REDACTED}"


def test_a_secret_inside_another_leaves_no_rest() -> None:
    redactor = Redactor()
    redactor.register("secret-key")
    redactor.register("secret-key-and-more")

    assert redactor.text("secret-key-and-more") == REDACTED


def test_hostile_names_cannot_move_the_cursor_or_fake_a_line(out: io.StringIO) -> None:
    structlog.get_logger().info("poll.finished", name="a\x1b[2J\r\n\u202eb\x9b1m")

    (line,) = out.getvalue().splitlines()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", line)


@given(
    key=st.text(max_size=20),
    value=st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
        ),
        max_leaves=10,
    ),
)
def test_whatever_is_around_it_a_registered_secret_is_never_in_what_comes_out(
    key: str, value: object
) -> None:
    redactor = Redactor()
    redactor.register(CANARY)

    cleaned = redactor.item(key, [value, f"{value}{CANARY}{value}", {f"{CANARY}{key}": CANARY}])

    assert CANARY not in repr(cleaned)


def test_a_crash_of_the_process_is_one_event_without_the_secret(tmp_path: Path) -> None:
    script = tmp_path / "crash.py"
    script.write_text(
        "import os\n"
        "from firewarden.app.logging import configure_logging\n"
        "from firewarden.app.redaction import Redactor\n"
        "from firewarden.clock.real import WallClock\n"
        "redactor = Redactor()\n"
        "redactor.register(os.environ['KEY'])\n"
        "configure_logging(clock=WallClock(), redactor=redactor)\n"
        "raise RuntimeError('refused ' + os.environ['KEY'])\n"
    )

    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env={"KEY": CANARY}, check=False
    )

    (event,) = [json.loads(line) for line in ended.stderr.splitlines()]
    assert (ended.returncode, ended.stdout, event["event"]) == (1, "", "process.crashed")
    assert "refused [redacted]" in event["exception"]
    assert CANARY not in ended.stderr
