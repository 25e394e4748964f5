"""Patients who leave (part of CONSENT): by their own signature, for good, and with nothing left that permits.

Who goes on with new keys has signed with the old and the new ones, and a provider, who was one at the head,
that they met. Whatever the log takes from the old account after that is a finding: its words may be known.
"""

from ledger.audit.ground import Ground
from ledger.audit.patients import Patients
from ledger.audit.report import Step
from ledger.audit.shapes import (
    ConsentFiled,
    OfPatient,
    PatientMoved,
    PatientSucceeded,
    RecordPublished,
    RecordRefiled,
    Release,
)
from ledger.canonical import unhex
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Departure, Identification, Succession
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import parse_did
from ledger.parties import Role

_STEP = Step.CONSENT
_ACTS = (ConsentFiled, RecordPublished, RecordRefiled, Release, PatientMoved, PatientSucceeded)


class Departures:
    """``patient.succeeded`` and ``patient.moved``, and what comes after them."""

    def __init__(self, ground: Ground, patients: Patients) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._patients = patients
        self._gone: dict[str, int] = {}

    def act(self, index: int, entry: OfPatient) -> None:
        """Nothing is filed, published or handed out for a patient who has left."""
        left = self._gone.get(entry.patient)
        if left is None or not isinstance(entry, _ACTS):
            return
        self._tally.checked(_STEP)
        self._tally.find(
            _STEP,
            index,
            expected=f"no act for a patient who left with entry {left}",
            found="one",
            meaning="Somebody acts with keys that their patient gave up, or for a patient who is elsewhere.",
        )

    def succeed(self, index: int, entry: PatientSucceeded, blocks: tuple[int, ...]) -> None:
        """Verify a change of keys; from here on the old account counts for nothing, in any case."""
        self._leave(index, entry.patient)
        self._tally.checked(_STEP)
        try:
            self._check_succession(entry, blocks)
            found = ""
        except LedgerError as exc:
            found = f"{exc.message} ({exc.reason})"
        self._tally.require(
            not found,
            _STEP,
            index,
            expected="a change of keys that old account, new account and a provider in force have signed",
            found=found,
            meaning="Somebody may have taken the patient's place.",
        )

    def move(self, index: int, entry: PatientMoved) -> None:
        """Verify that the patient has left for another log."""
        self._leave(index, entry.patient)
        self._tally.checked(_STEP)
        try:
            account = parse_did(entry.patient)[1]
            claim = Departure(log=self._ground.origin, patient=account, to=entry.to)
            verify(claim.digest(self._ground.records), unhex(entry.signature), account)
            found = ""
        except LedgerError as exc:
            found = f"{exc.message} ({exc.reason})"
        self._tally.require(
            not found,
            _STEP,
            index,
            expected="the patient's signature that they leave this log for that one",
            found=found,
            meaning="The gateway stopped serving a patient who had not left.",
        )

    def settle(self) -> None:
        """After the last entry: how many have left is said."""
        if self._gone:
            self._tally.note(
                f"Accounts that have left this log, for new keys or another gateway: {len(self._gone)}."
            )

    def _leave(self, index: int, patient: str) -> None:
        state = self._patients.state(patient)
        for held in state.consents.values():
            held.revoked = True
        state.changed = index
        self._gone.setdefault(patient, index)

    def _check_succession(self, entry: PatientSucceeded, blocks: tuple[int, ...]) -> None:
        old, new, witness = (parse_did(did)[1] for did in (entry.patient, entry.successor, entry.witness))
        if len({old, new, witness}) != 3:
            raise InvalidInput("old account, new account and witness are three", reason="own_witness")
        given = Succession(old=old, new=new).digest(self._ground.records)
        verify(given, unhex(entry.signature), old)
        verify(given, unhex(entry.acceptance), new)
        met = Identification(old=old, new=new, witness=witness)
        verify(met.digest(self._ground.records), unhex(entry.identification), witness)
        states = [self._ground.chain.participant(witness, block) for block in blocks]
        if blocks and not any(
            state is not None and not state.suspended and bool(state.roles & Role.PROVIDER)
            for state in states
        ):
            raise InvalidInput("the witness was no provider then", reason="no_provider")
