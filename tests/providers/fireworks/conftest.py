"""What the tests of the client share."""

import io
import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged by anybody, at every level a deployment would set."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(out))
    yield out
    structlog.reset_defaults()
    root.removeHandler(handler)
    root.setLevel(before)
