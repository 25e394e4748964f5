"""Documents: what is understood, what is refused and where, and what can be filed."""

import hashlib
import json
from typing import Any

import pytest
from fhir.resources.R4B.consent import Consent as FhirConsent
from hypothesis import given

from ledger.canonical import canonical
from ledger.consent.document import parse_document, require_filable
from ledger.errors import DocumentRejected, InvalidInput, LedgerError, TooLarge
from tests.consent.documents import (
    CHAIN,
    PATIENT,
    A,
    B,
    actor,
    changed,
    coding,
    document,
    documents,
    examples,
    label,
    plain,
    reference,
)
from tests.policy import corpus

EXTENSION = [{"url": "https://example.org/x", "valueBoolean": True}]
HARMLESS = {
    "id": "c1",
    "language": "en",
    "meta": {"versionId": "1", "profile": ["https://example.org/p"], "security": [coding("s", "c")]},
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>read me</div>"},
    "identifier": [{"system": "https://example.org/ids", "value": "7"}],
    "organization": [reference(B)],
    "performer": [{"identifier": {"system": "urn:ietf:rfc:3986", "value": PATIENT}}],
}


def test_every_supported_element_is_read() -> None:
    found = parse_document(plain())
    assert (found.patient, found.zone, found.permits) == (PATIENT, 60, True)
    assert found.actors == (A, B)
    assert found.actor_names == {A: "Dr. Ada Brook", B: "City Clinic"}
    root = found.root
    assert (root.purposes, root.actions, root.classes) == (("TREAT",), ("access",), ("30954-2", "34109-9"))
    assert (root.confidentialities, root.labels) == (("R",), ("SPI",))
    assert [item.path for item in found.provisions()] == [
        "Consent.provision",
        "Consent.provision.provision[0]",
        "Consent.provision.provision[0].provision[0]",
        "Consent.provision.provision[1]",
    ]


def test_the_digest_is_over_the_canonical_bytes_of_the_original() -> None:
    found = parse_document(json.dumps(plain() | HARMLESS, indent=3).encode())
    assert found.canonical == canonical(plain() | HARMLESS)
    assert found.digest == hashlib.sha256(found.canonical).digest()
    assert found.json == plain() | HARMLESS


def test_carried_elements_change_the_digest_and_nothing_else() -> None:
    bare, carrying = parse_document(plain()), parse_document(plain() | HARMLESS)
    assert carrying.root == bare.root
    assert carrying.digest != bare.digest


@examples(40)
@given(documents())
def test_a_round_trip_loses_nothing(found: dict[str, Any]) -> None:
    once = parse_document(found)
    assert once.json == found
    assert parse_document(once.canonical) == once


@pytest.mark.parametrize("found", [pytest.param(found, id=name) for name, found in corpus.documents()])
def test_the_corpus_is_fhir_r4(found: dict[str, Any]) -> None:
    FhirConsent.model_validate(found)
    parse_document(found)


def test_what_we_accept_is_fhir_r4() -> None:
    FhirConsent.model_validate(plain() | HARMLESS)


VECTORS = json.loads((corpus.FOLDER / "rejected" / "documents.json").read_text())
REJECTED = [pytest.param(case, id=case["name"]) for case in VECTORS["cases"]]


def test_the_document_of_the_rejected_cases_is_accepted() -> None:
    assert parse_document(VECTORS["document"]) == parse_document(plain())


@pytest.mark.parametrize("case", REJECTED)
def test_what_cannot_be_enforced_is_refused_with_its_path(case: dict[str, Any]) -> None:
    found = changed(VECTORS["document"], tuple(case["at"]), case.get("put"))
    with pytest.raises(DocumentRejected) as refused:
        parse_document(found)
    assert (refused.value.path, refused.value.reason) == (case["path"], case["reason"])


def test_null_is_refused_anywhere() -> None:
    with pytest.raises(DocumentRejected) as refused:
        parse_document(plain() | {"performer": None})
    assert (refused.value.path, refused.value.reason) == ("Consent.performer", "null")


