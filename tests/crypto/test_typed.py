"""Every struct that is signed here hashes as eth-account hashes it, and refuses what its type cannot hold."""

from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto import typed
from ledger.crypto.eip712 import Struct, encode
from ledger.crypto.typed import (
    AccessRequest,
    CompartmentKey,
    Consent,
    Domain,
    EmergencyDeclaration,
    EmergencyReview,
    EncryptionKey,
    Enrolment,
    Erasure,
    Filing,
    GrantCapsules,
    InboxKey,
    Publication,
    Refiling,
    Revocation,
    RevokeAll,
    Terms,
    consent_digest,
    consent_domain,
    directory_domain,
    gateway_domain,
    records_domain,
)
from ledger.errors import Bug, InvalidInput
from ledger.ids import Address, address_from_bytes

CONTRACT = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")

# The types as DESIGN states them, written again so that a slip in the product does not agree with itself.
TYPES = {
    "Consent": "address controller,uint16 epoch,Terms terms,uint40 until",
    "Terms": "string statement,bytes32 document,bytes32 salt",
    "Revocation": "bytes32 consent",
    "RevokeAll": "address controller,uint16 epoch",
    "Filing": "bytes32 consent,address controller",
    "EncryptionKey": "address participant,bytes32 key,uint32 version",
    "CompartmentKey": "address patient,bytes32 compartment,uint32 epoch,bytes32 key",
    "InboxKey": "address patient,uint32 epoch,bytes32 key",
    "Publication": (
        "bytes32 root,bytes32 header,address patient,bytes32 compartment,uint32 epoch,bytes32 capsule"
    ),
    "Refiling": (
        "bytes32 root,bytes32 header,address patient,address writer,bytes32 compartment,uint32 epoch,"
        "bytes32 capsule"
    ),
    "GrantCapsules": "bytes32 consent,bytes32[] capsules",
    "Enrolment": "address patient,address erasure",
    "Erasure": "string log,address patient,uint64 size",
    "Succession": "address old,address new",
    "Identification": "address old,address new,address witness",
    "Departure": "string log,address patient,string to",
    "AccessRequest": (
        "string origin,address participant,address patient,string[] purpose,string action,"
        "string[] classes,string[] records,bytes32 nonce,uint64 expires"
    ),
    "MachineKey": "string origin,address participant,bytes32 key",
    "WebhookKey": "string origin,address gateway,bytes32 key",
    "EmergencyDeclaration": (
        "string origin,address participant,address patient,string purpose,string reason,bytes32 nonce,"
        "uint64 until"
    ),
    "EmergencyReview": "string origin,string emergency,address reviewer,string finding,string note",
}

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(address_from_bytes)
texts = st.text(st.characters(codec="utf-8"), max_size=200)
lists = st.lists(texts, max_size=4).map(tuple)
u16, u32, u40, u64 = (st.integers(0, 2**bits - 1) for bits in (16, 32, 40, 64))
terms = st.builds(Terms, statement=texts, document=words, salt=words)
structs: st.SearchStrategy[Struct] = st.one_of(
    st.builds(Consent, controller=addresses, epoch=u16, terms=terms, until=u40),
    st.builds(Revocation, consent=words),
    st.builds(RevokeAll, controller=addresses, epoch=u16),
    st.builds(Filing, consent=words, controller=addresses),
    st.builds(EncryptionKey, participant=addresses, key=words, version=u32),
    st.builds(CompartmentKey, patient=addresses, compartment=words, epoch=u32, key=words),
    st.builds(InboxKey, patient=addresses, epoch=u32, key=words),
    st.builds(
        Publication, root=words, header=words, patient=addresses, compartment=words, epoch=u32, capsule=words
    ),
    st.builds(
        Refiling,
        root=words,
        header=words,
        patient=addresses,
        writer=addresses,
        compartment=words,
        epoch=u32,
        capsule=words,
    ),
    st.builds(GrantCapsules, consent=words, capsules=st.lists(words, max_size=5).map(tuple)),
    st.builds(Enrolment, patient=addresses, erasure=addresses),
    st.builds(Erasure, patient=addresses, size=u64),
    st.builds(
        EmergencyDeclaration,
        origin=texts,
        participant=addresses,
        patient=addresses,
        purpose=texts,
        reason=texts,
        nonce=words,
        until=u64,
    ),
    st.builds(EmergencyReview, origin=texts, emergency=texts, reviewer=addresses, finding=texts, note=texts),
    st.builds(
        AccessRequest,
        origin=texts,
        participant=addresses,
        patient=addresses,
        purpose=lists,
        action=texts,
        classes=lists,
        records=lists,
        nonce=words,
        expires=u64,
    ),
)
chains = st.integers(1, 2**53)
domains = st.one_of(
    st.builds(consent_domain, chains, addresses),
    st.builds(directory_domain, chains, addresses),
    st.builds(records_domain, chains, addresses),
    st.builds(gateway_domain, chains),
)


