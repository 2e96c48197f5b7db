"""Logs: structlog, JSON lines unless on a terminal, ids bound, secrets redacted."""

import json
import logging
import sys
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hub.model.masking import MASK, is_secret_header

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def redact(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Mask whatever is named like a secret."""
    for name in line:
        if is_secret_header(name):
            line[name] = MASK
    return line


def set_up_logs(level: str, style: Literal["auto", "json", "console"]) -> None:
    """Set structlog up for the process; the standard library's lines go the same way."""
    for_people = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    if for_people:
        plain = structlog.dev.plain_traceback  # the other one is slow, and shows secrets in locals
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer(exception_formatter=plain)],
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=_encoded),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def _encoded(line: EventDict, **_: Any) -> bytes:
    """A line of JSON, whatever stands in it: foreign text may be no proper text."""
    try:
        return orjson.dumps(line, default=str)
    except TypeError:
        return json.dumps(line, default=str, skipkeys=True).encode()


class _Forward(logging.Handler):
    """Hands the standard library's records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        line = structlog.get_logger(record.name)
        level = min(max(record.levelno // 10 * 10, 10), 50)  # structlog knows no others
        line.log(level, "library.said", message=record.getMessage(), exc_info=record.exc_info)
