"""Two GPUs of one deployment, held from a first poll on: the least that can be metered."""

from datetime import datetime, timedelta
from typing import Final

from firewarden.metering.measure import floor_hour
from firewarden.model.ids import AccountId, DeploymentId, make_uid
from firewarden.model.usage import Bracket, Evidence, Hardware, Known, LedgerChange, Segment

ACME: Final = AccountId("acme")
CHAT: Final = DeploymentId("chat")
H100: Final = "NVIDIA_H100_80GB"


def held_since(began: datetime) -> LedgerChange:
    """Let `CHAT`, made an hour earlier, be met at *began* with one replica of two `H100`."""
    created = began - timedelta(hours=1)
    uid = make_uid(f"accounts/{ACME}/deployments/{CHAT}", created)
    known = Known(
        uid=uid,
        account=ACME,
        deployment_id=CHAT,
        display_name="",
        base_model="accounts/acme/models/chat",
        created_at=created,
        first_seen_at=began,
    )
    held = Segment(
        uid=uid,
        hardware=Hardware(accelerator_type=H100, accelerator_count=2),
        ready=1,
        starting=0,
        floor=1,
        ceiling=1,
        desired=1,
        state="READY",
        started=Bracket(lo=began, hi=began),
        start_evidence=Evidence.FIRST_SIGHT,
    )
    return LedgerChange(met=(known,), opened=(held,), dirty=frozenset({(floor_hour(began), uid)}))
