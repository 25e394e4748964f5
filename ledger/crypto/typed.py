"""Everything that anyone signs here, as EIP-712 structs in four domains.

======================== ============================== ==================================================
domain                   verifying contract             structs
======================== ============================== ==================================================
Consent Ledger           ConsentRegistry                Consent (with Terms), Revocation, RevokeAll, Filing
Consent Ledger Directory ParticipantDirectory           EncryptionKey
Consent Ledger Records   ConsentRegistry                CompartmentKey, InboxKey, Publication,
                                                        Refiling, GrantCapsules, Enrolment, Erasure,
                                                        Succession, Identification, Departure
Consent Ledger Gateway   none                           AccessRequest, EmergencyDeclaration,
                                                        EmergencyReview, MachineKey, WebhookKey
======================== ============================== ==================================================

Members have the names and order of the type text. A ``bytes32`` is 32 Python bytes, an ``address`` an
`Address`, an array a tuple. ``digest(domain)`` gives the 32 bytes to sign and refuses members out of range.
"""

from dataclasses import dataclass
from typing import ClassVar

from ledger.crypto.eip712 import Domain, Struct, hash_members, signing_digest
from ledger.ids import Address

__all__ = [
    "AccessRequest",
    "CompartmentKey",
    "Consent",
    "Departure",
    "Domain",
    "EmergencyDeclaration",
    "EmergencyReview",
    "EncryptionKey",
    "Enrolment",
    "Erasure",
    "Filing",
    "GrantCapsules",
    "Identification",
    "InboxKey",
    "MachineKey",
    "Publication",
    "Refiling",
    "Revocation",
    "RevokeAll",
    "Succession",
    "Terms",
    "WebhookKey",
    "consent_digest",
    "consent_domain",
    "directory_domain",
    "gateway_domain",
    "records_domain",
]


def consent_domain(chain_id: int, registry: Address) -> Domain:
    """The domain of what `ConsentRegistry` verifies, and of `Filing`."""
    return Domain(name="Consent Ledger", version="1", chain_id=chain_id, verifying_contract=registry)


def directory_domain(chain_id: int, directory: Address) -> Domain:
    """The domain of what `ParticipantDirectory` verifies."""
    return Domain(
        name="Consent Ledger Directory", version="1", chain_id=chain_id, verifying_contract=directory
    )


def records_domain(chain_id: int, registry: Address) -> Domain:
    """The domain of what patients and writers sign about keys and records; no contract verifies it."""
    return Domain(name="Consent Ledger Records", version="1", chain_id=chain_id, verifying_contract=registry)


def gateway_domain(chain_id: int) -> Domain:
    """The domain of requests to a gateway; the gateway itself is named in the request."""
    return Domain(name="Consent Ledger Gateway", version="1", chain_id=chain_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Struct):
    """What is agreed: the text that the patient reads, SHA-256 of the document's JCS bytes, and a salt."""

    TYPE: ClassVar[str] = "Terms(string statement,bytes32 document,bytes32 salt)"

    statement: str
    document: bytes
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Struct):
    """The commitment that a controller signs; its digest is the consent id.

    ``until`` is Unix seconds, exclusive.
    """

    TYPE: ClassVar[str] = f"Consent(address controller,uint16 epoch,Terms terms,uint40 until){Terms.TYPE}"

    controller: Address
    epoch: int
    terms: Terms
    until: int

    def terms_hash(self) -> bytes:
        """``hashStruct(Terms)``: all that the chain learns of the terms."""
        return self.terms.hash_struct()


