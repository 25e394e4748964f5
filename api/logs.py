"""Structured logs: one JSON object a line on stderr; codes and counts, never values of requests.

Every line of a request has its id, from whatever thread it comes that works for this request alone. What
libraries log is told by the place in their code: their text could quote anything.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from hashlib import sha256
from typing import Any

import structlog

REQUEST: ContextVar[str] = ContextVar("request_id", default="")
"""The id, as it may stand in a log, of the request that is answered here."""

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_OWN_WORDS = re.compile(r"(?!.*0x[0-9a-f]{40})[a-z0-9._-]{1,64}", re.ASCII | re.IGNORECASE)

_log = structlog.get_logger()


class _Stderr:
    """Looks stderr up at each line, so that a caller may redirect it. A full disk behind it stops no work."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


class _Libraries(logging.Handler):
    """Hands on that a library logged something, and where in its code."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        what = {} if kind is None else {"kind": kind.__name__}
        _log.log(record.levelno, "library", where=f"{record.name}:{record.lineno}", **what)


def configure(level: str = "info") -> None:
    """Send the gateway's logs from `level` on to stderr as JSON with UTC times, and so those of libraries."""
    target: Any = _Stderr()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_request,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))


def loggable(identifier: str) -> str:
    """A request id as logs have it: as it is, or its hash if it could be somebody's address or token."""
    if _OWN_WORDS.fullmatch(identifier):
        return identifier
    return f"sha256-{sha256(identifier.encode()).hexdigest()[:16]}"


def _with_request(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request = REQUEST.get()
    if request:
        event.setdefault("request_id", request)
    return event
