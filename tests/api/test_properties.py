"""Whatever the OpenAPI document allows, and what it does not, never breaks the gateway, nor its own document.

``CONSENT_API_EXAMPLES`` says how many requests each operation gets, each by a patient, by a provider or
by nobody.
"""

import os
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.openapi import operations
from ledger.service.gateway import Gateway
from tests.api.conftest import Scene
from tests.databases import ONLY_SQLITE

pytestmark = ONLY_SQLITE  # what a request may look like is no matter of the database

EXAMPLES = int(os.environ.get("CONSENT_API_EXAMPLES", "25"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT: dict[str, Any] = create_app(cast(Gateway, None)).openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
QUICK = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("operation", [name for name, _ in operations(DOCUMENT)])
def test_no_request_breaks_an_operation_or_its_document(scene: Scene, operation: str) -> None:
    method, path = operation.split(" ", 1)
    tokens = [None, scene.token(scene.mallory), scene.token(scene.clinic)]

    @QUICK
    @given(case=SCHEMA[path][method].as_strategy(), token=st.sampled_from(tokens))
    def ask(case: schemathesis.Case[Any], token: str | None) -> None:
        case.headers.pop("Authorization", None)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        case.call_and_validate(base_url=scene.network.stack.url, headers=headers, checks=CHECKS)

    ask()
    assert scene.network.stack.server.gateway.journal.damage is None


def test_no_sequence_of_requests_breaks_the_gateway(scene: Scene) -> None:
    """Answers feed later requests: what one operation names, another is asked for."""
    SCHEMA.config.update(base_url=scene.network.stack.url)
    authorized = {"headers": {"Authorization": f"Bearer {scene.token(scene.clinic)}"}}

    class Sequences(SCHEMA.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            case.headers.pop("Authorization", None)
            return authorized

        def validate_response(
            self, response: schemathesis.Response, case: schemathesis.Case[Any], **_: object
        ) -> None:
            case.validate_response(response, checks=CHECKS)

    Sequences.run(settings=settings(QUICK, stateful_step_count=8))
    assert scene.network.stack.server.gateway.journal.damage is None
