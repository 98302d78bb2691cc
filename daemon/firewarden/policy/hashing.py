"""Short hashes of what policy files say: equal where nothing that counts differs."""

import hashlib
import json
from datetime import date, time, timedelta
from decimal import Decimal


def hash_of(*parts: object) -> str:
    """Digest *parts*; numbers, dates and times by what they mean, not how they are written."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_as_json)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_json(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value.normalize())
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"cannot hash {type(value).__name__}")
