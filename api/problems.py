"""Errors on the wire: RFC 9457 problem details with a stable code, one status for every ledger error."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

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
    errors.EmergencyQuota: 429,
    errors.EvidenceError: 422,
    errors.EnvironmentFault: 503,
    errors.RelayQuota: 429,
    errors.Bug: 500,
}
"""Status per family; a class without a row of its own has its nearest ancestor's."""

MEMBERS = ("type", "title", "status", "code", "reason", "detail", "fix", "request_id")
"""What every problem document has, whatever went wrong."""

_HEADERS: dict[int, dict[str, str]] = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}

_ROUTING = {
    400: ("invalid_input", "the body could not be read", "See /docs for the form."),
    404: ("not_found", "there is nothing under this path", "See /docs for what there is."),
    405: ("method_not_allowed", "this path does not take this method", "See the Allow header."),
}
"""What the framework refuses by itself: code, sentence, what to do."""


def status_of(error: type[errors.LedgerError]) -> int:
    """The HTTP status of an error class."""
    return next(STATUS[ancestor] for ancestor in error.__mro__ if ancestor in STATUS)


def request_id(scope: Scope) -> str:
    """The id that the answer to this request carries."""
    return str(scope.get("state", {}).get("request_id", ""))


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    reason: str = "",
    fix: str = "",
    request_id: str,
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """A problem document; `code` and `reason` are stable, `detail` and `fix` are sentences for people."""
    body = {
        "type": f"about:blank#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "reason": reason or code,
        "detail": detail,
        "fix": fix,
        "request_id": request_id,
        **{
            name: value for name, value in (fields or {}).items() if value is not None and name not in MEMBERS
        },
    }
    wait = {"Retry-After": str(fields["retry_after"])} if fields and fields.get("retry_after") else {}
    return JSONResponse(
        body,
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**_HEADERS.get(status, {}), **wait, **(headers or {})},
    )


def refusal(error: errors.LedgerError, request_id: str) -> JSONResponse:
    """The problem document of an error of the ledger."""
    return problem(
        status_of(type(error)),
        error.code,
        error.message,
        reason=error.reason,
        fix=error.fix,
        request_id=request_id,
        fields=error.fields,
    )


def install(app: FastAPI) -> None:
    """Answer every error of the ledger, of validation and of routing as a problem document."""

    @app.exception_handler(errors.LedgerError)
    async def _ledger(request: Request, error: errors.LedgerError) -> JSONResponse:
        return refusal(error, request_id(request.scope))

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(
            400,
            "invalid_input",
            "; ".join(_what_is_wrong(item) for item in error.errors()[:5]),
            reason="bad_request",
            fix="See /docs for the form.",
            request_id=request_id(request.scope),
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        code, detail, fix = _ROUTING.get(error.status_code, _ROUTING[HTTPStatus.BAD_REQUEST])
        return problem(
            error.status_code,
            code,
            detail,
            fix=fix,
            request_id=request_id(request.scope),
            headers=error.headers,
        )


def _what_is_wrong(item: dict[str, Any]) -> str:
    """What and where; never a value or a name of the caller's, which could be anything, also health data."""
    steps = [str(step) for step in item["loc"]]
    if item["type"] == "extra_forbidden":
        steps[-1] = "(a member that is not known)"
    return f"{'.'.join(steps)}: {item['msg']}"
