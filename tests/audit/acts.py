"""What people and gateways do, as the entries and events that it leaves behind.

Signatures, filings and headers are real. Outcomes are written by hand, not computed: what an audit must find
is known from somewhere else.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ledger.canonical import canonical, hexed
from ledger.chain.deployment import Deployment
from ledger.chain.events import ParticipantAdmitted, Recorded, Revoked
from ledger.consent.builder import Party, build
from ledger.consent.commitment import Filing, commit, filing_to_json, verify_filing
from ledger.consent.document import parse_document
from ledger.consent.selection import any_of
from ledger.consent.statement import statement
from ledger.crypto.identity import Account
from ledger.crypto.typed import (
    AccessRequest,
    EmergencyDeclaration,
    EmergencyReview,
    Enrolment,
    Publication,
    Refiling,
    Revocation,
    consent_domain,
    gateway_domain,
    records_domain,
)
from ledger.crypto.typed import Filing as Binding
from ledger.ids import Cid, ConsentId, Did, Digest, did_of, digest, parse_did, parse_word
from ledger.log.checkpoint import LogKey, origin_of
from ledger.records.cid import Codec, cid_of, digest_of
from ledger.records.header import RecordHeader

CHAIN_ID = 31337
BASE = 1_772_366_400
SECONDS = 12
TIP = 80
FINAL = 70
MAX_HEAD_AGE = 60
FAR = datetime(2027, 6, 30, tzinfo=UTC)
NOW = datetime.fromtimestamp(BASE + SECONDS * TIP + 6, UTC)


def account(name: str) -> Account:
    return Account.from_key(sha256(f"tests/audit {name}".encode()).digest())


def did(name: str) -> Did:
    return did_of(CHAIN_ID, account(name).address)


def tag(name: str) -> bytes:
    """The tag of an enrolled patient."""
    return bytes.fromhex(account(f"{name} erasure").address[2:])


DEPLOYMENT = Deployment(
    chain_id=CHAIN_ID,
    registry=account("registry").address,
    directory=account("directory").address,
    anchor=account("anchor").address,
    block=1,
)
ORIGIN = origin_of(CHAIN_ID, DEPLOYMENT.anchor, account("gateway").address)
KEY = LogKey(ORIGIN, sha256(b"tests/audit log key").digest())
CONSENTS = consent_domain(CHAIN_ID, DEPLOYMENT.registry)
RECORDS = records_domain(CHAIN_ID, DEPLOYMENT.registry)
REQUESTS = gateway_domain(CHAIN_ID)
URL = "http://127.0.0.1:8440"


# The chain


def block_hash(number: int) -> Digest:
    return digest(sha256(f"block {number}".encode()).digest())


def block_time(number: int) -> int:
    return BASE + SECONDS * number


def head(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "hash": block_hash(number),
        "time": block_time(number),
        "final": max(0, number - 4),
    }


def place(number: int, log_index: int = 0) -> dict[str, Any]:
    return {
        "number": number,
        "block_hash": block_hash(number),
        "log_index": log_index,
        "transaction": digest(sha256(f"tx {number}".encode()).digest()),
    }


def admitted(name: str, roles: int, number: int = 2) -> ParticipantAdmitted:
    return ParticipantAdmitted(
        **place(number), participant=account(name).address, roles=roles, profile=bytes(32)
    )


def recorded(consent: dict[str, Any], number: int) -> Recorded:
    filing = consent["filing"]
    return Recorded(
        **place(number),
        consent=consent["consent"],
        controller=filing["controller"],
        epoch=filing["epoch"],
        until=filing["until"],
    )


def ended(consent: dict[str, Any], number: int) -> Revoked:
    return Revoked(**place(number), consent=consent["consent"], controller=consent["filing"]["controller"])


# Entries


def entry(
    kind: str,
    at_block: int | None,
    after: float = 1.0,
    **members: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """An entry `after` seconds after block `at_block`, which is its head."""
    number = 3 if at_block is None else at_block
    shown = {
        "format": "consent-ledger/entry/1",
        "kind": kind,
        "time": int((block_time(number) + after) * 1000),
    }
    return shown | members | ({} if at_block is None else {"head": head(at_block)})


def opened(at_block: int = 3) -> dict[str, Any]:
    return entry(
        "log.opened",
        at_block,
        origin=ORIGIN,
        log_key=KEY.verifier,
        chain_id=CHAIN_ID,
        registry=DEPLOYMENT.registry,
        directory=DEPLOYMENT.directory,
        anchor=DEPLOYMENT.anchor,
        policy="deny-overrides/1",
        level="seen",
        max_head_age=MAX_HEAD_AGE,
    )


def root(name: str) -> Cid:
    return cid_of(Codec.DAG_CBOR, f"record {name}".encode())


def header(patient: str, record_class: str, labels: tuple[str, ...]) -> RecordHeader:
    return RecordHeader(
        kind="fhir-segment",
        patient=did(patient),
        record_class=record_class,
        confidentiality="R" if labels else "N",
        labels=labels,
        media_type="application/fhir+json",
        compression="zstd",
        size=100,
        date="2025-05-03",
        codes=(("http://loinc.org|2093-3",),),
        resources=(("Observation/1",),),
    )


def published(
    patient: str, name: str, record_class: str, at_block: int, labels: tuple[str, ...] = ()
) -> dict[str, Any]:
    head_of = header(patient, record_class, labels)
    members: dict[str, Any] = {
        "root": root(name),
        "header": head_of.to_bytes().decode(),
        "capsule": digest(sha256(f"capsule {name}".encode()).digest()),
        "compartment": digest(head_of.compartment),
        "epoch": 0,
        "writer": account(patient).address,
    }
    shown = entry("record.published", at_block, patient=did(patient), **members, signature="")
    return sign_publication(shown, patient)


def sign_publication(shown: dict[str, Any], signer: str) -> dict[str, Any]:
    """`shown` with the signature over the header and everything else that it now has."""
    return shown | {"signature": hexed(account(signer).sign(publication(shown).digest(RECORDS)))}


def publication(shown: dict[str, Any]) -> Publication:
    """Where an entry puts a record."""
    return Publication(
        root=digest_of(shown["root"]),
        header=sha256(shown["header"].encode()).digest(),
        patient=parse_did(shown["patient"])[1],
        compartment=parse_word(shown["compartment"]),
        epoch=shown["epoch"],
        capsule=parse_word(shown["capsule"]),
    )


INBOX = digest(bytes(32))


def proposed(
    patient: str, writer: str, name: str, at_block: int, outcome: str, basis: Sequence[str] = ()
) -> dict[str, Any]:
    """A decision on a record that a writer would add."""
    own, text = root(name), header(patient, "30954-2", ()).to_bytes().decode()
    shown = decided(
        patient, writer, at_block, outcome, permitted=[own] if outcome == "PERMIT" else [], basis=basis
    )
    resource = {"type": "publication", "root": own, "header": text}
    return shown | {"action": "collect", "resource": resource}


def written(patient: str, writer: str, name: str, at_block: int, decision: int) -> dict[str, Any]:
    """A writer's record in a patient's inbox, on a permit."""
    shown = published(patient, name, "30954-2", at_block)
    shown |= {"compartment": INBOX, "writer": account(writer).address, "decision": decision}
    return sign_publication(shown, writer)


def refiled(
    patient: str, name: str, at_block: int, *, writer: str = "watch", signer: str | None = None
) -> dict[str, Any]:
    """The patient's move of a writer's record to its compartment."""
    shown = published(patient, name, "30954-2", at_block)
    shown |= {"capsule": digest(sha256(b"moved").digest())}
    signed = Refiling.of(publication(shown), account(writer).address)
    shown["signature"] = hexed(account(signer or patient).sign(signed.digest(RECORDS)))
    kept = ("root", "capsule", "compartment", "epoch", "signature")
    return entry("record.refiled", at_block, patient=did(patient), **{one: shown[one] for one in kept})


def filed(
    patient: str,
    grantee: str,
    name: str,
    at_block: int,
    *,
    deny: bool = False,
    until: datetime | None = FAR,
    excepted: Sequence[str] = (),
    starts: int = 1,
    actions: Sequence[str] | None = None,
    purpose: str = "TREAT",
) -> dict[str, Any]:
    document = parse_document(
        canonical(
            build(
                patient=did(patient),
                grantees=[Party(did=did(grantee), display=grantee.title())],
                purposes=[] if deny else [purpose],
                starts=datetime.fromtimestamp(block_time(starts), UTC),
                until=until,
                at=datetime.fromtimestamp(block_time(starts), UTC),
                exceptions=any_of(labels=excepted),
                actions=actions,
                deny=deny,
            )
        )
    )
    controller = account(f"{patient} controller {name}")
    commitment = commit(document, controller.address, 0, sha256(name.encode()).digest())
    signed = commitment.digest(CONSENTS)
    binding = Binding(consent=signed, controller=controller.address).digest(CONSENTS)
    filing = Filing(
        document=document.canonical,
        statement=statement(document),
        salt=commitment.terms.salt,
        controller=controller.address,
        epoch=0,
        until=commitment.until,
        signature=controller.sign(signed),
        binding=account(patient).sign(binding),
    )
    given = verify_filing(filing, chain_id=CHAIN_ID, registry=DEPLOYMENT.registry)
    erasure = account(f"{patient} erasure").address
    enrolment = Enrolment(patient=account(patient).address, erasure=erasure).digest(RECORDS)
    return entry(
        "consent.filed",
        at_block,
        patient=did(patient),
        consent=given.id,
        filing=filing_to_json(filing),
        enrolment={
            "erasure": erasure,
            "signature": hexed(account(patient).sign(enrolment)),
            "possession": hexed(account(f"{patient} erasure").sign(enrolment)),
        },
    )


def revocation(consent: ConsentId, patient: str, name: str) -> str:
    """The controller's signature over a stop."""
    signed = Revocation(consent=parse_word(consent)).digest(CONSENTS)
    return hexed(account(f"{patient} controller {name}").sign(signed))


