"""What the doctor says of a key that may do more, or less, than is asked of it."""

import pytest

from firewarden.app.doctor import check_role
from firewarden.app.settings import load_settings
from firewarden.report.checks import Health

TWO_KEYS = {"FIREWORKS_WRITE_API_KEY": "fw_two"}
ACTING = {"FIREWARDEN_MODE": "enforce"}


@pytest.mark.parametrize(
    ("role", "variables", "detail", "mend"),
    [
        pytest.param("", {}, "does not tell", "a read-only role is enough", id="untold"),
        pytest.param("admin", {}, "admin: more than needed", "may only read", id="too much"),
        pytest.param("inference-user", {}, "reads, and may change nothing", "", id="enough"),
        pytest.param(
            "user", ACTING | TWO_KEYS, "user: more than needed", "may only read",
            id="too much beside a key for changes",
        ),
        pytest.param(
            "inference-user", ACTING | TWO_KEYS, "may change nothing", "",
            id="enough beside a key for changes",
        ),
        pytest.param(
            "user", ACTING, "with the same key", "FIREWORKS_WRITE_API_KEY for the changes",
            id="one key for both",
        ),
        pytest.param(
            "inference-user", ACTING, "may not do what mode = enforce allows",
            "set FIREWORKS_WRITE_API_KEY", id="too little",
        ),
        pytest.param(
            "", ACTING, "does not tell", "may change deployments", id="untold, and acting"
        ),
    ],
)  # fmt: skip
def test_a_role_is_measured_by_what_the_key_is_for(
    role: str, variables: dict[str, str], detail: str, mend: str
) -> None:
    given = {"FIREWORKS_API_KEY": "fw_one", **variables}
    settings = load_settings(None, given, dotenv=None).settings

    check = check_role(role, settings)

    assert (check.name, check.health) == ("role", Health.OK)
    assert detail in check.detail
    assert mend in check.mend
    assert bool(mend) is bool(check.mend)
