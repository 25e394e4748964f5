"""Commitment and filing: one chain from text to signature, broken nowhere without a word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ledger.canonical import canonical
from ledger.consent.builder import Party, build
from ledger.consent.commitment import (
    NO_END,
    Filing,
    commit,
    filing_from_json,
    filing_to_json,
    until_grid,
    until_of,
    verify_filing,
)
from ledger.consent.document import parse_document
from ledger.consent.statement import statement
from ledger.crypto import typed
from ledger.crypto.identity import Account
from ledger.errors import CommitmentMismatch, DocumentRejected, InvalidInput, LedgerError, SignatureInvalid
from ledger.ids import Address, consent_id, did_of
from tests.consent.documents import CHAIN, A, document

PATIENT, CONTROLLER, STRANGER = (Account.from_key(bytes([n]) * 32) for n in (1, 2, 3))
REGISTRY = Account.from_key(bytes([9]) * 32).address
AT = datetime(2026, 5, 3, 10, 0, tzinfo=timezone(timedelta(hours=2)))
SALT = bytes(range(32))
DOMAIN = typed.consent_domain(CHAIN, REGISTRY)


def written(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    options: dict[str, Any] = {
        "patient": did_of(CHAIN, PATIENT.address),
        "grantees": [Party(did=A, display="Dr. Ada Brook")],
        "purposes": ["TREAT"],
        "starts": AT,
        "until": AT + timedelta(days=30),
        "at": AT,
    }
    return build(**(options | changes))


def filed(source: dict[str, Any] | None = None, controller: Account = CONTROLLER, **changes: Any) -> Filing:  # noqa: ANN401
    """A filing with true signatures over whatever it holds."""
    parsed = parse_document(written() if source is None else source)
    commitment = commit(parsed, controller.address, 0, SALT)
    digest = commitment.digest(DOMAIN)
    binding = typed.Filing(consent=digest, controller=controller.address).digest(DOMAIN)
    filing = Filing(
        document=parsed.canonical,
        statement=commitment.terms.statement,
        salt=SALT,
        controller=controller.address,
        epoch=0,
        until=commitment.until,
        signature=controller.sign(digest),
        binding=None if controller is PATIENT else PATIENT.sign(binding),
    )
    return replace(filing, **changes)


def test_a_true_filing_is_verified() -> None:
    filing = filed()
    found = verify_filing(filing, chain_id=CHAIN, registry=REGISTRY)
    parsed = parse_document(written())
    commitment = commit(parsed, CONTROLLER.address, 0, SALT)
    assert found.id == consent_id(commitment.digest(DOMAIN))
    assert found.document == parsed
    assert found.statement == statement(parsed)
    assert found.terms_hash == commitment.terms_hash()
    assert (found.account, found.controller, found.epoch) == (PATIENT.address, CONTROLLER.address, 0)
    assert found.until == until_of(parsed) == filing.until


def test_the_account_itself_needs_no_binding() -> None:
    found = verify_filing(filed(controller=PATIENT), chain_id=CHAIN, registry=REGISTRY)
    assert found.account == found.controller == PATIENT.address


def signed_by(account: Account) -> bytes:
    return account.sign(commit(parse_document(written()), CONTROLLER.address, 0, SALT).digest(DOMAIN))


DOCUMENT = filed().document
BY_STRANGER, BY_CONTROLLER = signed_by(STRANGER), signed_by(CONTROLLER)
MEMBERS = ("document", "statement", "salt", "controller", "epoch", "until", "signature")
FALSE: dict[str, tuple[Filing, type[LedgerError], str]] = {
    "another statement": (filed(statement="YES"), CommitmentMismatch, "other_statement"),
    "a statement with a space more": (
        filed(statement=filed().statement + " "),
        CommitmentMismatch,
        "other_statement",
    ),
    "another document": (
        filed(document=parse_document(written(purposes=["HRESCH"])).canonical),
        CommitmentMismatch,
        "other_statement",
    ),
    "a document with a space": (
        filed(document=DOCUMENT + b" "),
        CommitmentMismatch,
        "document_not_canonical",
    ),
    "a longer bound": (filed(until=NO_END), CommitmentMismatch, "other_until"),
    "another salt": (filed(salt=bytes(32)), SignatureInvalid, "consent_signature"),
    "another epoch": (filed(epoch=1), SignatureInvalid, "consent_signature"),
    "another controller": (
        filed(signature=BY_STRANGER),
        SignatureInvalid,
        "consent_signature",
    ),
    "a short signature": (filed(signature=bytes(64)), SignatureInvalid, "signature_length"),
    "no binding": (filed(binding=None), SignatureInvalid, "binding_required"),
    "a binding by a stranger": (
        filed(binding=BY_STRANGER),
        SignatureInvalid,
        "binding_signature",
    ),
    "a binding by the controller": (
        filed(binding=BY_CONTROLLER),
        SignatureInvalid,
        "binding_signature",
    ),
    "a binding where none belongs": (
        filed(controller=PATIENT, binding=bytes(65)),
        InvalidInput,
        "binding_unneeded",
    ),
    "an epoch out of range": (filed(epoch=1 << 16), InvalidInput, ""),
    "a salt out of range": (filed(salt=bytes(31)), InvalidInput, ""),
    "a document that is none": (filed(document=b"{}"), DocumentRejected, ""),
}


@pytest.mark.parametrize("case", FALSE)
def test_a_false_filing_is_refused(case: str) -> None:
    filing, kind, reason = FALSE[case]
    with pytest.raises(kind) as refused:
        verify_filing(filing, chain_id=CHAIN, registry=REGISTRY)
    assert refused.value.reason == reason or not reason


def test_a_filing_for_another_registry_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        verify_filing(filed(), chain_id=CHAIN, registry=STRANGER.address)


def test_a_filing_for_another_chain_is_refused() -> None:
    with pytest.raises(DocumentRejected) as refused:
        verify_filing(filed(), chain_id=1, registry=REGISTRY)
    assert refused.value.reason == "not_an_account"


def test_a_binding_of_another_consent_is_refused() -> None:
    other = filed(written(purposes=["HRESCH"]))
    with pytest.raises(SignatureInvalid) as refused:
        verify_filing(filed(binding=other.binding), chain_id=CHAIN, registry=REGISTRY)
    assert refused.value.reason == "binding_signature"


def test_a_permit_for_everybody_cannot_be_filed() -> None:
    source = document({"type": "permit"}, patient=written()["patient"])
    with pytest.raises(DocumentRejected) as refused:
        verify_filing(filed(source), chain_id=CHAIN, registry=REGISTRY)
    assert refused.value.reason == "actor_required"


def test_the_wire_form_and_back() -> None:
    for filing in (filed(), filed(controller=PATIENT)):
        sent = canonical(filing_to_json(filing))
        assert canonical(filing_to_json(filing_from_json(filing_to_json(filing)))) == sent
        assert filing_from_json(filing_to_json(filing)) == filing
    assert "binding" not in filing_to_json(filed(controller=PATIENT))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("document", None),
        ("document", {"resourceType": "Consent"}),
        ("salt", "0x00"),
        ("salt", "0x" + "AB" * 32),
        ("controller", CONTROLLER.address.lower()),
        ("epoch", -1),
        ("epoch", True),
        ("epoch", 1 << 16),
        ("until", 1 << 40),
        ("until", 1.0),
        ("signature", "0x" + "00" * 64),
        ("binding", None),
        ("more", 1),
    ],
)
def test_another_wire_form_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        filing_from_json(filing_to_json(filed()) | {name: value})


@pytest.mark.parametrize("missing", MEMBERS)
def test_a_member_too_few_is_refused(missing: str) -> None:
    whole = filing_to_json(filed())
    del whole[missing]
    with pytest.raises(InvalidInput) as refused:
        filing_from_json(whole)
    assert refused.value.reason == "bad_filing"


@pytest.mark.parametrize(
    ("after", "until"),
    [
        (datetime(2026, 3, 31, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),
        (datetime(2026, 4, 1, 0, 0, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2027, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_grid_is_the_end_of_the_utc_quarter(after: datetime, until: datetime) -> None:
    assert until_grid(after) == int(until.timestamp())


@pytest.mark.parametrize(
    ("period", "until"),
    [
        (None, NO_END),
        ({"start": "2026"}, NO_END),
        ({"end": "2026-03-31"}, int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())),
        ({"end": "2026-04"}, int(datetime(2026, 7, 1, tzinfo=UTC).timestamp())),
        ({"end": "2026-04-01T00:59:59+01:00"}, int(datetime(2026, 4, 1, tzinfo=UTC).timestamp())),
        ({"end": "2026-04-01T01:00:00+01:00"}, int(datetime(2026, 7, 1, tzinfo=UTC).timestamp())),
        ({"end": "9999"}, 253_402_300_800),
    ],
)
def test_the_bound_of_a_document(period: dict[str, str] | None, until: int) -> None:
    provision: dict[str, Any] = {"type": "deny"} | ({} if period is None else {"period": period})
    assert until_of(parse_document(document(provision))) == until
    assert until_grid(None) == NO_END == 2**40 - 1


def test_the_digest_hangs_on_text_document_and_salt() -> None:
    parsed = parse_document(written())
    one = commit(parsed, CONTROLLER.address, 0, SALT)
    assert one.terms.document == parsed.digest
    assert one.terms.statement == statement(parsed)
    others = [
        commit(parsed, CONTROLLER.address, 0, bytes(32)),
        commit(parse_document(written() | {"language": "en"}), CONTROLLER.address, 0, SALT),
        commit(parsed, Address(STRANGER.address), 0, SALT),
        commit(parsed, CONTROLLER.address, 1, SALT),
    ]
    assert len({item.digest(DOMAIN) for item in [one, *others]}) == 5


def test_nothing_of_a_patient_is_in_a_repr() -> None:
    found = verify_filing(filed(), chain_id=CHAIN, registry=REGISTRY)
    for shown in (repr(found), repr(filed())):
        assert PATIENT.address not in shown
        assert "share" not in shown
