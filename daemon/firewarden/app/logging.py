"""Logs: events with keys, one line each, on stderr only, redacted last."""

import logging
import sys
import threading
from collections.abc import MutableMapping
from datetime import UTC
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from firewarden.app.redaction import Redactor
from firewarden.ports import Clock
from firewarden.report.text import clean

Format = Literal["console", "json"]
Level = Literal["debug", "info", "warning", "error"]
Event = MutableMapping[str, Any]

_CHATTY = ("httpx", "httpcore", "apscheduler", "asyncio", "uvicorn", "sqlalchemy", "alembic")
"""Loggers of libraries that say too much, and httpx's even whole addresses, below WARNING."""

_MULTILINE = ("exception", "stack")


def configure_logging(
    *,
    clock: Clock,
    redactor: Redactor,
    level: Level = "info",
    format: Format | None = None,  # noqa: A002 - named as the setting is
    stream: TextIO | None = None,
) -> None:
    """Send every event of this process to *stream* (stderr), ours and the libraries' alike.

    Without *format*, ``console`` on a terminal and ``json`` elsewhere. Instants are the
    clock's. Calling it again replaces what was configured before. Errors that nobody
    caught are logged too, so that they are redacted like all else.
    """
    out = sys.stderr if stream is None else stream
    chosen: Format = format or ("console" if out.isatty() else "json")
    handler = logging.StreamHandler(out)
    handler.setFormatter(_formatter(chosen, clock, redactor, colours=out.isatty()))
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("firewarden").setLevel(threshold)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*_shared(clock), ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=_named_logger,
        cache_logger_on_first_use=False,
    )
    _log_crashes()


def _named_logger(*_: object) -> logging.Logger:
    return logging.getLogger("firewarden")


def _shared(clock: Clock) -> list[Processor]:
    """What happens to an event wherever it was logged."""

    def stamp(_logger: object, _method: str, event: Event) -> Event:
        now = clock.now().astimezone(UTC)
        event["timestamp"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        stamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # plain text: the rich ones print local variables
    ]


def _formatter(
    chosen: Format, clock: Clock, redactor: Redactor, *, colours: bool
) -> ProcessorFormatter:
    render: Processor = (
        structlog.processors.JSONRenderer()
        if chosen == "json"
        else structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
    )

    def redact_line(_logger: object, _method: str, line: Any) -> Any:
        return redactor.text(str(line))

    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared(clock)],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            redactor.process,
            _disarm,
            render,
            redact_line,
        ],
        use_get_message=True,
    )


def _disarm(_logger: object, _method: str, event: Event) -> Event:
    """Take out what could move a terminal's cursor or fake a second line."""
    return {key: _disarm_one(key, part) for key, part in event.items()}


def _disarm_one(key: str, part: object) -> object:
    if not isinstance(part, str):
        return part
    if key in _MULTILINE:
        return "\n".join(clean(line) for line in part.replace("\t", " ").splitlines())
    return clean(part)


def _log_crashes() -> None:
    """Log what nobody caught, on any thread, instead of letting the interpreter print it."""
    log = structlog.get_logger()

    def crashed(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("process.crashed", exc_info=(kind, error, trace))

    def thread_crashed(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log.critical("thread.crashed", exc_info=args.exc_value)

    sys.excepthook = crashed
    threading.excepthook = thread_crashed
