"""The records that replays decide on: each with a header that its writer signed (part of REPLAY).

Who is not the patient writes on a PERMIT for this very record, in the entry directly before: so no stop lies
between. What such a writer sealed to the inbox is handed to nobody before the patient has filed it.
"""

from msgspec import UNSET

from ledger.audit.ground import Ground
from ledger.audit.patients import Patients
from ledger.audit.report import Step
from ledger.audit.shapes import Decision, RecordPublished, RecordRefiled
from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Publication, Refiling
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import Address, did_of, parse_address, parse_did, parse_word
from ledger.policy.model import Outcome
from ledger.records.cid import digest_of, parse_cid
from ledger.records.header import INBOX, RecordHeader

_STEP = Step.REPLAY


class Publications:
    """``record.published`` and ``record.refiled``, entry by entry."""

    def __init__(self, ground: Ground, patients: Patients) -> None:
        self._ground = ground
        self._patients = patients
        self._decided: tuple[int, Decision] | None = None

    def decided(self, index: int, decision: Decision) -> None:
        """Remember the last decision, which a publication may rest on."""
        self._decided = index, decision

    def publish(self, index: int, entry: RecordPublished, *, complete: bool) -> None:
        """Verify a publication; only then the record counts in replays.

        `complete`: whether all entries of the patient up to here could be read.
        """
        tally = self._ground.tally
        if entry.decision is not UNSET and self._permit(index) is None and not complete:
            tally.could_not(_STEP, "entries before it could not be read")
            return
        tally.checked(_STEP)
        try:
            header = self._verified(index, entry)
        except LedgerError as exc:
            tally.find(
                _STEP,
                index,
                expected="a header that the record's writer signed: the patient, or whom a permit allows it",
                found=f"{exc.message} ({exc.reason})",
                meaning="Decisions rest on labels that no writer vouches for, or on a record nobody allowed.",
            )
            return
        state = self._patients.state(entry.patient)
        state.publish(entry.root, header.facts(parse_cid(entry.root)))
        if parse_word(entry.compartment) == INBOX:
            state.waiting[entry.root] = header, parse_address(entry.writer)
        state.changed = index

    def refile(self, index: int, entry: RecordRefiled, *, complete: bool) -> None:
        """Verify that the patient moved a waiting record; `complete` as for `publish`."""
        tally, waiting = self._ground.tally, self._patients.state(entry.patient).waiting
        found = waiting.get(entry.root)
        if found is None and not complete:
            tally.could_not(_STEP, "entries before it could not be read")
            return
        tally.checked(_STEP)
        try:
            self._check_refiled(entry, found)
        except LedgerError as exc:
            tally.find(
                _STEP,
                index,
                expected="a record in the patient's inbox, and their signature for its new place",
                found=f"{exc.message} ({exc.reason})",
                meaning="The record was opened to others without its patient.",
            )
            return
        del waiting[entry.root]

    def _verified(self, index: int, entry: RecordPublished) -> RecordHeader:
        if self._patients.state(entry.patient).has(entry.root):
            raise InvalidInput("the record was published before", reason="published_twice")
        header = RecordHeader.from_bytes(entry.header.encode())
        patient, writer = parse_did(entry.patient)[1], parse_address(entry.writer)
        compartment = parse_word(entry.compartment)
        others = writer != patient
        if header.patient != entry.patient or compartment not in (header.compartment, *[INBOX] * others):
            raise InvalidInput("the header is of another patient or compartment", reason="other_header")
        if others or entry.decision is not UNSET:
            self._require_permit(index, entry, writer)
        signed = _publication(entry, header)
        verify(signed.digest(self._ground.records), unhex(entry.signature), writer)
        return header

    def _require_permit(self, index: int, entry: RecordPublished, writer: Address) -> None:
        decision = self._permit(index)
        if decision is None or entry.decision != index - 1:
            raise InvalidInput("no permit directly before", reason="not_permitted")
        checks = (
            (decision.subject == did_of(self._ground.chain_id, writer), "a permit of another writer"),
            (decision.patient == entry.patient, "a permit of another patient"),
            (decision.resource.root == entry.root, "a permit for another record"),
            (decision.resource.header == entry.header, "a permit for another header"),
        )
        wrong = next((why for holds, why in checks if not holds), "")
        if wrong:
            raise InvalidInput(wrong, reason="not_permitted")

    def _permit(self, index: int) -> Decision | None:
        """The decision directly before an entry, if it permits to add a record."""
        at, decision = self._decided or (-1, None)
        if decision is None or at != index - 1 or decision.resource.type != "publication":
            return None
        return decision if decision.outcome == Outcome.PERMIT and decision.action == "collect" else None

    def _check_refiled(self, entry: RecordRefiled, found: tuple[RecordHeader, Address] | None) -> None:
        if found is None:
            raise InvalidInput("no such record waits", reason="not_waiting")
        header, writer = found
        if parse_word(entry.compartment) != header.compartment:
            raise InvalidInput("another compartment than its header says", reason="other_header")
        place = _publication(entry, header)
        signed = Refiling.of(place, writer)
        verify(signed.digest(self._ground.records), unhex(entry.signature), place.patient)


def _publication(entry: RecordPublished | RecordRefiled, header: RecordHeader) -> Publication:
    """Where an entry puts a record."""
    return Publication(
        root=digest_of(parse_cid(entry.root)),
        header=header.digest,
        patient=parse_did(entry.patient)[1],
        compartment=parse_word(entry.compartment),
        epoch=entry.epoch,
        capsule=parse_word(entry.capsule),
    )