def consent_digest(
    domain: Domain, *, controller: Address, epoch: int, terms_hash: bytes, until: int
) -> bytes:
    """The digest of a `Consent` of which only the hash of the terms is known: what the contract computes.

    Raises:
        InvalidInput: a value is not of its declared type or out of its range.
    """
    values: dict[str, object] = {
        "controller": controller,
        "epoch": epoch,
        "terms": terms_hash,
        "until": until,
    }
    return signing_digest(domain, hash_members(Consent.TYPE, values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation(Struct):
    """The controller ends one consent; good before, during and after its recording."""

    TYPE: ClassVar[str] = "Revocation(bytes32 consent)"

    consent: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeAll(Struct):
    """The controller ends every consent of its current epoch."""

    TYPE: ClassVar[str] = "RevokeAll(address controller,uint16 epoch)"

    controller: Address
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing(Struct):
    """The binding: the patient's account says that a controller speaks for it in one consent."""

    TYPE: ClassVar[str] = "Filing(bytes32 consent,address controller)"

    consent: bytes
    controller: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionKey(Struct):
    """A participant's account vouches for the SHA-256 of its current encryption key."""

    TYPE: ClassVar[str] = "EncryptionKey(address participant,bytes32 key,uint32 version)"

    participant: Address
    key: bytes
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentKey(Struct):
    """A patient's account vouches for the SHA-256 of a compartment's public key in one epoch."""

    TYPE: ClassVar[str] = "CompartmentKey(address patient,bytes32 compartment,uint32 epoch,bytes32 key)"

    patient: Address
    compartment: bytes
    epoch: int
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxKey(Struct):
    """A patient's account vouches for the SHA-256 of its inbox key, for writers without a compartment key."""

    TYPE: ClassVar[str] = "InboxKey(address patient,uint32 epoch,bytes32 key)"

    patient: Address
    epoch: int
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication(Struct):
    """A writer's account vouches for a record: root, SHA-256 of header and capsule, and where it belongs.

    ``root`` is the SHA-256 digest inside the record's root CID.
    """

    TYPE: ClassVar[str] = (
        "Publication(bytes32 root,bytes32 header,address patient,bytes32 compartment,uint32 epoch,"
        "bytes32 capsule)"
    )

    root: bytes
    header: bytes
    patient: Address
    compartment: bytes
    epoch: int
    capsule: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refiling(Struct):
    """A patient's account moves a writer's record from the inbox to its compartment.

    It is no `Publication`, so that nobody can make the patient its writer, or somebody else the writer of
    what the patient published.
    """

    TYPE: ClassVar[str] = (
        "Refiling(bytes32 root,bytes32 header,address patient,address writer,bytes32 compartment,"
        "uint32 epoch,bytes32 capsule)"
    )

    root: bytes
    header: bytes
    patient: Address
    writer: Address
    compartment: bytes
    epoch: int
    capsule: bytes

    @classmethod
    def of(cls, place: Publication, writer: Address) -> "Refiling":
        """The move of a record of `writer` to a place."""
        return cls(
            root=place.root,
            header=place.header,
            patient=place.patient,
            writer=writer,
            compartment=place.compartment,
            epoch=place.epoch,
            capsule=place.capsule,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCapsules(Struct):
    """A patient's account lists the SHA-256 of every grant capsule under one consent."""

    TYPE: ClassVar[str] = "GrantCapsules(bytes32 consent,bytes32[] capsules)"

    consent: bytes
    capsules: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment(Struct):
    """A patient's account names the erasure address that tags its log entries."""

    TYPE: ClassVar[str] = "Enrolment(address patient,address erasure)"

    patient: Address
    erasure: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(Struct):
    """The erasure key asks one log to destroy everything that opens entries below a size.

    ``log`` is the log's origin, so that no other gateway can be told to erase by the same order.
    """

    TYPE: ClassVar[str] = "Erasure(string log,address patient,uint64 size)"

    log: str
    patient: Address
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession(Struct):
    """A patient goes on under a new account: the old one signs it over, and the new one takes it."""

    TYPE: ClassVar[str] = "Succession(address old,address new)"

    old: Address
    new: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification(Struct):
    """A provider has met a patient in person, who goes on under a new account.

    Without it whoever learns a patient's words could go on in their stead.
    """

    TYPE: ClassVar[str] = "Identification(address old,address new,address witness)"

    old: Address
    new: Address
    witness: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure(Struct):
    """A patient leaves one log for another gateway, whose log is ``to``; nobody serves them here any more."""

    TYPE: ClassVar[str] = "Departure(string log,address patient,string to)"

    log: str
    patient: Address
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest(Struct):
    """A participant asks one gateway for a patient's records; ``expires`` is Unix seconds."""

    TYPE: ClassVar[str] = (
        "AccessRequest(string origin,address participant,address patient,string[] purpose,string action,"
        "string[] classes,string[] records,bytes32 nonce,uint64 expires)"
    )

    origin: str
    participant: Address
    patient: Address
    purpose: tuple[str, ...]
    action: str
    classes: tuple[str, ...]
    records: tuple[str, ...]
    nonce: bytes
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineKey(Struct):
    """A participant lets the holder of a key sign in at one gateway for it; the JWK's SHA-256 thumbprint."""

    TYPE: ClassVar[str] = "MachineKey(string origin,address participant,bytes32 key)"

    origin: str
    participant: Address
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookKey(Struct):
    """A gateway signs what it tells webhooks with this Ed25519 key; the JWK's SHA-256 thumbprint."""

    TYPE: ClassVar[str] = "WebhookKey(string origin,address gateway,bytes32 key)"

    origin: str
    gateway: Address
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyDeclaration(Struct):
    """A participant states to one gateway that a patient is in an emergency; ``until`` is Unix seconds."""

    TYPE: ClassVar[str] = (
        "EmergencyDeclaration(string origin,address participant,address patient,string purpose,"
        "string reason,bytes32 nonce,uint64 until)"
    )

    origin: str
    participant: Address
    patient: Address
    purpose: str
    reason: str
    nonce: bytes
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyReview(Struct):
    """The patient or an auditor says what they find of an emergency that was declared to one gateway."""

    TYPE: ClassVar[str] = (
        "EmergencyReview(string origin,string emergency,address reviewer,string finding,string note)"
    )

    origin: str
    emergency: str
    reviewer: Address
    finding: str
    note: str
