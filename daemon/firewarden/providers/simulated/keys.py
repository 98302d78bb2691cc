"""Keys of the simulated control plane, what they may do, and whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass

WRITERS = frozenset({"admin", "user", "contributor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One API key: the role of its user and the accounts it sees, the first being its own."""

    role: str
    accounts: tuple[str, ...]
    user_id: str
    is_suspended: bool = False

    @property
    def may_write(self) -> bool:
        """Whether its role may change anything."""
        return self.role in WRITERS

    @property
    def email(self) -> str:
        """How the audit log calls its user."""
        return f"{self.user_id}@{self.accounts[0]}.example"


def default_keys(accounts: tuple[str, ...]) -> Mapping[str, Key]:
    """Give the keys that every simulated world knows, over *accounts* in their order.

    ``fw_simulated`` may write and sees the first account, ``…_read`` only reads it,
    ``…_admin`` is an admin, ``…_many`` sees all, ``…_suspended`` is refused with 412.
    """
    first = accounts[:1]
    return {
        "fw_simulated": Key(role="user", accounts=first, user_id="firewarden"),
        "fw_simulated_read": Key(role="inference-user", accounts=first, user_id="reader"),
        "fw_simulated_admin": Key(role="admin", accounts=first, user_id="root"),
        "fw_simulated_many": Key(role="user", accounts=accounts, user_id="firewarden"),
        "fw_simulated_suspended": Key(
            role="user", accounts=first, user_id="firewarden", is_suspended=True
        ),
    }
