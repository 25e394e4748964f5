"""Problem details (RFC 9457) back into the errors that a gateway raised."""

from typing import Any

import msgspec

from ledger.errors import (
    Conflict,
    DocumentRejected,
    Forbidden,
    GatewayUnreachable,
    InvalidInput,
    LedgerError,
    NotFound,
    SignInRequired,
    TooLarge,
    leaves,
)

LONGEST = 600

_BY_CODE = {kind.code: kind for kind in leaves()}
_BY_STATUS: dict[int, type[LedgerError]] = {
    401: SignInRequired,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
}
_OURS = {"type", "title", "status", "detail", "instance", "code", "reason", "fix", "message", "request_id"}


def error_of(status: int, content_type: str, body: bytes) -> LedgerError:
    """The error in an answer that is not 2xx: by its ``code``, else by its status.

    What a gateway wrote is shown to people: it is cut to a length, and characters on which a terminal would
    act are left out.
    """
    problem = _problem(content_type, body)
    kind = _BY_CODE.get(str(problem.get("code"))) or _of_status(status)
    message = (
        _clean(problem.get("detail")) or _clean(problem.get("title")) or f"the gateway answered {status}"
    )
    fields = {
        name: _clean(value) if isinstance(value, str) else value
        for name, value in problem.items()
        if name not in _OURS and name.isidentifier() and type(value) in (str, int)
    }
    return _raised(kind, message, _clean(problem.get("reason")), _clean(problem.get("fix")), fields)


def _raised(
    kind: type[LedgerError], message: str, reason: str, fix: str, fields: dict[str, Any]
) -> LedgerError:
    if not issubclass(kind, DocumentRejected):
        error = kind(message, reason=reason, fix=fix)
        error.fields.update(fields)
        return error
    path = str(fields.get("path", "Consent"))
    return kind(path, message.removeprefix(f"{path}: "), reason=reason, fix=fix)


def _problem(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.split(";")[0].strip() not in ("application/problem+json", "application/json"):
        return {}
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of_status(status: int) -> type[LedgerError]:
    if status >= 500:
        return GatewayUnreachable
    return _BY_STATUS.get(status, InvalidInput)


def _clean(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value[:LONGEST] if letter.isprintable())
