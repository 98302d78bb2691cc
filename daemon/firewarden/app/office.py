"""Opens the post office of one account: who delivers what, and with what."""

from collections.abc import Callable

from firewarden.app.compose import Account
from firewarden.app.memory import Tools
from firewarden.app.settings import Settings
from firewarden.app.telling import Telling
from firewarden.model.delivery import Way
from firewarden.model.ids import AccountId
from firewarden.notify.post import Local, Means, Nobody, Poster, PostOffice
from firewarden.notify.slack.answers import Door
from firewarden.notify.slack.client import WebDoor
from firewarden.notify.slack.deliver import SlackPoster
from firewarden.notify.webhook import Courier, Hook, SlackWebhookPoster, WebhookPoster
from firewarden.ports import Notifier


def open_office(
    account: Account,
    tools: Tools,
    telling: Callable[[], Telling],
    notifier: Notifier,
    *,
    door: Door | None = None,
) -> PostOffice:
    """Make the post office of *account*; the log and the terminal are *notifier*'s.

    *telling* gives the routes in force, which may be edited. *door*: another way to Slack
    than by its own address. There is nothing to close.
    """
    means = Means(
        database=tools.database,
        run_db=tools.run_db,
        clock=tools.clock,
        wall=tools.wall,
        rng=tools.rng,
        crash=tools.crash,
    )
    return PostOffice(
        means,
        account=account.account,
        posters=open_posters(means, telling, notifier, door or open_door(tools.settings)),
        fallback=lambda notice, failed: telling().fallback(notice, failed),
    )


def open_posters(
    means: Means, telling: Callable[[], Telling], notifier: Notifier, door: Door | None
) -> dict[Way, Poster]:
    """Say who delivers to each kind of destination; *door* None: there is no way to Slack."""

    def hook(_account: AccountId, name: str) -> Hook:
        return telling().hook(name)

    clock, courier = means.clock, Courier()
    local = Local(notifier=notifier, clock=clock)
    slack = Nobody(mend="set SLACK_BOT_TOKEN") if door is None else SlackPoster(door, means)
    return {
        Way.LOG: local,
        Way.TERMINAL: local,
        Way.SLACK: slack,
        Way.SLACK_DM: slack,
        Way.SLACK_WEBHOOK: SlackWebhookPoster(hook, courier, clock=clock),
        Way.WEBHOOK: WebhookPoster(hook, courier, clock=clock, wall=means.wall),
    }


def open_door(settings: Settings) -> Door | None:
    """Give the way to Slack; None: there is no token for it."""
    if settings.slack_bot_token is None:
        return None
    return WebDoor(token=settings.slack_bot_token.reveal, base_url=settings.slack_base_url)
