"""Logs: structlog, JSON lines unless on a terminal, ids bound, secrets redacted."""

import logging
import sys
from typing import Literal

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
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=orjson.dumps, default=str),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


class _Forward(logging.Handler):
    """Hands the standard library's records to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        line = structlog.get_logger(record.name)
        line.log(max(record.levelno, 10), "library.said", message=record.getMessage())