def decided(
    patient: str,
    subject: str,
    at_block: int,
    outcome: str,
    *,
    permitted: Sequence[str] = (),
    basis: Sequence[str] = (),
    obligations: Sequence[str] = (),
    classes: Sequence[str] = (),
    records: Sequence[str] = (),
    after: float = 1.0,
    purpose: str = "TREAT",
) -> dict[str, Any]:
    resource: dict[str, Any] = {"type": "patient", "classes": sorted(classes)}
    if records:
        resource = {"type": "record", "ids": sorted(records)}
    return entry(
        "decision",
        at_block,
        after,
        patient=did(patient),
        evaluation="ev_" + "0" * 26,
        at=int((block_time(at_block) + after) * 1000) - 2,
        subject=did(subject),
        purpose=[purpose],
        action="access",
        emergency=False,
        resource=resource,
        outcome=outcome,
        permitted=sorted(permitted),
        basis=sorted(basis),
        obligations=sorted(obligations),
        policy="deny-overrides/1",
        level="seen",
    )


def released(
    patient: str,
    subject: str,
    at_block: int,
    decision: int,
    records: Sequence[str],
    *,
    after: float = 1.5,
    nonce: str = "first",
    purpose: str = "TREAT",
) -> dict[str, Any]:
    request = {
        "origin": URL,
        "participant": did(subject),
        "patient": did(patient),
        "purpose": [purpose],
        "action": "access",
        "classes": [],
        "records": [],
        "nonce": digest(sha256(nonce.encode()).digest()),
        "expires": block_time(at_block) + 120,
    }
    return entry(
        "release",
        at_block,
        after,
        patient=did(patient),
        decision=decision,
        subject=did(subject),
        request=request,
        signature=sign_request(request, subject),
        records=sorted(records),
    )


