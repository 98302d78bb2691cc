"""Opens the post office of one account: who delivers what, and with what."""

from firewarden.app.compose import Account
from firewarden.app.memory import Tools
from firewarden.app.telling import Telling
from firewarden.model.delivery import Way
from firewarden.notify.post import Local, Means, PostOffice
from firewarden.ports import Notifier


def open_office(account: Account, tools: Tools, telling: Telling, notifier: Notifier) -> PostOffice:
    """Make the post office of *account*; the log and the terminal are *notifier*'s."""
    local = Local(notifier=notifier, clock=tools.clock)
    return PostOffice(
        Means(
            database=tools.database,
            run_db=tools.run_db,
            clock=tools.clock,
            wall=tools.wall,
            rng=tools.rng,
            crash=tools.crash,
        ),
        accounts=[account.account],
        posters={Way.LOG: local, Way.TERMINAL: local},
        fallback=lambda notice, destination: (),
    )
