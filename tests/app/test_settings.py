import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.app.fields import Address
from firewarden.app.settings import FIELDS, VARIABLES, Loaded, Settings, load_settings
from firewarden.errors import SettingsError
from firewarden.model.price import Price, PriceSource
from firewarden.model.vocabulary import Mode

CANARY = "fw_canary_3Zq9xK"
LOCAL = {"FIREWORKS_BASE_URL": "http://127.0.0.1:9000"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(toml: str = "", dotenv: str = "", **environ: str) -> Loaded:
    Path("firewarden.toml").write_text(toml, encoding="utf-8")
    Path(".env").write_text(dotenv, encoding="utf-8")
    return load_settings(None, environ)


def refusal(toml: str = "", dotenv: str = "", **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(toml, dotenv, **environ)
    return str(caught.value)


def test_without_anything_the_defaults_hold() -> None:
    loaded = load_settings(None, {}, dotenv=None)

    assert loaded.settings.mode is Mode.OBSERVE
    assert loaded.settings.base_url == "https://api.fireworks.ai"
    assert loaded.settings.database_url.reveal() == "sqlite:///firewarden.db"
    assert loaded.settings.policies == Path("policies")
    assert loaded.settings.poll_every == loaded.settings.metrics_every == timedelta(seconds=30)
    assert str(loaded.settings.listen) == "127.0.0.1:8642"
    assert loaded.settings.metrics.absent_series == "unknown"
    assert set(loaded.sources.values()) == {"default"}
    assert (loaded.warnings, loaded.secrets) == ((), ())


@pytest.mark.parametrize(
    ("environ", "dotenv", "toml", "value", "source"),
    [
        pytest.param("1m", "2m", "3m", "1m", "FIREWARDEN_POLL_EVERY", id="environment first"),
        pytest.param("", "2m", "3m", "2m", "FIREWARDEN_POLL_EVERY in .env", id="then .env"),
        pytest.param("", "", "3m", "3m", "firewarden.toml:1", id="then the file"),
        pytest.param("", "", "", "30s", "default", id="then the default"),
        pytest.param("1m", "", "", "1m", "FIREWARDEN_POLL_EVERY", id="environment alone"),
        pytest.param("1m", "", "3m", "1m", "FIREWARDEN_POLL_EVERY", id="environment over file"),
    ],
)
def test_the_nearest_source_wins_and_is_named(
    environ: str, dotenv: str, toml: str, value: str, source: str
) -> None:
    loaded = load(
        f'poll_every = "{toml}"\n' if toml else "",
        f"FIREWARDEN_POLL_EVERY={dotenv}\n" if dotenv else "",
        FIREWARDEN_POLL_EVERY=environ,
    )

    assert (loaded.shown()["poll_every"], loaded.sources["poll_every"]) == (value, source)


def test_each_setting_can_be_given_by_its_variable() -> None:
    given = {
        "FIREWORKS_API_KEY": (CANARY, "**********"),
        "FIREWORKS_WRITE_API_KEY": (CANARY, "**********"),
        "FIREWORKS_ACCOUNT_ID": ("acme", "acme"),
        "FIREWORKS_BASE_URL": ("http://127.0.0.1:9/", "http://127.0.0.1:9"),
        "FIREWARDEN_MODE": ("disabled", "disabled"),
        "FIREWARDEN_DATABASE_URL": ("sqlite:////a b/c.db", "sqlite:////a b/c.db"),
        "FIREWARDEN_POLICIES": ("/etc/firewarden", "/etc/firewarden"),
        "FIREWARDEN_POLL_EVERY": ("10s", "10s"),
        "FIREWARDEN_METRICS_EVERY": ("1h", "1h"),
        "FIREWARDEN_LISTEN": ("[::1]:0", "[::1]:0"),
        "FIREWARDEN_HTTP_TOKEN": (CANARY, "**********"),
        "FIREWARDEN_ALLOWED_HOSTS": (
            "a.example.com, B.example.com",
            "a.example.com; b.example.com",
        ),
        "SLACK_BOT_TOKEN": (CANARY, "**********"),
        "FIREWARDEN_SLACK_BASE_URL": ("http://127.0.0.1:9/api/", "http://127.0.0.1:9/api"),
        "FIREWARDEN_LOG_FORMAT": ("json", "json"),
        "FIREWARDEN_LOG_LEVEL": ("debug", "debug"),
        "FIREWARDEN_TIME_SPEED": ("0.5", "0.5"),
        "FIREWARDEN_TIME_ORIGIN": ("2026-11-22T10:00:00+01:00", "2026-11-22 09:00:00+00:00"),
    }
    assert set(given) == set(FIELDS)

    shown = load(**{variable: value for variable, (value, _) in given.items()}).shown()

    assert {FIELDS[variable]: text for variable, (_, text) in given.items()} == {
        name: shown[name] for name in FIELDS.values()
    }


def test_the_file_gives_everything_but_secrets_in_the_clear(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY + "\n")
    loaded = load(
        """
api_key = "env:SOME_KEY"
http_token = "file:token"
database_url = "sqlite:///other.db"
mode = "disabled"
allowed_hosts = ["warden.example.com"]
timezone = "Europe/Berlin"
listen = "0.0.0.0:80"

[prices]
NVIDIA_H100_80GB = 6.5
NVIDIA_B200_180GB = [
  { usd_per_gpu_hour = "11.25", valid_to = 2026-10-01 },
  { usd_per_gpu_hour = "12.000001", valid_from = 2026-10-01, placement = "region:US" },
]

[metrics]
absent_series = "quiet"

[[accounts]]
id = "acme"
api_key = "env:ACME_KEY"

[[accounts]]
id = "umbrella"
policies = "umbrella"
timezone = "Asia/Kolkata"
""",
        SOME_KEY="fw_general",
        ACME_KEY="fw_acme",
    )
    settings = loaded.settings

    assert settings.http_token is not None
    assert settings.http_token.reveal() == CANARY
    assert settings.allowed_hosts == ("warden.example.com",)
    assert settings.metrics.absent_series == "quiet"
    assert [
        (each.account_id, each.api_key.reveal(), str(each.policies), each.timezone)
        for each in settings.watched
    ] == [
        ("acme", "fw_acme", "policies", "Europe/Berlin"),
        ("umbrella", "fw_general", "umbrella", "Asia/Kolkata"),
    ]
    october = datetime(2026, 10, 1, tzinfo=UTC)
    assert settings.prices == (
        a_price("NVIDIA_H100_80GB", 6_500_000),
        a_price("NVIDIA_B200_180GB", 11_250_000, valid_to=october),
        a_price("NVIDIA_B200_180GB", 12_000_001, valid_from=october, placement="region:US"),
    )
    assert loaded.sources["metrics"] == "firewarden.toml:17"
    assert {secret.reveal() for secret in loaded.secrets} == {
        "fw_general",
        CANARY,
        "fw_acme",
        "sqlite:///other.db",
    }


@pytest.mark.parametrize(
    ("toml", "environ", "keys"),
    [
        pytest.param("", {"FIREWORKS_API_KEY": "fw_one"}, ("fw_one", "fw_one"), id="one for both"),
        pytest.param(
            "",
            {"FIREWORKS_API_KEY": "fw_one", "FIREWORKS_WRITE_API_KEY": "fw_two"},
            ("fw_one", "fw_two"),
            id="two",
        ),
        pytest.param(
            "",
            {"FIREWORKS_API_KEY": "fw_one", "FIREWORKS_WRITE_API_KEY_FILE": "written"},
            ("fw_one", CANARY),
            id="the second in a file",
        ),
        pytest.param(
            '[[accounts]]\nid = "acme"\napi_key = "env:ACME"',
            {"ACME": "fw_acme", "FIREWORKS_WRITE_API_KEY": "fw_two"},
            ("fw_acme", "fw_two"),
            id="an account takes the second from around it",
        ),
        pytest.param(
            '[[accounts]]\nid = "acme"\nwrite_api_key = "file:written"',
            {"FIREWORKS_API_KEY": "fw_one", "FIREWORKS_WRITE_API_KEY": "fw_two"},
            ("fw_one", CANARY),
            id="an account with one of its own",
        ),
        pytest.param(
            '[[accounts]]\nid = "acme"\napi_key = "env:ACME"',
            {"ACME": "fw_acme", "FIREWORKS_API_KEY": "fw_one"},
            ("fw_acme", "fw_acme"),
            id="an account whose own key does both",
        ),
    ],
)
def test_changes_are_made_with_the_key_for_changes(
    tmp_path: Path, toml: str, environ: dict[str, str], keys: tuple[str, str]
) -> None:
    (tmp_path / "written").write_text(CANARY + "\n")
    loaded = load(toml, **environ)

    (watched,) = loaded.settings.watched

    assert (watched.api_key.reveal(), watched.write_api_key.reveal()) == keys
    assert set(keys) <= {secret.reveal() for secret in loaded.secrets}, "redaction knows both"
    assert CANARY not in f"{loaded!r}{loaded.shown()}"


def a_price(accelerator: str, micro: int, **more: object) -> Price:
    return Price(
        accelerator_type=accelerator,
        micro_usd_per_gpu_hour=micro,
        source=PriceSource.CONFIGURED,
        **more,  # type: ignore[arg-type]  # a builder: each keyword is one of Price's
    )


def test_a_price_keeps_every_decimal_that_the_file_has() -> None:
    (price,) = load("[prices]\nX = 0.1\n").settings.prices

    assert price.usd_per_gpu_hour == Decimal("0.1")


@pytest.mark.parametrize(
    ("toml", "environ", "said"),
    [
        pytest.param(
            'poll_evry = "30s"',
            {},
            "firewarden.toml:1: poll_evry is no setting; did you mean poll_every?",
            id="a typo in the file",
        ),
        pytest.param(
            "\n[metrics]\nabsent = 1",
            {},
            "firewarden.toml:3: metrics.absent is no setting; did you mean absent_series?",
            id="a typo in a table",
        ),
        pytest.param(
            '[[accounts]]\nid = "a"\n\n[[accounts]]\nid = "b"\napi_kei = "env:X"',
            {},
            "firewarden.toml:6: accounts.api_kei is no setting; did you mean api_key?",
            id="a typo in the second of several tables",
        ),
        pytest.param(
            "zzz = 1", {}, "firewarden.toml:1: zzz is no setting; want one of api_key, ", id="noise"
        ),
        pytest.param("a = 1\nb = ", {}, "firewarden.toml:2: is not TOML: ", id="no TOML"),
        pytest.param(
            "mode = 'observe'\nmode = 'warn'", {}, "firewarden.toml:2: is not TOML: ", id="twice"
        ),
        pytest.param(
            "[[accounts]]\ntimezone = 'UTC'",
            {},
            "firewarden.toml:1: accounts.id is missing; add it",
            id="an account without its id",
        ),
        pytest.param(
            "[[accounts]]\nid = 'a'\n[[accounts]]\nid = 'a'",
            {},
            "firewarden.toml:1: account a is given twice; leave one out",
            id="an account twice",
        ),
        pytest.param(
            "accounts = 1",
            {},
            "firewarden.toml:1: accounts cannot be used; want a list",
            id="a shape",
        ),
        pytest.param(
            "metrics = 1",
            {},
            "firewarden.toml:1: metrics cannot be used; want a table",
            id="a table",
        ),
        pytest.param(
            "[metrics]\nabsent_series = 'zero'",
            {},
            "firewarden.toml:2: metrics.absent_series cannot be used; want 'unknown' or 'quiet'",
            id="a word that is none of the choices",
        ),
        pytest.param(
            "[retention]\nevidence = '30d'",
            {},
            "firewarden.toml:2: retention.evidence cannot be used; want 40d or longer",
            id="evidence that a bill still needs",
        ),
        pytest.param(
            "timezone = 'Europe/Berln'",
            {},
            "firewarden.toml:1: timezone cannot be used: no such time zone, "
            "did you mean Europe/Berlin?",
            id="a time zone",
        ),
        pytest.param(
            "timezone = '../../etc/passwd'", {}, "no such time zone", id="a path as a zone"
        ),
        pytest.param(
            "[prices]\nNVIDIA_H100_80GB = 0",
            {},
            "prices cannot be used: NVIDIA_H100_80GB: want US dollars per GPU-hour above 0 with at "
            'most six decimals, like "7.25"',
            id="a price of nothing",
        ),
        pytest.param("[prices]\nX = 0.0000001", {}, "at most six decimals", id="too fine a price"),
        pytest.param("[prices]\nX = 'cheap'", {}, "want US dollars", id="a price in words"),
        pytest.param("[prices]\nX = nan", {}, "want US dollars", id="a price that is no number"),
        pytest.param("[prices]\nX = { usd = 1 }", {}, "X: unknown key usd, ", id="a price's key"),
        pytest.param(
            "[prices]\nX = { usd_per_gpu_hour = 1, valid_from = 2026-09-01T00:00:00 }",
            {},
            "want a date like 2026-09-01, or an instant with its zone",
            id="a local instant",
        ),
        pytest.param(
            "prices = 3", {}, "prices cannot be used; want a table", id="prices as a number"
        ),
        pytest.param(
            "",
            {"FIREWARDEN_POLL_EVERY": "soon"},
            "FIREWARDEN_POLL_EVERY: cannot be used: not a duration; write a whole number and",
            id="no duration",
        ),
        pytest.param("poll_every = 30", {}, "firewarden.toml:1: poll_every ", id="no unit"),
        pytest.param("", {"FIREWARDEN_POLL_EVERY": "0s"}, "FIREWARDEN_POLL_EVERY: ", id="no time"),
        pytest.param(
            "",
            {"FIREWARDEN_METRICS_EVERY": "29s"},
            "FIREWARDEN_METRICS_EVERY: cannot be used; want 30s or longer",
            id="more metrics calls than are allowed",
        ),
        pytest.param(
            "",
            {"FIREWARDEN_MODE": "enforced"},
            "FIREWARDEN_MODE: cannot be used; want disabled, observe, warn, approve or enforce",
            id="a mode",
        ),
        pytest.param(
            "",
            {"FIREWARDEN_LOG_LEVEL": "loud"},
            "FIREWARDEN_LOG_LEVEL: cannot be used; want 'debug', 'info', 'warning' or 'error'",
            id="a log level",
        ),
        pytest.param(
            "",
            {"FIREWORKS_ACCOUNT_ID": "accounts/acme"},
            "FIREWORKS_ACCOUNT_ID: cannot be used; want the account's id alone",
            id="a full account name",
        ),
        pytest.param(
            "",
            {"FIREWARDEN_LISTEN": "0.0.0.0:8642"},
            "FIREWARDEN_LISTEN: listening on 0.0.0.0:8642, which others can reach, needs a token; "
            "set FIREWARDEN_HTTP_TOKEN, or listen on 127.0.0.1",
            id="an open port without a token",
        ),
        pytest.param("", {"FIREWARDEN_LISTEN": "[::]:1"}, "needs a token", id="the same in IPv6"),
        pytest.param("", {"FIREWARDEN_LISTEN": "example.com:1"}, "needs a token", id="a name"),
        pytest.param("", {"FIREWARDEN_LISTEN": "8642"}, "want an address and a port", id="a port"),
        pytest.param(
            "", {"FIREWARDEN_LISTEN": "127.0.0.1:65536"}, "at most 65535", id="a high port"
        ),
        pytest.param(
            "", {"FIREWARDEN_LISTEN": "127.0.0.1:٣"}, "want an address", id="other digits"
        ),
        pytest.param(
            "",
            {"FIREWARDEN_ALLOWED_HOSTS": "a.com:80"},
            "want names of hosts",
            id="a host with a port",
        ),
        pytest.param(
            "",
            {"FIREWORKS_BASE_URL": "http://api.fireworks.ai"},
            "FIREWORKS_BASE_URL: cannot be used; want https: over http the key could be read",
            id="a key in the clear",
        ),
        pytest.param(
            "",
            {"FIREWARDEN_SLACK_BASE_URL": "http://slack.com/api"},
            "FIREWARDEN_SLACK_BASE_URL: cannot be used; want https: over http the token could",
            id="a token in the clear",
        ),
        pytest.param(
            "", {"FIREWORKS_BASE_URL": "api.fireworks.ai"}, "like https://", id="no scheme"
        ),
        pytest.param("", {"FIREWORKS_BASE_URL": "https://a:99999"}, "like https://", id="no port"),
        pytest.param("", {"FIREWORKS_BASE_URL": "https://u:p@a"}, "without a user", id="a login"),
        pytest.param(
            "",
            {"FIREWARDEN_DATABASE_URL": "mysql://a/b"},
            "FIREWARDEN_DATABASE_URL: cannot be used; want sqlite:///FILE or postgresql+psycopg://",
            id="another database",
        ),
        *(
            pytest.param(
                "", {"FIREWARDEN_DATABASE_URL": url}, "in memory it ends with each command", id=url
            )
            for url in ("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///?timeout=5")
        ),
        pytest.param(
            "",
            {"FIREWARDEN_TIME_SPEED": "600"},
            "FIREWARDEN_TIME_SPEED: compressed time is for a simulated account on this machine; "
            "leave it out, or point FIREWORKS_BASE_URL at 127.0.0.1, not https://api.fireworks.ai",
            id="compressed time on a real account",
        ),
        pytest.param(
            "",
            {"FIREWARDEN_TIME_ORIGIN": "2026-11-22T09:00:00Z"},
            "FIREWARDEN_TIME_ORIGIN: compressed time is for a simulated account",
            id="an origin on a real account",
        ),
        pytest.param(
            "",
            {
                **LOCAL,
                "FIREWARDEN_TIME_SPEED": "600",
                "FIREWARDEN_TIME_ORIGIN": "1970-01-01T00:00:00Z",
            },
            "FIREWARDEN_TIME_SPEED: this speed since that origin leads out of the calendar",
            id="a time that no calendar has",
        ),
        pytest.param(
            "", {**LOCAL, "FIREWARDEN_TIME_SPEED": "0"}, "want a number above 0", id="no speed"
        ),
        pytest.param(
            "", {**LOCAL, "FIREWARDEN_TIME_SPEED": "nan"}, "want a number above 0", id="NaN"
        ),
        pytest.param("", {**LOCAL, "FIREWARDEN_TIME_SPEED": "fast"}, "want a number", id="a word"),
        pytest.param(
            "",
            {**LOCAL, "FIREWARDEN_TIME_ORIGIN": "2026-11-22T09:00:00"},
            "with its zone",
            id="no zone",
        ),
        pytest.param(
            'api_key = "env:NOT_SET"',
            {},
            "firewarden.toml:1: the variable NOT_SET is not set; set it",
            id="a key that is not there",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_with_the_place_and_the_mend(
    toml: str, environ: dict[str, str], said: str
) -> None:
    line = refusal(toml, **environ)

    assert said in line
    assert "\n" not in line
    assert "pydantic" not in line


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        pytest.param(f'api_key = "{CANARY}"', {}, id="a key in the file"),
        pytest.param(f'http_token = "{CANARY}"', {}, id="a token in the file"),
        pytest.param(f'[[accounts]]\nid = "a"\napi_key = "{CANARY}"', {}, id="an account's key"),
        pytest.param(f'write_api_key = "{CANARY}"', {}, id="a key for changes in the file"),
        pytest.param(
            f'[[accounts]]\nid = "a"\nwrite_api_key = "{CANARY}"', {}, id="an account's, likewise"
        ),
        pytest.param(f'api_key = ["{CANARY}"]', {}, id="a key in a list"),
        pytest.param("", {"FIREWORKS_API_KEY": f"{CANARY} "}, id="a key with a space"),
        pytest.param("", {"FIREWORKS_API_KEY": f"{CANARY}\n"}, id="a key with a line break"),
        pytest.param("", {"FIREWARDEN_HTTP_TOKEN": f"{CANARY}ß"}, id="a token that is no ASCII"),
        pytest.param("", {"FIREWARDEN_DATABASE_URL": f"mysql://u:{CANARY}@h/d"}, id="a database"),
        pytest.param("", {"FIREWORKS_BASE_URL": f"https://u:{CANARY}@h"}, id="a login"),
        pytest.param(
            "mode = 1", {"FIREWORKS_API_KEY": CANARY, "FIREWARDEN_HTTP_TOKEN": CANARY}, id="another"
        ),
    ],
)
def test_no_refusal_shows_a_secret(toml: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(toml, **environ)

    chain: BaseException | None = caught.value
    while chain is not None:
        assert CANARY not in f"{chain!s} {chain!r} {chain.args}"
        chain = chain.__cause__


def test_no_repr_shows_a_secret() -> None:
    loaded = load(
        '[[accounts]]\nid = "a"\napi_key = "env:FIREWORKS_API_KEY"',
        FIREWORKS_API_KEY=CANARY,
        FIREWARDEN_HTTP_TOKEN=CANARY,
        FIREWARDEN_DATABASE_URL=f"postgresql://u:{CANARY}@h/d?password={CANARY}",
    )

    everything = (
        f"{loaded!r} {loaded.settings!s} {loaded.shown()} {loaded.sources} {loaded.secrets}"
        f" {loaded.settings.model_dump()} {loaded.settings.watched} {vars(loaded.settings)}"
    )
    assert CANARY not in everything
    assert "u:**********@h/d" in loaded.shown()["database_url"]


def test_a_secret_may_stand_in_a_file_that_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("fw_first\n")
    loaded = load(FIREWORKS_API_KEY_FILE=str(file))
    (key,) = loaded.secrets
    heard: list[str] = []
    key.listen(heard.append)
    assert key.reveal() == "fw_first"
    assert loaded.sources["api_key"] == "FIREWORKS_API_KEY_FILE"

    file.write_text("fw_second\n")
    assert key.reveal() == "fw_second"

    for unusable in ("", "two words"):
        file.write_text(unusable)
        assert key.reveal() == "fw_second", "the last good value stays"
    file.unlink()
    assert key.reveal() == "fw_second"

    file.write_text("fw_third")
    assert key.reveal() == "fw_third"
    assert heard == ["fw_first", "fw_second", "fw_third"]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        pytest.param(None, 0, "cannot read key (No such file or directory)", id="no such file"),
        pytest.param("", 0o600, "key is empty", id="empty"),
        pytest.param("x" * 9000, 0o600, "key is longer than 8 KiB", id="too long"),
        pytest.param("two\nlines", 0o600, "holds spaces, line breaks", id="two lines"),
        pytest.param("fw_key", 0o606, "everybody may write to key; run chmod o-w key", id="open"),
    ],
)
def test_a_file_that_can_be_no_secret_is_refused(content: str | None, mode: int, said: str) -> None:
    if content is not None:
        Path("key").write_text(content)
        Path("key").chmod(mode)

    line = refusal(FIREWORKS_API_KEY_FILE="key")

    assert said in line
    assert line.startswith("FIREWORKS_API_KEY_FILE")


def test_a_secret_given_twice_is_refused() -> None:
    assert refusal(FIREWORKS_API_KEY="a", FIREWORKS_API_KEY_FILE="b") == (
        "FIREWORKS_API_KEY: FIREWORKS_API_KEY and FIREWORKS_API_KEY_FILE are both given; "
        "leave one of them out"
    )


def test_a_variable_that_nothing_reads_is_a_warning() -> None:
    loaded = load(
        dotenv="FIREWARDEN_TIMEZONE=UTC\nOTHER=1\n",
        FIREWARDEN_POL_EVERY="1m",
        FIREWARDEN_PAGER_URL="x",
        FIREWORKS_WRITE_API_KEY=CANARY,
        SLACK_BOT_TOKEN=CANARY,
    )

    assert (
        loaded.warnings
        == (
            "FIREWARDEN_PAGER_URL: no such setting; it has no effect",
            "FIREWARDEN_POL_EVERY: no such setting; did you mean FIREWARDEN_POLL_EVERY?",
            "FIREWARDEN_TIMEZONE in .env: no such setting; did you mean FIREWARDEN_TIME_SPEED?",
        )
        or "FIREWARDEN_TIMEZONE in .env: no such setting; " in loaded.warnings[2]
    )
    assert CANARY not in repr(loaded)


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        pytest.param(
            {**LOCAL, "FIREWARDEN_TIME_SPEED": "600"},
            "FIREWARDEN_TIME_SPEED: without FIREWARDEN_TIME_ORIGIN",
            id="no origin",
        ),
    ],
)
def test_what_is_perhaps_not_meant_is_a_warning(environ: dict[str, str], warning: str) -> None:
    (said,) = load(**environ).warnings

    assert said.startswith(warning)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    written = f"[{host}]:1" if ":" in host else f"{host}:1"

    listen = load(FIREWARDEN_LISTEN=written).settings.listen

    assert (listen, listen.is_loopback) == (Address(host=host, port=1), True)


