"""What docs/commands.md says of the commands is so."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from firewarden.cli.main import app
from firewarden.decide import findings
from firewarden.model.trueup import RowState
from firewarden.model.vocabulary import Blocker
from firewarden.report.audit import (
    Actions,
    Alerts,
    Incidents,
    actions_json,
    alerts_json,
    incidents_json,
)
from firewarden.report.explain import Explanation, explain_json
from firewarden.report.plan import PlanView, plan_json
from firewarden.report.savings import Saving, SavingsReport, SavingState, savings_json
from firewarden.report.status import status_json
from firewarden.report.trueup import (
    ComparedDay,
    ComparedGpu,
    ComparedRow,
    Trueup,
    trueup_json,
)
from firewarden.report.usage import NO_USAGE, figures_json
from tests.report.test_audit import HEADING, an_action, an_alert, an_incident
from tests.report.views import NOW, a_deployment, a_status

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[a-z_]+", TEXT))


A_TRUEUP = Trueup(
    account="acme",
    timezone="UTC",
    days=(
        ComparedDay(
            day=NOW.date(),
            state="open",
            revised=False,
            metered_ms=0,
            billed_ms=0,
            adjusted_ms=0,
            adjustment_usd=None,
            causes=(),
            accepted_by="",
            accepted_reason="",
            rows=(
                ComparedRow(
                    deployment_id="",
                    accelerator_type="",
                    state=RowState.EQUAL,
                    cause="",
                    metered_ms=0,
                    billed_ms=0,
                    adjusted_ms=0,
                ),
            ),
        ),
    ),
    gpus=(
        ComparedGpu(
            accelerator_type="", calibration=None, implied_usd=None, own_usd=None, is_off=False
        ),
    ),
)


SAVED = SavingsReport(
    account="", since=NOW, until=NOW, timezone="UTC", problem="", is_up_to=False,
    projected_usd_per_hour=None,
    savings=(
        Saving(
            action_id=1, deployment_id="", uid="", policy="", verb="", at=NOW, until=None,
            ending=None, is_regretted=False, accelerator_type="", gpus=0, gpu_ms=0, low_ms=0,
            high_ms=0, paid_ms=0, unpriced_ms=0, usd=Decimal(0), usd_low=Decimal(0),
            usd_high=Decimal(0), state=SavingState.MEASURED,
        ),
    ),
)  # fmt: skip


def keys_of(found: Trueup) -> list[str]:
    given = trueup_json(found)
    (day,), (gpu,) = given["days"], given["accelerators"]
    return [*day, *day["deployments"][0], *gpu]


def test_every_command_has_its_line() -> None:
    registered = [
        command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    listed = re.findall(r"^\| `([a-z]+)` \|", TEXT, flags=re.MULTILINE)

    assert sorted(listed) == sorted([*registered, "db", "notify", "report", "trueup"])


def test_every_blocker_is_listed_in_order() -> None:
    listed = re.search(r"in this order: (.*?)\.\n", TEXT, flags=re.DOTALL)

    assert listed is not None
    assert re.findall(r"`([a-z_]+)`", listed[1]) == [each.value for each in Blocker]


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(list(status_json(a_status(a_deployment()))["deployments"][0]), id="status"),
        pytest.param(list(figures_json(NO_USAGE)), id="report"),
        pytest.param([*savings_json(SAVED), *savings_json(SAVED)["savings"][0]], id="savings"),
        pytest.param(
            list(
                plan_json(
                    PlanView(
                        plan_id="",
                        created_at=NOW,
                        account="",
                        timezone="UTC",
                        policy_hash="",
                        actions=(),
                        held=(),
                    )
                )
            ),
            id="plan",
        ),
        pytest.param(
            [
                *actions_json(Actions(heading=HEADING, actions=())),
                *actions_json(Actions(heading=HEADING, actions=(an_action(),)))["actions"][0],
            ],
            id="actions",
        ),
        pytest.param(
            list(
                incidents_json(Incidents(heading=HEADING, incidents=(an_incident(),)))["incidents"][
                    0
                ]
            ),
            id="incidents",
        ),
        pytest.param(
            list(alerts_json(Alerts(heading=HEADING, alerts=(an_alert(),)))["alerts"][0]),
            id="alerts",
        ),
        pytest.param([*trueup_json(A_TRUEUP), *keys_of(A_TRUEUP)], id="trueup"),
        pytest.param(
            list(explain_json(Explanation(deployment_id="", at=NOW, timezone="UTC", verdicts=()))),
            id="explain",
        ),
    ],
)
def test_every_key_is_printed(keys: list[str]) -> None:
    assert set(keys) <= WORDS


def test_every_kind_of_finding_is_printed() -> None:
    source = Path(str(findings.__file__)).read_text(encoding="utf-8")
    kinds = set(re.findall(r'kind="([a-z_]+)"', source))
    kinds |= set(re.findall(r'look\.about\(\s*"([a-z_]+)"', source))

    assert len(kinds) == 13
    assert kinds <= WORDS
