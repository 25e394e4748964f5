"""CONSENT: each consent is its patient's own, and was on chain when somebody relied on it."""

from msgspec import UNSET

from ledger.audit.ground import Ground
from ledger.audit.patients import HeldConsent, Patients
from ledger.audit.report import Step
from ledger.audit.shapes import ConsentFiled, Decision
from ledger.consent.commitment import VerifiedConsent, filing_from_json, verify_filing
from ledger.errors import LedgerError
from ledger.ids import ConsentId
from ledger.policy.compiler import compile_consent
from ledger.policy.model import Outcome

_STEP = Step.CONSENT


class Filings:
    """The step, entry by entry."""

    def __init__(self, ground: Ground, patients: Patients) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._patients = patients
        self.relied: dict[str, int] = {}
        """The block in which each consent that a permit rests on was recorded."""

    def file(self, index: int, entry: ConsentFiled) -> None:
        """Verify a filing whole; only then it counts in replays."""
        self._tally.checked(_STEP)
        again = entry.consent in self._patients.filed
        self._patients.filed.setdefault(entry.consent, entry.patient)
        given = None if again else self._verified(index, entry)
        self._tally.require(
            not again,
            _STEP,
            index,
            expected="each consent once",
            found="one that was filed before",
            meaning="A consent was filed again, perhaps to outlive its stop.",
        )
        if given is not None:
            state = self._patients.state(entry.patient)
            compiled = compile_consent(given.id, given.document)
            state.consents[given.id] = HeldConsent(given=given, compiled=compiled)
            state.changed = index

    def rely(self, index: int, decision: Decision, blocks: tuple[int, ...], *, complete: bool) -> None:
        """Whatever a permit names as its basis was filed before, and active on chain at the head.

        Args:
            index: of the entry.
            decision: the entry.
            blocks: see `HeadView`.
            complete: whether all entries of the patient up to here could be read.
        """
        if decision.outcome != Outcome.PERMIT:
            return
        for consent in decision.basis:
            if not blocks:
                self._tally.could_not(_STEP, "the chain was not read up to the head of the permit")
                continue
            if not complete and consent not in self._patients.filed:
                self._tally.could_not(_STEP, "the filing that a permit rests on could not be read")
                continue
            self._tally.checked(_STEP)
            wrong = self._inactive(decision, consent, blocks)
            self._tally.require(
                not wrong,
                _STEP,
                index,
                expected=f"consent {consent}, filed before and active on chain at block {blocks[0]}",
                found=wrong,
                meaning="A permit rests on something that the patient had not put on chain, or had ended.",
            )

    def _verified(self, index: int, entry: ConsentFiled) -> VerifiedConsent | None:
        try:
            given = verify_filing(
                filing_from_json(entry.filing),
                chain_id=self._ground.chain_id,
                registry=self._ground.deployment.registry,
            )
            found = ""
            if given.id != entry.consent:
                found = f"the filing of {given.id}"
            elif given.document.patient != entry.patient:
                found = "the filing of another patient"
        except LedgerError as exc:
            found = f"{exc.message} ({exc.reason})"
        holds = self._tally.require(
            not found,
            _STEP,
            index,
            expected=f"document, statement, signatures and binding that give consent {entry.consent}",
            found=found,
            meaning="The patient did not demonstrably give this consent.",
        )
        return given if holds else None

    def _inactive(self, decision: Decision, consent: str, blocks: tuple[int, ...]) -> str:
        """Why a permit could not rest on a consent; empty if it could."""
        held = self._patients.state(decision.patient).consents.get(ConsentId(consent))
        if held is None:
            return "no such consent that was filed and holds"
        recorded = self._ground.chain.consent(ConsentId(consent), blocks[-1])
        if recorded is None:
            return "not recorded"
        given = held.given
        if (recorded.controller, recorded.epoch, recorded.until) != (
            given.controller,
            given.epoch,
            given.until,
        ):
            return "recorded with another controller, epoch or end"
        if self._ground.chain.ended_number(ConsentId(consent), blocks[0]) is not None:
            return "ended by then"
        if decision.head is not UNSET and recorded.until <= decision.head.time:
            return "expired by then"
        self.relied[consent] = recorded.recorded_number
        return ""