def test_an_open_port_with_a_token_is_allowed() -> None:
    loaded = load(FIREWARDEN_LISTEN="0.0.0.0:8642", FIREWARDEN_HTTP_TOKEN=CANARY)

    assert not loaded.settings.listen.is_loopback


def test_without_any_key_only_watching_is_refused() -> None:
    settings = load().settings

    with pytest.raises(SettingsError, match="FIREWORKS_API_KEY: there is no key; set it"):
        _ = settings.watched


def test_one_key_watches_the_account_that_it_sees_or_the_one_that_is_named() -> None:
    (unnamed,) = load(FIREWORKS_API_KEY=CANARY).settings.watched
    (named,) = load(FIREWORKS_API_KEY=CANARY, FIREWORKS_ACCOUNT_ID="acme").settings.watched

    assert (unnamed.account_id, named.account_id) == (None, "acme")


def test_a_file_that_was_asked_for_must_be_there() -> None:
    with pytest.raises(SettingsError, match=r"^other\.toml: there is no such file"):
        load_settings(Path("other.toml"), {})


def test_a_file_that_cannot_be_read_is_one_line() -> None:
    Path("firewarden.toml").mkdir()

    with pytest.raises(SettingsError, match=r"^firewarden\.toml: cannot be read \("):
        load_settings(None, {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"mode = 'a'\n\xff", "firewarden.toml:2: is not UTF-8", id="not UTF-8"),
        pytest.param(b"#" * 300_000, "firewarden.toml: is larger than 256 KiB", id="too large"),
    ],
)
def test_a_file_that_is_no_text_is_one_line(content: bytes, said: str) -> None:
    Path("firewarden.toml").write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        load_settings(None, {})

    assert str(caught.value).startswith(said)


