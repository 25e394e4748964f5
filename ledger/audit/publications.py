"""The records that replays decide on: each with a header that its patient signed (part of REPLAY)."""

from ledger.audit.ground import Ground
from ledger.audit.patients import Patients
from ledger.audit.report import Step
from ledger.audit.shapes import RecordPublished
from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Publication
from ledger.errors import InvalidInput, LedgerError, SignatureInvalid
from ledger.ids import parse_address, parse_did, parse_word
from ledger.policy.model import RecordFacts
from ledger.records.cid import digest_of, parse_cid
from ledger.records.header import RecordHeader

_STEP = Step.REPLAY


class Publications:
    """``record.published``, entry by entry."""

    def __init__(self, ground: Ground, patients: Patients) -> None:
        self._ground = ground
        self._patients = patients

    def publish(self, index: int, entry: RecordPublished) -> None:
        """Verify a publication; only then the record counts in replays."""
        tally = self._ground.tally
        tally.checked(_STEP)
        try:
            facts = self._verified(entry)
        except LedgerError as exc:
            tally.find(
                _STEP,
                index,
                expected="a header that the patient's account signed for this record",
                found=f"{exc.message} ({exc.reason})",
                meaning="The labels that decisions rest on are not those of the record's writer.",
            )
            return
        state = self._patients.state(entry.patient)
        state.publish(entry.root, facts)
        state.changed = index

    def _verified(self, entry: RecordPublished) -> RecordFacts:
        if self._patients.state(entry.patient).has(entry.root):
            raise InvalidInput("the record was published before", reason="published_twice")
        header = RecordHeader.from_bytes(entry.header.encode())
        account = parse_did(entry.patient)[1]
        if header.patient != entry.patient or header.compartment != parse_word(entry.compartment):
            raise InvalidInput("the header is of another patient or compartment", reason="other_header")
        if parse_address(entry.writer) != account:
            raise SignatureInvalid("only the patient may publish", reason="other_writer")
        root = parse_cid(entry.root)
        signed = Publication(
            root=digest_of(root),
            header=header.digest,
            patient=account,
            compartment=header.compartment,
            epoch=entry.epoch,
            capsule=parse_word(entry.capsule),
        )
        verify(signed.digest(self._ground.records), unhex(entry.signature), account)
        return header.facts(root)
