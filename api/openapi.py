"""The OpenAPI document: FastAPI's, with answers, refusals, summaries and examples for every operation.

Examples are built from the schemas by the names of members, so that they are of the right form and everywhere
the same; none is of a real person.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from api.answers import ANSWERS, Problem
from api.problems import MEDIA_TYPE
from api.refusals import refused

JSON = "application/json"
_REF = "#/components/schemas/{name}"
_ACCOUNT = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
_DID = f"did:pkh:eip155:1:{_ACCOUNT}"
_CID = "bafyreie6pdz23o6are7nuasxawzv4mrnszzxvalczz4szycg4xy3gxev2q"
_WORD = "0x" + "2b" * 32
_SIGNATURE = "0x" + "2b" * 64 + "1b"

EXAMPLES: dict[str, Any] = {
    "account": _ACCOUNT,
    "action": "access",
    "at": 1_795_341_600_000,
    "capsule": "AAAA",
    "cid": _CID,
    "class": ["30954-2"],
    "classes": ["30954-2"],
    "client_assertion": "eyJhbGciOiJFUzM4NCJ9.e30.AAAA",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "compartment": _WORD,
    "consent": _WORD,
    "context": {"purpose": ["TREAT"]},
    "controller": _ACCOUNT,
    "did": _DID,
    "document": '{"resourceType":"Consent"}',
    "emergency": "em_00000000000000000000000000",
    "erasure": _ACCOUNT,
    "event": "ev_00000000000000000000000000",
    "events": ["consent.revoked"],
    "expires": 1_795_341_600_000,
    "grant_type": "client_credentials",
    "finding": "justified",
    "header": "{}",
    "id": _DID,
    "index": 17,
    "jwk": {"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA"},
    "key": "AAAA",
    "kid": "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
    "labels": ["PSY"],
    "name": "access",
    "nonce": _WORD,
    "old": _DID,
    "origin": "https://gateway.example",
    "outcome": "PERMIT",
    "participant": _DID,
    "patient": _DID,
    "permitted": [_CID],
    "profile": '{"format":"consent-ledger/profile/1"}',
    "purpose": ["TREAT"],
    "reason": "Found unconscious after a fall.",
    "recipient": _DID,
    "request": "rq_00000000000000000000000000",
    "root": _CID,
    "scope": "participant",
    "signature": _SIGNATURE,
    "state": "active",
    "statement": "I let Example Clinic see my lab results.",
    "subject": _DID,
    "time": 1_795_341_600_000,
    "token": "cl_" + "2b" * 32,
    "type": "participant",
    "url": "https://hooks.hospital.example/consents",
    "webhook": "wh_00000000000000000000000000",
    "witness": _DID,
}
"""What a member looks like, wherever one of its name is."""


LINKS = {"POST /v1/requests": "request", "POST /v1/consents": "consent", "POST /v1/emergencies": "emergency"}
"""Which member of an answer names the thing that was made, for all that have this name in their path."""


def describe(app: FastAPI) -> None:
    """Complete the application's OpenAPI document."""
    plain = app.openapi

    @cache
    def whole() -> dict[str, Any]:
        document = plain()
        types = [one for one in ANSWERS.values() if not isinstance(one, str)]
        _, components = msgspec.json.schema_components([*types, Problem], ref_template=_REF)
        document["components"]["schemas"] |= components
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        for operation, shape in operations(document):
            _complete(document, operation, shape)
        _link(document)
        return document

    app.openapi = whole  # type: ignore[method-assign]
    _write_once(app)


def _write_once(app: FastAPI) -> None:
    """Serve the document from memory: to write it takes many times as long as to ask for it."""

    @cache
    def written() -> bytes:
        return msgspec.json.encode(app.openapi())

    async def document(_: Request) -> Response:
        return Response(written(), media_type=JSON)

    path = str(app.openapi_url)
    app.router.routes[:] = [one for one in app.routes if getattr(one, "path", None) != path]
    app.add_route(path, document, include_in_schema=False)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation as ``METHOD path``, and its part of the document."""
    for path, methods in document["paths"].items():
        for method, shape in methods.items():
            yield f"{method.upper()} {path}", shape


def example(document: dict[str, Any], schema: dict[str, Any], name: str = "") -> Any:  # noqa: ANN401
    """A value of a schema, told by the name of the member that has it; None if nothing is known of it."""
    if "$ref" in schema:
        return example(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], name)
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return example(document, schema["anyOf"][0], name)
    if schema.get("type") == "object" and "properties" in schema:
        return {
            member: example(document, part, member)
            for member, part in schema["properties"].items()
            if member in schema.get("required", ()) or member in ("context", "purpose")
        }
    known = EXAMPLES.get(name)
    if known is not None and _is(known, schema.get("type")):
        return known
    if schema.get("type") == "array":
        return [example(document, schema.get("items", {}), name)]
    plain = {"string": "text", "integer": 1, "boolean": True, "object": {}}
    return plain.get(str(schema.get("type", "object")))


def _is(value: object, kind: object) -> bool:
    kinds: dict[object, type] = {"string": str, "integer": int, "array": list, "object": dict}
    return kind in kinds and isinstance(value, kinds[kind])


def _complete(document: dict[str, Any], operation: str, shape: dict[str, Any]) -> None:
    shape["summary"] = shape["description"].split("\n")[0].split(". ")[0].rstrip(".:")
    shape["responses"].pop("422", None)
    for content in shape.get("requestBody", {}).get("content", {}).values():
        content["example"] = example(document, content["schema"])
    for parameter in shape.get("parameters", ()):
        parameter["example"] = example(document, parameter["schema"], parameter["name"])
    answer = ANSWERS.get(operation)
    if answer is not None:
        shape["responses"]["200"]["content"] = _content(document, answer)
    for status, reasons in refused(operation, shape).items():
        shape["responses"][str(status)] = _refusal(document, status, reasons)


def _link(document: dict[str, Any]) -> None:
    """Say what can be done with what was made, by OpenAPI links."""
    found = dict(operations(document))
    for maker, name in LINKS.items():
        within = f"{maker.split(' ', 1)[1]}/{{{name}}}"
        takers = [shape["operationId"] for taker, shape in found.items() if within in taker]
        found[maker]["responses"]["200"]["links"] = {
            taker: {"operationId": taker, "parameters": {name: f"$response.body#/{name}"}} for taker in takers
        }


def _content(document: dict[str, Any], answer: Any) -> dict[str, Any]:  # noqa: ANN401
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "string"}, "example": "text"}}
    (schema,), _ = msgspec.json.schema_components([answer], ref_template=_REF)
    return {JSON: {"schema": schema, "example": example(document, schema)}}


def _refusal(document: dict[str, Any], status: int, reasons: tuple[str, ...]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    shown = {**example(document, schema), "status": status, "type": "about:blank"}
    examples = {reason: {"value": {**shown, "reason": reason}} for reason in reasons}
    named = ", ".join(f"`{reason}`" for reason in reasons)
    return {
        "description": f"Refused. Reasons, among others: {named}.",
        "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
    }