def test_dotenv_leaves_dollars_alone() -> None:
    loaded = load(dotenv="FIREWORKS_API_KEY=fw_${HOME}_$x\n")

    (key,) = loaded.secrets
    assert key.reveal() == "fw_${HOME}_$x"


@given(st.text(max_size=200))
def test_any_text_as_a_file_is_settings_or_one_line(text: str) -> None:
    try:
        load_settings_from(text)
    except SettingsError as error:
        assert "\n" not in str(error).replace(text, "")  # noqa: PT017 - either outcome is right


def load_settings_from(text: str) -> None:
    Path("firewarden.toml").write_text(text, encoding="utf-8", errors="surrogateescape")
    load_settings(None, {}, dotenv=None)


@given(
    variable=st.sampled_from(sorted(VARIABLES)),
    value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
)
def test_any_text_in_a_variable_is_settings_or_one_line(variable: str, value: str) -> None:
    try:
        load_settings(Path(os.devnull), {variable: value}, dotenv=None)
    except SettingsError as error:
        assert str(error).startswith(variable.removesuffix("_FILE"))  # noqa: PT017 - either outcome is right


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().settings.mode = Mode.ENFORCE


def test_the_command_line_does_not_import_settings_to_print_its_help() -> None:
    script = "import sys, firewarden.cli.main; print('pydantic_settings' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert answer.stdout.strip() == "False"


def test_every_variable_belongs_to_a_setting() -> None:
    assert set(FIELDS.values()) <= set(Settings.model_fields)
    assert json.dumps(sorted(VARIABLES)) == json.dumps(sorted(set(VARIABLES)))
