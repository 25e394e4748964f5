"""The ASGI application of one gateway."""

import threading

from fastapi import FastAPI
from starlette.types import ASGIApp

from api import openapi, problems
from api.hotpath import HotPath
from api.limits import Limits
from api.requestids import Answered, RequestIds
from api.routes import (
    access,
    consents,
    emergencies,
    inbox,
    log,
    machines,
    ops,
    participants,
    patients,
    records,
    releases,
    requests,
    rights,
    signin,
    stops,
    webhooks,
    writing,
)
from api.urgently import StopsFirst, Urgent
from ledger import __version__
from ledger.service.gateway import Gateway

DESCRIPTION = (
    "Access checks under patients' signed consents. "
    "Errors are problem documents (RFC 9457) with a stable `code`."
)


def application(
    gateway: Gateway, *, answered: Answered = lambda *_: None, stopping: threading.Event | None = None
) -> ASGIApp:
    """What is served: the application, with the endpoints that are called most in front of it."""
    app = create_app(gateway, answered=answered, stopping=stopping)
    return HotPath(app, gateway, answered=answered)


def create_app(
    gateway: Gateway, *, answered: Answered = lambda *_: None, stopping: threading.Event | None = None
) -> FastAPI:
    """The application over an opened gateway.

    `answered` is told of every answer, in the event loop's thread. Once `stopping` is set, ``/readyz`` says
    that nobody should send anything more; whatever comes is answered all the same.
    """
    app = FastAPI(title="Consent Ledger gateway", version=__version__, description=DESCRIPTION)
    app.state.gateway = gateway
    app.state.urgent = Urgent()
    app.state.stopping = stopping or threading.Event()
    problems.install(app)
    app.add_middleware(StopsFirst, gateway=gateway)
    app.add_middleware(Limits, gateway=gateway)
    for area in (
        signin,
        machines,
        patients,
        rights,
        records,
        writing,
        participants,
        requests,
        inbox,
        webhooks,
        consents,
        stops,
        access,
        releases,
        emergencies,
        log,
        ops,
    ):
        app.include_router(area.router)
    openapi.describe(app)
    app.add_middleware(RequestIds, answered=answered)
    return app