def sign_request(request: dict[str, Any], signer: str) -> str:
    signed = AccessRequest(
        origin=request["origin"],
        participant=parse_did(request["participant"])[1],
        patient=parse_did(request["patient"])[1],
        purpose=tuple(request["purpose"]),
        action=request["action"],
        classes=tuple(request["classes"]),
        records=tuple(request["records"]),
        nonce=parse_word(request["nonce"]),
        expires=request["expires"],
    )
    return hexed(account(signer).sign(signed.digest(REQUESTS)))


def declared(
    patient: str, subject: str, at_block: int, *, purpose: str = "ETREAT", nonce: str = "first"
) -> dict[str, Any]:
    """A provider's declaration, which lasts an hour and is to be reviewed within a minute."""
    said = {
        "origin": URL,
        "participant": did(subject),
        "patient": did(patient),
        "purpose": purpose,
        "reason": "Found unconscious",
        "nonce": digest(sha256(f"emergency {nonce}".encode()).digest()),
        "until": block_time(at_block) + 3600,
    }
    return entry(
        "emergency.declared",
        at_block,
        0.5,
        patient=did(patient),
        emergency="em_" + "0" * 26,
        subject=did(subject),
        due=(block_time(at_block) + 60) * 1000,
        declaration=said,
        signature=sign_declaration(said, subject),
    )


def sign_declaration(said: dict[str, Any], signer: str) -> str:
    signed = EmergencyDeclaration(
        origin=said["origin"],
        participant=parse_did(said["participant"])[1],
        patient=parse_did(said["patient"])[1],
        purpose=said["purpose"],
        reason=said["reason"],
        nonce=parse_word(said["nonce"]),
        until=said["until"],
    )
    return hexed(account(signer).sign(signed.digest(REQUESTS)))


def reviewed(patient: str, reviewer: str, at_block: int, emergency: int) -> dict[str, Any]:
    """A review of the emergency at an index."""
    body = {"emergency": "em_" + "0" * 26, "origin": URL, "finding": "justified", "note": "Seen"}
    members: dict[str, Any] = {"declared": emergency, "reviewer": did(reviewer), **body}
    shown = entry("emergency.reviewed", at_block, patient=did(patient), **members, signature="")
    return sign_review(shown, reviewer)


def sign_review(shown: dict[str, Any], signer: str) -> dict[str, Any]:
    """`shown` with the signature over what it now says."""
    signed = EmergencyReview(
        origin=shown["origin"],
        emergency=shown["emergency"],
        reviewer=parse_did(shown["reviewer"])[1],
        finding=shown["finding"],
        note=shown["note"],
    )
    return shown | {"signature": hexed(account(signer).sign(signed.digest(REQUESTS)))}
