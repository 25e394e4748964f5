"""ENTRY: each row gives its leaf, opens to a canonical entry, and stands under its patient's tag.

A row that does not open is *erased* only if a ``patient.erased`` with its tag covers its index; which comes
later in the log, so that is settled at the end.
"""

from ledger.audit.ground import Ground
from ledger.audit.report import Step
from ledger.audit.shapes import (
    AnyEntry,
    ConsentFiled,
    OfPatient,
    PatientErased,
    Unruled,
    read_entry,
)
from ledger.audit.sources import Row
from ledger.audit.tags import Tags
from ledger.canonical import hexed, unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Enrolment, Erasure
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import address_from_bytes, parse_address, parse_did
from ledger.log.entry import NO_PATIENT, decode, inner, leaf_data
from ledger.log.merkle import leaf_hash

_STEP = Step.ENTRY


class Opening:
    """The step, row by row."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._tags = Tags()
        self._closed: dict[bytes, list[int]] = {}
        self._withheld: set[bytes] = set()

    def withheld(self, tag: bytes) -> bool:
        """Whether some entry under this tag could not be read, so that what follows cannot be replayed."""
        return tag in self._withheld

    def read(self, row: Row) -> AnyEntry | None:
        """The entry in a row; None if it does not open, or is not what the leaf commits to."""
        self._tally.checked(_STEP)
        committed = self._check_leaf(row)
        if row.salt is None or row.entry is None:
            self._closed.setdefault(row.tag, []).append(row.index)
            self._withheld.add(row.tag)
            return None
        entry = self._decoded(row) if self._check_inner(row) and committed else None
        if entry is None:
            self._withheld.add(row.tag)
            return None
        self._check_tag(row, entry)
        return entry

    def settle(self) -> None:
        """After the last row: what stayed closed was changed or held back, not erased."""
        for index in sorted(index for closed in self._closed.values() for index in closed):
            self._tally.find(
                _STEP,
                index,
                expected="an entry that opens, or a patient.erased that covers it",
                found="nothing that opens",
                meaning="The entry was damaged or deleted, or its content is held back.",
            )
        self._tally.could_not(
            _STEP, "no consent shows the patient's signature over the tag", self._tags.unproven
        )

    def _check_leaf(self, row: Row) -> bool:
        sound = len(row.tag) == 20 and len(row.inner) == 32
        expected = leaf_hash(leaf_data(row.tag, row.inner)) if sound else b""
        return self._tally.require(
            sound and row.leaf == expected,
            _STEP,
            row.index,
            expected=f"leaf {hexed(expected)} from tag and inner hash",
            found=f"leaf {hexed(row.leaf)}",
            meaning="The stored row was changed: tag, inner hash and leaf do not belong together.",
        )

    def _check_inner(self, row: Row) -> bool:
        salt, entry = row.salt or b"", row.entry or b""
        found = inner(salt, entry) if len(salt) == 32 else b""
        return self._tally.require(
            found == row.inner,
            _STEP,
            row.index,
            expected=f"an entry with inner hash {hexed(row.inner)}",
            found=hexed(found),
            meaning="Another text is shown than the one that was logged.",
        )

    def _decoded(self, row: Row) -> AnyEntry | None:
        try:
            return read_entry(decode(row.entry or b""))
        except InvalidInput as exc:
            self._tally.find(
                _STEP,
                row.index,
                expected="a canonical entry of a known kind",
                found=exc.message,
                meaning="The gateway logged something that cannot be checked.",
            )
            return None

    def _check_tag(self, row: Row, entry: AnyEntry) -> None:
        match entry:
            case PatientErased():
                self._erase(row.index, entry)
            case Unruled():
                self._tally.could_not(_STEP, f"no rules here for {entry.kind}")
        patient = entry.patient if isinstance(entry, OfPatient | Unruled) else ""
        if not patient:
            wrong = "" if row.tag == NO_PATIENT else "the tag of a patient"
        elif row.tag == NO_PATIENT:
            wrong = "the tag for entries without a patient"
        else:
            wrong = self._tags.place(patient, row.tag, entry)
        self._tally.require(
            not wrong,
            _STEP,
            row.index,
            expected="the one tag of the entry's patient",
            found=wrong,
            meaning="An erasure would not reach this entry, or would reach another patient's.",
        )
        if isinstance(entry, ConsentFiled) and not wrong:
            self._check_enrolment(row, entry)

    def _check_enrolment(self, row: Row, entry: ConsentFiled) -> None:
        try:
            account = parse_did(entry.patient)[1]
            erasure = parse_address(entry.enrolment.erasure)
            signed = Enrolment(patient=account, erasure=erasure).digest(self._ground.records)
            verify(signed, unhex(entry.enrolment.signature), account)
            verify(signed, unhex(entry.enrolment.possession), erasure)
            found = "" if bytes.fromhex(erasure[2:]) == row.tag else "a signature over another tag"
        except LedgerError as exc:
            found = f"{exc.message} ({exc.reason})"
        if self._tally.require(
            not found,
            _STEP,
            row.index,
            expected="the patient's signature over this tag",
            found=found,
            meaning="The patient did not agree that this tag stands for them.",
        ):
            self._tags.prove(entry.patient)

    def _erase(self, index: int, erased: PatientErased) -> None:
        tag = self._erased_tag(index, erased)
        closed = self._closed.get(tag, [])
        limit = min(erased.size, index)
        self._closed[tag] = [at for at in closed if at >= limit]
        covered = len(closed) - len(self._closed[tag])
        by = "of an erased patient" if erased.signature else "of a patient erased by a legal order"
        self._tally.could_not(_STEP, by, covered)
        self._tally.require(
            not self._tags.opened(tag),
            _STEP,
            index,
            expected="no entry under the erased tag that still opens",
            found="some open",
            meaning="The key was not destroyed, or entries are held back under the name of an erasure.",
        )

    def _erased_tag(self, index: int, erased: PatientErased) -> bytes:
        """The tag that was erased; none if the erasure does not prove itself."""
        try:
            tag = unhex(erased.tag)
            address = address_from_bytes(tag)
            if erased.signature or not erased.order:
                signed = Erasure(log=self._ground.origin, patient=address, size=erased.size)
                verify(signed.digest(self._ground.records), unhex(erased.signature), address)
        except LedgerError as exc:
            self._tally.find(
                _STEP,
                index,
                expected="the signature of the erasure key, or a named legal order",
                found=f"{exc.message} ({exc.reason})",
                meaning="Nobody who may erase has asked for it.",
            )
            return b""
        return tag
