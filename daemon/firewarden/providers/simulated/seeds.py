"""Random numbers by name: each purpose has a stream of its own, so adding one changes no other."""

import random
from hashlib import blake2b


def child(seed: int, *names: str | int) -> random.Random:
    """Give the stream of *seed* that belongs to *names*; the same names give the same numbers."""
    return random.Random(digest(seed, *names))  # noqa: S311  a simulation, not a secret


def digest(seed: int, *names: str | int) -> int:
    """Reduce *seed* and *names* to 64 bits that do not depend on the process."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
