"""Structured logs: one JSON object a line on stderr; codes and counts, never values of requests."""

import sys
from contextlib import suppress
from typing import Any

import structlog


class _Stderr:
    """Looks stderr up at each line, so that a caller may redirect it. A full disk behind it stops no work."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure() -> None:
    """Send the gateway's logs to stderr as JSON with UTC times."""
    target: Any = _Stderr()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
