"""A writer's records of a patient: sealed to keys that the patient signed, whatever gateway hands them over.

The writer can open nothing of it. What a lying gateway could still do is to offer a key that the patient did
sign, but for an epoch that has ended; whoever wrote to a later one remembers that, others cannot know.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ledger.canonical import unb64, unhex
from ledger.client.context import Context
from ledger.client.outbox import submission
from ledger.client.wire import RefusedRecord, SealingPlace
from ledger.crypto.sealing import PUBLIC_SIZE, key_digest
from ledger.crypto.signatures import verify
from ledger.crypto.typed import CompartmentKey, InboxKey
from ledger.errors import AccessDenied, ProofInvalid, SignatureInvalid
from ledger.ids import Did, digest, parse_did, parse_word
from ledger.log.entry import EntryKind
from ledger.records.header import INBOX, RecordHeader
from ledger.records.publish import Place, Published

COLLECT = "collect"


class WritersOutbox:
    """The `Outbox` of a provider for the records of a patient, on a permit to collect for each of them."""

    def __init__(self, context: Context, patient: Did, purposes: Sequence[str]) -> None:
        """Nothing is sent yet. `patient` is known from themselves, and not from a gateway."""
        self._context = context
        self._patient = patient
        self._purposes = tuple(purposes)
        self._places: dict[bytes, Place] = {}

    @property
    def patient(self) -> Did:
        """See `Outbox.patient`."""
        return self._patient

    @property
    def purposes(self) -> tuple[str, ...]:
        """See `Outbox.purposes`."""
        return self._purposes

    def place(self, header: RecordHeader) -> Place:
        """See `Outbox.place`.

        Raises:
            AccessDenied: no consent lets this writer add such a record, or there is no such patient.
            SignatureInvalid: the patient did not sign this key for this compartment (``foreign_key``).
            ProofInvalid: the epoch ended before this writer wrote last (``epoch_ended_before``).
        """
        compartment = header.compartment
        if compartment not in self._places:
            text = header.to_bytes().decode()
            told = self._context.gateway.place(self._patient, text, self._purposes)
            self._places[compartment] = self._verified(told, compartment)
        return self._places[compartment]

    def has_ended(self, record: Published) -> bool:
        """See `Outbox.has_ended`: as far as this writer has written to a later one."""
        known = self._context.state.epochs.get(record.header.compartment, -1)
        return record.kind == "record" and record.epoch < known

    def refresh(self) -> None:
        """See `Outbox.refresh`; places are asked for again when they are needed."""
        self._places.clear()

    def send(self, batch: Sequence[Published]) -> None:
        """See `Outbox.send`; the receipts are verified and kept.

        Raises:
            AccessDenied: some of the records may not be added, so none was.
            ProofInvalid: a receipt does not prove what the gateway answered.
        """
        bodies = [submission(self._context, one) for one in batch]
        answer = self._context.gateway.write(self._patient, bodies, self._purposes)
        if answer.refused or len(answer.receipts) != len(batch):
            self._refuse(answer.refused, answer.receipts, batch)
        for body, receipt in zip(bodies, answer.receipts, strict=True):
            self._context.log.take(receipt, EntryKind.RECORD_PUBLISHED, self._entry(body))
        self._context.log.settle()

    def _verified(self, told: SealingPlace, compartment: bytes) -> Place:
        """The key, if the patient signed it for the place where the record belongs."""
        public, named = unb64(told.key), parse_word(told.compartment)
        account, key = parse_did(self._patient)[1], key_digest(public)
        claim: CompartmentKey | InboxKey
        if named == INBOX:
            claim = InboxKey(patient=account, epoch=told.epoch, key=key)
        elif named == compartment:
            claim = CompartmentKey(patient=account, compartment=compartment, epoch=told.epoch, key=key)
        else:
            raise _foreign("the gateway names a key of another place")
        try:
            verify(claim.digest(self._context.records_domain), unhex(told.signature), account)
        except SignatureInvalid as exc:
            raise _foreign("the gateway names a key that this patient did not sign for this place") from exc
        if len(public) != PUBLIC_SIZE:
            raise _foreign(f"the patient signed what is no key of {PUBLIC_SIZE} bytes")
        if named == INBOX:
            return Place(epoch=told.epoch, public_key=public, kind="inbox")
        self._require_not_ended(compartment, told.epoch)
        return Place(epoch=told.epoch, public_key=public)

    def _require_not_ended(self, compartment: bytes, epoch: int) -> None:
        """Refuse an epoch before one that the patient's key was taken of; remember this one durably."""
        epochs = self._context.state.epochs
        known = epochs.get(compartment, -1)
        if epoch < known:
            raise ProofInvalid(
                "the gateway names a key of an epoch that has ended: somebody stopped may hold it",
                reason="epoch_ended_before",
                fix="Nothing was sealed. Add nothing there, and tell the patient and the operator.",
            )
        if epoch > known:
            epochs[compartment] = epoch
            self._context.state.save()

    def _refuse(
        self, refused: Sequence[RefusedRecord], receipts: Sequence[dict[str, Any]], batch: Sequence[Published]
    ) -> None:
        """Take the receipts of refusals, then raise."""
        texts = {str(one.root): one.header.to_bytes().decode() for one in batch}
        if not refused or len(refused) != len(receipts) or not {one.root for one in refused} <= texts.keys():
            raise ProofInvalid("the gateway gave no receipt for each answer", reason="receipt_missing")
        for one, receipt in zip(refused, receipts, strict=True):
            decision = one.decision
            expected: dict[str, object] = {
                "evaluation": decision.evaluation,
                "subject": self._context.did,
                "patient": self._patient,
                "purpose": list(self._purposes),
                "action": COLLECT,
                "resource": {"type": "publication", "root": one.root, "header": texts[one.root]},
                "outcome": decision.outcome,
                "permitted": [],
            }
            self._context.log.take(receipt, EntryKind.DECISION, expected)
        self._context.log.settle()
        first = refused[0].decision
        raise AccessDenied(
            f"{len(refused):,} of {len(batch):,} records may not be added: no active consent covers them",
            reason=first.outcome.lower(),
            fix="Ask the patient: consent request send PATIENT --action collect --purpose PURPOSE",
            outcome=first.outcome,
            evaluation=first.evaluation,
            index=int(receipts[0]["index"]),
        )

    def _entry(self, body: dict[str, Any]) -> dict[str, object]:
        """What the log must say of a record of ours."""
        capsule = digest(sha256(unb64(body["capsule"])).digest())
        writer = self._context.account.address
        return {**body, "capsule": capsule, "patient": self._patient, "writer": writer}


def _foreign(why: str) -> SignatureInvalid:
    return SignatureInvalid(
        why,
        reason="foreign_key",
        fix="Nothing was sealed. Add nothing there; tell the patient and the operator.",
    )
