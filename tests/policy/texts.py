"""Policy files that are sound, of which a test names what differs."""

HEAD = "version: 1\n"
CREDIT = "{kind: credit, usd: 5, expires: '2026-12-31'}"


def a_policy(**changes: str) -> str:
    """One valid policy, of which a test names the lines that differ; "" leaves one out."""
    lines = {
        "match": '{name: "exp-*"}',
        "when": "{idle_for: 45m}",
        "stages": "[warn, {wait: 15m}, scale_to_zero]",
    } | changes
    body = "".join(f"    {key}: {text}\n" for key, text in lines.items() if text)
    return f"{HEAD}policies:\n  one:\n{body}"


def a_delete(*, routes: str = "{chat: {slack: gpu-costs}}", **changes: str) -> str:
    """One valid policy that deletes, and the routes it knows."""
    lines = {
        "when": "{at_zero_for: 3d}",
        "stages": "[warn, {wait: 8h}, delete]",
        "notify": "[chat]",
    }
    return a_policy(**(lines | changes)) + f"notify: {routes}\n"


def rules(*entries: str) -> str:
    """A file of nothing but rules of attribution."""
    return f"{HEAD}attribution:\n" + "".join(f"  - {entry}\n" for entry in entries)


def bought(commitments: str) -> str:
    """A file of nothing but what was bought ahead."""
    return f"{HEAD}commitments: {commitments}\n"


def budget(**changes: str) -> str:
    """A file of one budget, of which a test names the keys that differ."""
    lines = {
        "scope": "{all: true}",
        "limit": "{usd: 5, per: day}",
        "thresholds": "[{at: 80%, do: warn}]",
    } | changes
    body = "".join(f"    {key}: {text}\n" for key, text in lines.items())
    return f"{HEAD}budgets:\n  one:\n{body}"
