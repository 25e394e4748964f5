"""Errors on the wire: RFC 9457 problem details with a stable code, one status for every ledger error."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ledger import errors

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[errors.LedgerError], int] = {
    errors.LedgerError: 500,
    errors.CallerError: 400,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.AuthenticationError: 401,
    errors.Refusal: 403,
    errors.EvidenceError: 422,
    errors.EnvironmentFault: 503,
    errors.RelayQuota: 429,
    errors.Bug: 500,
}
"""Status per family; a class without a row of its own has its nearest ancestor's."""


def status_of(error: type[errors.LedgerError]) -> int:
    """The HTTP status of an error class."""
    return next(STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS)


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:  # noqa: ANN401
    """A problem document; `code` is stable, `detail` is a sentence for people."""
    body = {
        "type": f"about:blank#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **more,
    }
    wait = more.get("retry_after", 1 if status == HTTPStatus.SERVICE_UNAVAILABLE else None)
    headers = None if wait is None else {"Retry-After": str(wait)}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every error of the ledger, of validation and of routing as a problem document."""

    @app.exception_handler(errors.LedgerError)
    def _ledger(_request: Request, error: errors.LedgerError) -> JSONResponse:
        fields = {key: value for key, value in error.fields.items() if value is not None}
        return problem(
            status_of(type(error)),
            error.code,
            error.message,
            **{"reason": error.reason, "fix": error.fix, **fields},
        )

    @app.exception_handler(RequestValidationError)
    def _validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        # What was wrong and where, never the value: it could be anything, also health data.
        where = "; ".join(
            f"{'.'.join(str(step) for step in item['loc'])}: {item['msg']}" for item in error.errors()[:5]
        )
        return problem(400, "invalid_input", where, reason="bad_request", fix="See /docs for the form.")

    @app.exception_handler(HTTPException)
    def _http(_request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http")
        return problem(error.status_code, code, str(error.detail), reason=code, fix="")
