"""Logs: structlog, JSON lines unless on a terminal, ids bound, secrets redacted."""

import asyncio
import atexit
import json
import logging
import sys
from contextlib import suppress
from typing import Any, BinaryIO, Literal

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
            logger_factory=Lines(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


class Lines:
    """Lines of a log: what one round of the event loop says is written in one piece.

    A group commit answers many requests at once, and a system call for each line would cost as
    much as verifying its signature. Outside the loop a line is written at once.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._waiting: list[bytes] = []
        atexit.register(self.flush)

    def __call__(self, *_: object) -> "Lines":
        """The factory and its only logger are one."""
        return self

    def msg(self, line: bytes) -> None:
        """Take a line."""
        self._waiting.append(line)
        if len(self._waiting) > 1:  # they are about to be written
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    debug = info = warning = error = critical = exception = msg

    def flush(self) -> None:
        """Write what waits. A log that nobody can take any more is no reason to stop."""
        lines, self._waiting = self._waiting, []
        with suppress(OSError, ValueError):
            if lines:
                self._out.write(b"\n".join([*lines, b""]))
            self._out.flush()


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