def test_another_policy_can_be_accepted_by_a_setting() -> None:
    found = changed(plain(), ("policy", 0, "uri"), "https://example.org/policy")
    accepted = parse_document(found, accepted_policies=frozenset({"https://example.org/policy"}))
    assert accepted.policy == "https://example.org/policy"


def nested(depth: int) -> dict[str, Any]:
    provision: dict[str, Any] = {"type": "deny", "securityLabel": [label("PSY")]}
    for _ in range(depth):
        provision = {"type": "permit", "actor": [actor(A)], "provision": [provision]}
    return document(provision)


def test_sixteen_levels_are_enough() -> None:
    assert len(list(parse_document(nested(16)).provisions())) == 17
    with pytest.raises(TooLarge):
        parse_document(nested(17))


def test_257_provisions_are_too_many() -> None:
    inner = [{"type": "deny", "securityLabel": [label("PSY")]}] * 256
    with pytest.raises(TooLarge):
        parse_document(document({"type": "permit", "provision": inner}))


HOSTILE = {
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "object": b"{}",
    "latin1": b"\xff{}",
    "twice": b'{"resourceType":"Consent","resourceType":"Consent"}',
    "nan": b'{"resourceType":NaN}',
    "deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "big": b'{"a":"' + b"x" * (1 << 20) + b'"}',
    "surrogate": b'{"resourceType":"\\ud800"}',
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(LedgerError) as refused:
        parse_document(raw)
    assert isinstance(refused.value, InvalidInput | TooLarge)


def test_a_lone_surrogate_in_something_carried_is_refused() -> None:
    with pytest.raises(InvalidInput):
        parse_document(plain() | {"text": {"status": "generated", "div": "\ud800"}})


def test_a_plain_consent_can_be_filed() -> None:
    require_filable(parse_document(plain() | HARMLESS), CHAIN)


def test_a_refusal_for_everybody_can_be_filed() -> None:
    require_filable(parse_document(document({"type": "deny"})), CHAIN)


UNFILABLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "permit without actor": (
        document({"type": "permit"}),
        "Consent.provision.actor",
        "actor_required",
    ),
    "nested permit without actor": (
        document({"type": "deny", "provision": [{"type": "permit", "securityLabel": [label("N")]}]}),
        "Consent.provision.provision[0].actor",
        "actor_required",
    ),
    "actor who is no account": (
        document({"type": "permit", "actor": [actor("Practitioner/1")]}),
        "Consent.provision.actor[0].reference",
        "not_an_account",
    ),
    "nested actor who is no account": (
        document(
            {
                "type": "permit",
                "actor": [actor(A)],
                "provision": [{"type": "deny", "actor": [actor("did:x")]}],
            }
        ),
        "Consent.provision.provision[0].actor[0].reference",
        "not_an_account",
    ),
    "actor on another chain": (
        document({"type": "permit", "actor": [actor(A.replace("31337", "1"))]}),
        "Consent.provision.actor[0].reference",
        "not_an_account",
    ),
    "patient who is no account": (
        document({"type": "deny"}, patient={"reference": "Patient/1"}),
        "Consent.patient",
        "not_an_account",
    ),
    "somebody else performs": (
        document({"type": "deny"}, performer=[reference(B)]),
        "Consent.performer",
        "proxy_unsupported",
    ),
}


@pytest.mark.parametrize("case", UNFILABLE)
def test_what_cannot_be_filed_can_still_be_read(case: str) -> None:
    found, where, reason = UNFILABLE[case]
    parsed = parse_document(found)
    with pytest.raises(DocumentRejected) as refused:
        require_filable(parsed, CHAIN)
    assert (refused.value.path, refused.value.reason) == (where, reason)


def test_nothing_of_a_patient_is_in_a_repr() -> None:
    found = parse_document(plain() | {"patient": reference(PATIENT) | {"display": "Jane Doe"}})
    assert "Jane" not in repr(found)
    assert PATIENT not in repr(found)
    assert "PSY" not in repr(found)
