"""The token of the port, made where its file is missing."""

from pathlib import Path

from firewarden.app.first_token import make_http_token
from firewarden.app.settings import load_settings

VARIABLE = "FIREWARDEN_HTTP_TOKEN_FILE"


def test_a_missing_file_is_made_for_us_alone_and_told_once(tmp_path: Path) -> None:
    file = tmp_path / "http-token"

    told = make_http_token({VARIABLE: str(file)})

    token = file.read_text(encoding="ascii").strip()
    assert told is not None
    assert token in told
    assert len(token) >= 40
    assert file.stat().st_mode & 0o777 == 0o600
    assert make_http_token({VARIABLE: str(file)}) is None
    assert file.read_text(encoding="ascii").strip() == token


def test_the_settings_take_it(tmp_path: Path) -> None:
    environ = {VARIABLE: str(tmp_path / "http-token"), "FIREWARDEN_LISTEN": "0.0.0.0:8642"}
    make_http_token(environ)

    loaded = load_settings(None, environ, dotenv=None)

    assert loaded.settings.http_token is not None
    assert loaded.settings.http_token.reveal() == (tmp_path / "http-token").read_text().strip()


def test_two_tokens_are_not_the_same(tmp_path: Path) -> None:
    first = make_http_token({VARIABLE: str(tmp_path / "one")})
    second = make_http_token({VARIABLE: str(tmp_path / "two")})

    assert first is not None
    assert second is not None
    assert first.rpartition(" ")[2] != second.rpartition(" ")[2]


def test_a_folder_that_cannot_be_written_is_left_to_the_settings_to_tell(tmp_path: Path) -> None:
    assert make_http_token({VARIABLE: str(tmp_path / "missing" / "http-token")}) is None


def test_without_the_variable_nothing_is_made() -> None:
    assert make_http_token({}) is None
