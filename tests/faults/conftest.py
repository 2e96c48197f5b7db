"""What all faults share."""

import pytest
import structlog


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """Outages log many errors; structlog's default way to print one takes a second."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