def by_eth_account(struct: Struct, domain: Domain) -> bytes:
    """The digest of eth-account, from the hand-written types."""
    name = type(struct).__name__
    used = {name, "Terms"} if name == "Consent" else {name}
    types = {kind: [_member(text) for text in TYPES[kind].split(",")] for kind in used}
    data = {"name": domain.name, "version": domain.version, "chainId": domain.chain_id}
    if domain.verifying_contract is not None:
        data["verifyingContract"] = domain.verifying_contract
    signable = encode_typed_data(data, types, _message(struct))
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def _member(text: str) -> dict[str, str]:
    kind, name = text.split(" ")
    return {"name": name, "type": kind}


def _message(struct: Struct) -> dict[str, Any]:
    names = [member.split(" ")[1] for member in TYPES[type(struct).__name__].split(",")]
    values = {name: getattr(struct, name) for name in names}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, Struct):
        return _message(value)
    return list(value) if isinstance(value, tuple) else value


@settings(max_examples=300, deadline=None)
@given(struct=structs, domain=domains)
def test_digest_equals_eth_account(struct: Struct, domain: Domain) -> None:
    assert struct.digest(domain) == by_eth_account(struct, domain)


@settings(max_examples=50, deadline=None)
@given(controller=addresses, epoch=u16, agreed=terms, until=u40, chain=chains, registry=addresses)
def test_the_hash_of_the_terms_is_enough_for_the_digest(
    controller: Address, epoch: int, agreed: Terms, until: int, chain: int, registry: Address
) -> None:
    domain = consent_domain(chain, registry)
    consent = Consent(controller=controller, epoch=epoch, terms=agreed, until=until)
    digest = consent_digest(
        domain, controller=controller, epoch=epoch, terms_hash=consent.terms_hash(), until=until
    )
    assert digest == consent.digest(domain)


def test_every_struct_has_the_type_that_the_design_states() -> None:
    stated = {name: f"{name}({text})" for name, text in TYPES.items()}
    stated["Consent"] += stated["Terms"]
    assert {struct.__name__: struct.TYPE for struct in Struct.__subclasses__()} == stated


def test_every_struct_and_domain_is_exported() -> None:
    assert {struct.__name__ for struct in Struct.__subclasses__()} < set(typed.__all__)


def test_domains_have_the_names_that_the_design_states() -> None:
    assert consent_domain(1, CONTRACT).name == "Consent Ledger"
    assert directory_domain(1, CONTRACT).name == "Consent Ledger Directory"
    assert records_domain(1, CONTRACT).name == "Consent Ledger Records"
    assert gateway_domain(1) == Domain(name="Consent Ledger Gateway", version="1", chain_id=1)


def test_no_two_domains_share_a_separator() -> None:
    found = [
        domain.separator()
        for domain in (
            consent_domain(1, CONTRACT),
            consent_domain(2, CONTRACT),
            consent_domain(1, address_from_bytes(bytes(20))),
            directory_domain(1, CONTRACT),
            records_domain(1, CONTRACT),
            gateway_domain(1),
        )
    ]
    assert len(set(found)) == len(found)


def test_moving_text_between_neighbouring_members_changes_the_digest() -> None:
    request = AccessRequest(
        origin="https://gateway.example",
        participant=CONTRACT,
        patient=CONTRACT,
        purpose=("TREAT",),
        action="access",
        classes=("30954-2",),
        records=(),
        nonce=bytes(32),
        expires=1,
    )
    moved = AccessRequest(
        origin="https://gateway.example",
        participant=CONTRACT,
        patient=CONTRACT,
        purpose=("TREAT",),
        action="access",
        classes=(),
        records=("30954-2",),
        nonce=bytes(32),
        expires=1,
    )
    assert request.digest(gateway_domain(1)) != moved.digest(gateway_domain(1))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint16", 65536),
        ("uint16", -1),
        ("uint16", True),
        ("uint16", 1.0),
        ("uint40", 2**40),
        ("uint32", 2**32),
        ("uint64", 2**64),
        ("bytes32", bytes(31)),
        ("bytes32", bytes(33)),
        ("bytes32", "0x" + "00" * 32),
        ("address", "0x5fbdb2315678afecb367f032d93f642f64180aa3"),
        ("address", "0x5FbDB2315678afecb367f032d93F642f64180aA3"),
        ("address", bytes(20)),
        ("string", b"bytes"),
        ("string", "\ud800"),
        ("string[]", "not an array"),
        ("string[]", ("a", 1)),
        ("bytes32[]", (bytes(32), bytes(31))),
        ("Terms", Revocation(consent=bytes(32))),
        ("Terms", "text"),
    ],
)
def test_a_value_that_its_type_cannot_hold_is_refused(kind: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        encode(kind, value)


def test_an_unknown_type_is_a_bug_of_ours() -> None:
    with pytest.raises(Bug):
        encode("int8", 1)


def test_a_consent_out_of_range_has_no_digest() -> None:
    agreed = Terms(statement="", document=bytes(32), salt=bytes(32))
    consent = Consent(controller=CONTRACT, epoch=65536, terms=agreed, until=0)
    with pytest.raises(InvalidInput) as caught:
        consent.digest(consent_domain(1, CONTRACT))
    assert caught.value.reason == "bad_typed_value"
