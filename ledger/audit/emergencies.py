"""Emergencies (part of RELEASE): each is signed for, and lasts no longer than it may; so is each review.

That nobody has reviewed one yet is no failure of the log: it is said in the notes.
"""

from dataclasses import dataclass

from msgspec import UNSET

from ledger.audit.ground import Ground
from ledger.audit.report import Step
from ledger.audit.shapes import Decision, EmergencyDeclared, EmergencyReviewed, SignedDeclaration
from ledger.canonical import unhex
from ledger.consent import codes
from ledger.crypto.signatures import verify
from ledger.crypto.typed import EmergencyDeclaration, EmergencyReview
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import Address, parse_did, parse_word
from ledger.parties import Role

_STEP = Step.RELEASE
LONGEST = 12 * 3600
"""How many seconds an emergency may last."""


@dataclass(slots=True, kw_only=True)
class Held:
    """An emergency that proves itself; ``reviewed`` once somebody did."""

    entry: EmergencyDeclared
    reviewed: bool = False


class Emergencies:
    """Declarations and reviews, entry by entry, by the index of the declaration."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._held: dict[int, Held] = {}
        self._nonces: set[tuple[str, str]] = set()
        self._stale: set[int] = set()

    def declare(self, index: int, entry: EmergencyDeclared) -> None:
        """Verify a declaration; only then decisions may rest on it."""
        self._tally.checked(_STEP)
        wrong = self._flaw(entry)
        self._nonces.add((entry.subject, entry.declaration.nonce))
        if self._tally.require(
            not wrong,
            _STEP,
            index,
            expected="a fresh declaration that its provider signed, with a purpose that needs one",
            found=wrong,
            meaning="Nobody answers for this emergency.",
        ):
            self._held[index] = Held(entry=entry)

    def review(
        self, index: int, entry: EmergencyReviewed, blocks: tuple[int, ...], *, complete: bool
    ) -> None:
        """Verify a review.

        Args:
            index: of the entry.
            entry: the review.
            blocks: see `HeadView`.
            complete: whether all entries of the patient up to here could be read.
        """
        held = self._held.get(entry.declared)
        if held is None and not complete:
            self._tally.could_not(_STEP, "entries before it could not be read")
            return
        self._tally.checked(_STEP)
        wrong = "no such emergency" if held is None else self._fault(entry, held, blocks)
        if (
            self._tally.require(
                not wrong,
                _STEP,
                index,
                expected="a review that the patient or an auditor signed, of an emergency without one",
                found=wrong,
                meaning="An emergency counts as reviewed, and nobody answers for that.",
            )
            and held is not None
        ):
            held.reviewed = True

    def missing(self, index: int, decision: Decision) -> str:
        """Why a decision may not rest on an emergency; empty if it may, or does not."""
        if not decision.emergency:
            claims = decision.declared is not UNSET or decision.stale or decision.unsealed
            return "what only an emergency allows, outside of one" if claims else ""
        if decision.stale:
            self._stale.add(index)
            if (
                decision.level != "final"
                or decision.head is UNSET
                or decision.head.number != decision.head.final
            ):
                return "a stale head that is not the last final one"
        held = (
            None
            if decision.declared is UNSET or decision.declared >= index
            else self._held.get(decision.declared)
        )
        if held is None:
            return "no emergency, since none was declared before"
        said = held.entry
        checks = (
            (said.subject == decision.subject, "an emergency that somebody else declared"),
            (said.patient == decision.patient, "an emergency of another patient"),
            ([said.declaration.purpose] == decision.purpose, "an emergency for another purpose"),
            (decision.at < said.declaration.until * 1000, "an emergency that was over"),
        )
        return next((why for holds, why in checks if not holds), "")

    def settle(self) -> None:
        """After the last entry: what waits for a review is said, and what rests on an old head."""
        waiting = [held.entry for held in self._held.values() if not held.reviewed]
        overdue = sum(entry.due <= self._ground.now for entry in waiting)
        if waiting:
            self._tally.note(
                f"Emergencies that nobody has reviewed: {len(waiting)}, of them overdue: {overdue}."
            )
        if self._stale:
            self._tally.note(
                "Decisions in emergencies that rest on the last final head, as the chain was not heard of: "
                f"{len(self._stale)}."
            )

    def _flaw(self, entry: EmergencyDeclared) -> str:
        said = entry.declaration
        checks = (
            (entry.subject == said.participant, "another subject"),
            (entry.patient == said.patient, "another patient"),
            (
                said.purpose in codes.PURPOSES and codes.needs_emergency(said.purpose),
                "a purpose that needs none",
            ),
            (entry.time // 1000 <= said.until <= entry.time // 1000 + LONGEST + self._slack, "a bad time"),
            ((entry.subject, said.nonce) not in self._nonces, "a nonce that was used before"),
        )
        wrong = next((why for holds, why in checks if not holds), "")
        if wrong:
            return wrong
        try:
            account = parse_did(said.participant)[1]
            verify(_typed(said, account).digest(self._ground.requests), unhex(entry.signature), account)
        except LedgerError as exc:
            return f"{exc.message} ({exc.reason})"
        return ""

    def _fault(self, entry: EmergencyReviewed, held: Held, blocks: tuple[int, ...]) -> str:
        said = held.entry
        checks = (
            (entry.emergency == said.emergency, "the review of another emergency"),
            (entry.patient == said.patient, "another patient"),
            (not held.reviewed, "one that was reviewed before"),
            (entry.reviewer != said.subject, "a review by whoever declared it"),
            (entry.reviewer == said.patient or self._audits(entry.reviewer, blocks), "no auditor's review"),
            (entry.origin == said.declaration.origin, "a review for another gateway"),
        )
        wrong = next((why for holds, why in checks if not holds), "")
        if wrong:
            return wrong
        try:
            reviewer = parse_did(entry.reviewer)[1]
            signed = EmergencyReview(
                origin=entry.origin,
                emergency=entry.emergency,
                reviewer=reviewer,
                finding=entry.finding,
                note=entry.note,
            )
            verify(signed.digest(self._ground.requests), unhex(entry.signature), reviewer)
        except LedgerError as exc:
            return f"{exc.message} ({exc.reason})"
        return ""

    def _audits(self, reviewer: str, blocks: tuple[int, ...]) -> bool:
        """Whether the directory has an auditor of this did at a block; yes where it was not read."""
        try:
            chain_id, account = parse_did(reviewer)
        except LedgerError:
            return False
        if chain_id != self._ground.chain_id:
            return False
        states = [self._ground.chain.participant(account, block) for block in blocks]
        return not blocks or any(
            state is not None and not state.suspended and bool(state.roles & Role.AUDITOR) for state in states
        )

    @property
    def _slack(self) -> int:
        return self._ground.limits.slack_seconds


def _typed(said: SignedDeclaration, account: Address) -> EmergencyDeclaration:
    chain_id, patient = parse_did(said.patient)
    if chain_id != parse_did(said.participant)[0]:
        raise InvalidInput("patient and participant are on different chains", reason="other_chain")
    return EmergencyDeclaration(
        origin=said.origin,
        participant=account,
        patient=patient,
        purpose=said.purpose,
        reason=said.reason,
        nonce=parse_word(said.nonce),
        until=said.until,
    )
