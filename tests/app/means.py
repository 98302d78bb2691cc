"""What an actor and a keeper are made of, in front of a cloud that acts."""

import random
from pathlib import Path

from firewarden.app.compose import Account
from firewarden.app.memory import Tools
from firewarden.store.engine import Database
from firewarden.store.runner import Inline
from tests.act.cloud import Cloud
from tests.support.clock import FakeClock
from tests.support.daemon import settings_for
from tests.support.deciding import ACCOUNT


def account_of(cloud: Cloud, folder: Path) -> Account:
    """Read and change the account through *cloud*; its policies lie in *folder*."""
    return Account(account=ACCOUNT, provider=cloud, controls=cloud, timezone="UTC", policies=folder)


def tools_of(database: Database, folder: Path, clock: FakeClock) -> Tools:
    """Give tools that enforce, on one clock, and crash nowhere."""
    return Tools(
        settings=settings_for(folder, folder, FIREWARDEN_MODE="enforce"),
        clock=clock,
        wall=clock,
        rng=random.Random(1),
        database=database,
        run_db=Inline(),
        crash=lambda _point: None,
    )
