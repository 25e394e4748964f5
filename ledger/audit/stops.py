"""Stops (part of RELEASE): each is signed by the consent's controller, or stands on chain."""

from msgspec import UNSET

from ledger.audit.ground import Ground
from ledger.audit.patients import HeldConsent, Patients
from ledger.audit.report import Step
from ledger.audit.shapes import Block, ConsentRevoked
from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Revocation
from ledger.errors import LedgerError
from ledger.ids import ConsentId, parse_word

_STEP = Step.RELEASE


class Stops:
    """``consent.revoked``, entry by entry."""

    def __init__(self, ground: Ground, patients: Patients) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._patients = patients

    def stop(self, index: int, entry: ConsentRevoked, *, complete: bool) -> None:
        """Check a stop. It counts from here on in any case: a doubtful stop opens nothing."""
        state = self._patients.state(entry.patient)
        held = state.consents.get(ConsentId(entry.consent))
        if held is None:
            own = self._patients.filed.get(entry.consent) == entry.patient
            self._unknown(index, certain=complete and not own)
            return
        held.revoked = True
        state.changed = index
        if entry.source == "gateway":
            self._check_signature(index, entry, held)
        else:
            self._check_chain(index, entry)

    def _unknown(self, index: int, *, certain: bool) -> None:
        if not certain:
            self._tally.could_not(_STEP, "the consent that was stopped could not be read or did not hold")
            return
        self._tally.find(
            _STEP,
            index,
            expected="a consent of this patient, filed before",
            found="none",
            meaning="Something was stopped that had never been filed.",
        )

    def _check_signature(self, index: int, entry: ConsentRevoked, held: HeldConsent) -> None:
        self._tally.checked(_STEP)
        signed = Revocation(consent=parse_word(entry.consent)).digest(self._ground.consents)
        try:
            verify(signed, unhex(entry.signature), held.given.controller)
            found = ""
        except LedgerError as exc:
            found = f"{exc.message} ({exc.reason})"
        self._tally.require(
            not found,
            _STEP,
            index,
            expected="the signature of the consent's controller",
            found=found,
            meaning="The patient did not stop this consent; somebody else closed it.",
        )

    def _check_chain(self, index: int, entry: ConsentRevoked) -> None:
        if entry.block is UNSET:
            found = "no block"
        elif entry.block.number > self._ground.tip:
            self._tally.could_not(_STEP, "the chain was not read up to the stop")
            return
        elif self._dropped(entry.block):
            self._tally.could_not(_STEP, "the block of the stop is not on the chain now")
            return
        else:
            ended = self._ground.chain.ended_number(ConsentId(entry.consent), entry.block.number)
            found = "" if ended is not None else f"not ended in block {entry.block.number}"
        self._tally.checked(_STEP)
        self._tally.require(
            not found,
            _STEP,
            index,
            expected="a consent that the chain shows as ended",
            found=found,
            meaning="The gateway closed a consent that its patient had not stopped.",
        )

    def _dropped(self, block: Block) -> bool:
        header = self._ground.chain.header(block.number)
        return header is not None and header.hash != block.hash
