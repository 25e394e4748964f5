"""Enrolment of patients, and the signed public keys of their compartments."""

from typing import Any

from sqlalchemy import Connection

from ledger.canonical import unb64, unhex
from ledger.crypto.sealing import PUBLIC_SIZE, key_digest
from ledger.crypto.signatures import verify
from ledger.crypto.typed import CompartmentKey, Enrolment, InboxKey
from ledger.errors import Conflict, InvalidInput
from ledger.ids import Address, digest, parse_address, parse_word
from ledger.records.header import compartment_of
from ledger.service.gateway import Gateway
from ledger.service.states import PatientState
from ledger.store.patients import CompartmentKeyRow


def enrol(
    gateway: Gateway,
    account: Address,
    *,
    erasure: str,
    signature: str,
    possession: str,
    inbox: dict[str, Any],
) -> bytes:
    """Admit a patient: the account vouches for its erasure address (the tag) and its inbox key. Idempotent.

    The erasure key signs too: tags stand in receipts, and nobody may enrol under somebody else's.

    Returns:
        The tag, 20 bytes.

    Raises:
        SignatureInvalid: not signed by `account`, or not by the erasure key.
        Conflict: the account is enrolled with another erasure address (``other_erasure``), or the patient of
            this one was erased (``erased``).
    """
    address = parse_address(erasure)
    claim = Enrolment(patient=account, erasure=address).digest(gateway.records_domain)
    verify(claim, unhex(signature), account)
    verify(claim, unhex(possession), address)
    epoch, key = _int(inbox["epoch"]), _hybrid_key(str(inbox["key"]))
    signed = InboxKey(patient=account, epoch=epoch, key=key_digest(key))
    verify(signed.digest(gateway.records_domain), unhex(str(inbox["signature"])), account)
    tag = bytes.fromhex(address[2:])
    sealed = {
        "patient": gateway.did(account),
        "erasure": address,
        "signature": signature,
        "possession": possession,
        "inbox": inbox,
    }
    lookup = gateway.look_up(account)
    with gateway.db.read() as connection:
        row = gateway.stores.patients.by_lookup(connection, lookup)
    if row is not None:
        if row.tag != tag:
            raise Conflict("this account is enrolled with another erasure address", reason="other_erasure")
        return tag
    _require_not_erased(gateway.data_keys.buried(tag))
    gateway.ensure_data_key(tag)
    with gateway.db.write() as connection:
        _require_not_erased(gateway.stores.erasures.find(connection, tag) is not None)
        gateway.stores.patients.add(connection, tag=tag, lookup=lookup, sealed=sealed)
    return tag


def _require_not_erased(erased: bool) -> None:
    if erased:
        raise Conflict(
            "the patient with these words was erased here, and stays so",
            reason="erased",
            fix="Make new words, and join with them: consent identity create",
        )


def deposit_keys(
    gateway: Gateway,
    state: PatientState,
    compartment: str,
    *,
    record_class: str,
    labels: list[str],
    keys: list[dict[str, Any]],
) -> None:
    """Store signed public keys of a compartment: the current epoch's and those for later. Idempotent.

    Raises:
        InvalidInput: the compartment is not that of this patient, class and labels; a key of wrong size.
        SignatureInvalid: a key that the patient's account did not sign.
        Conflict: another key is there for that epoch, or an epoch before the current one.
    """
    parse_word(compartment)
    if digest(compartment_of(state.did, record_class, tuple(labels))) != compartment:
        raise InvalidInput("the compartment is not that of these class and labels", reason="bad_compartment")
    for key in keys:
        _check_key(gateway, state.account, compartment, key)
    with gateway.db.write() as connection:
        present = {
            row.epoch: row
            for row in gateway.stores.patients.keys(connection, state.tag)
            if row.compartment == compartment
        }
        for key in sorted(keys, key=lambda item: int(item["epoch"])):
            _deposit(gateway, connection, state.tag, compartment, present, key, record_class, labels)


def compartments(gateway: Gateway, state: PatientState) -> list[CompartmentKeyRow]:
    """Every deposited key of a patient."""
    with gateway.db.read() as connection:
        return gateway.stores.patients.keys(connection, state.tag)


def current_epochs(rows: list[CompartmentKeyRow]) -> dict[str, int]:
    """The current epoch per compartment; a compartment whose epoch ended without a successor is absent."""
    return {row.compartment: row.epoch for row in rows if row.current}


def _deposit(
    gateway: Gateway,
    connection: Connection,
    tag: bytes,
    compartment: str,
    present: dict[int, CompartmentKeyRow],
    key: dict[str, Any],
    record_class: str,
    labels: list[str],
) -> None:
    epoch = _int(key["epoch"])
    known = present.get(epoch)
    if known is not None:
        if known.sealed["key"] != key["key"]:
            raise Conflict("another key is deposited for this epoch", reason="epoch_taken")
        return
    if present and epoch != max(present) + 1:
        raise Conflict("epochs follow one another without a gap", reason="epoch_gap")
    current = not any(row.current for row in present.values())
    sealed = {"class": record_class, "labels": labels, "key": key["key"], "signature": key["signature"]}
    gateway.stores.patients.add_key(connection, tag, compartment, epoch, current=current, sealed=sealed)
    present[epoch] = CompartmentKeyRow(compartment=compartment, epoch=epoch, current=current, sealed=sealed)


def _check_key(gateway: Gateway, account: Address, compartment: str, key: dict[str, Any]) -> None:
    signed = CompartmentKey(
        patient=account,
        compartment=parse_word(compartment),
        epoch=_int(key["epoch"]),
        key=key_digest(_hybrid_key(str(key["key"]))),
    )
    verify(signed.digest(gateway.records_domain), unhex(str(key["signature"])), account)


def _hybrid_key(text: str) -> bytes:
    key = unb64(text)
    if len(key) != PUBLIC_SIZE:
        raise InvalidInput(f"a public key has {PUBLIC_SIZE} bytes", reason="bad_public_key")
    return key


def _int(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput("an epoch is a whole number from 0", reason="bad_epoch")
    return value
