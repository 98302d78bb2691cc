"""How many examples a property of money is shown: thousands, but for who judges the tests."""

from hypothesis import settings


def thousands() -> settings:
    """Ask for 2,000 examples; for a few where each of many mutants is tried."""
    is_usual = settings.get_current_profile_name() == "firewarden"
    return settings(max_examples=2_000 if is_usual else 20)
