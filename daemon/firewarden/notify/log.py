"""Notices in the log, for whoever collects it."""

import structlog

from firewarden.model.notice import Notice
from firewarden.model.vocabulary import Severity

log = structlog.get_logger()

_LEVELS = {Severity.INFO: "info", Severity.WARN: "warning", Severity.PAGE: "error"}


class LogNotifier:
    """Writes each notice as one event: ``notice.raised``, ``notice.resolved`` when it is over."""

    async def notify(self, notice: Notice) -> None:
        """Log *notice*; a log takes everything, so this always delivers."""
        bound = log.bind(
            account=notice.account,
            kind=notice.kind,
            key=notice.key,
            severity=notice.severity.value,
            at=notice.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            text=notice.text,
            facts=dict(notice.facts),
            **({"uid": notice.uid} if notice.uid is not None else {}),
        )
        if notice.resolved:
            bound.info("notice.resolved")
        else:
            getattr(bound, _LEVELS[notice.severity])("notice.raised")
