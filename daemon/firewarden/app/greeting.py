"""The first question to an account: is it there, and does the key see it?"""

from firewarden.errors import NotFound, UnknownAccount
from firewarden.model.fleet import AccountFacts
from firewarden.ports import Provider


async def read_facts(provider: Provider) -> AccountFacts:
    """Read what the provider says of the account itself.

    Raises:
        UnknownAccount: there is no such account, or the key does not see it.
        KeyRefused, AccountSuspended, ProviderError: the provider's answer.
    """
    try:
        return await provider.facts()
    except NotFound as error:
        raise UnknownAccount(
            f"the key sees no account {provider.account}",
            where="FIREWORKS_ACCOUNT_ID or --account",
            mend="check its spelling, or leave it out to have it found",
        ) from error
