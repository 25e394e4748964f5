"""RELEASE: what was handed out follows a permit, is signed for by whoever got it, and precedes every stop."""

from collections import OrderedDict
from dataclasses import dataclass

from msgspec import UNSET

from ledger.audit.emergencies import Emergencies
from ledger.audit.ground import Ground
from ledger.audit.patients import Patients
from ledger.audit.replay import Replay
from ledger.audit.report import Step
from ledger.audit.shapes import Decision, Release, SignedRequest
from ledger.canonical import unhex
from ledger.consent import codes
from ledger.crypto.signatures import verify
from ledger.crypto.typed import AccessRequest
from ledger.errors import InvalidInput, LedgerError
from ledger.ids import Address, parse_did, parse_word
from ledger.policy.model import Outcome

_STEP = Step.RELEASE
_HELD = 1 << 16
_BEFORE = "a PERMIT for the same subject and patient shortly before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A permit that a release may rest on, and the blocks as of which it held."""

    index: int
    decision: Decision
    blocks: tuple[int, ...]


class Releases:
    """The step, entry by entry. Permits are remembered as long as a release may follow them."""

    def __init__(self, ground: Ground, patients: Patients, replay: Replay, emergencies: Emergencies) -> None:
        self._ground = ground
        self._tally = ground.tally
        self._patients = patients
        self._replay = replay
        self._emergencies = emergencies
        self._permits: OrderedDict[int, Permit] = OrderedDict()
        self._nonces: set[tuple[str, str, int]] = set()

    def permit(self, index: int, decision: Decision, blocks: tuple[int, ...], max_age: int) -> None:
        """Remember a permit, and forget those that are too old, or too many, for a release to follow."""
        if decision.outcome == Outcome.PERMIT:
            self._permits[index] = Permit(index=index, decision=decision, blocks=blocks)
        oldest = decision.time - (max_age + self._ground.limits.slack_seconds) * 1000
        while self._permits:
            first = next(iter(self._permits.values()))
            if first.decision.time >= oldest and len(self._permits) <= _HELD:
                break
            self._permits.popitem(last=False)

    def release(self, index: int, entry: Release, *, complete: bool) -> None:
        """Check a release; `complete`: whether all entries of the patient up to here could be read."""
        self._tally.checked(_STEP)
        self._check_request(index, entry)
        permit = self._permits.get(entry.decision)
        if permit is None and not complete:
            self._tally.could_not(_STEP, "entries before it could not be read")
            return
        wrong = _misfit(entry, None if permit is None else permit.decision)
        if permit is not None and not wrong and complete:
            wrong = self._emergencies.missing(permit.index, permit.decision)
        if not wrong and not self._patients.state(entry.patient).waiting.keys().isdisjoint(entry.records):
            wrong = "a record that waits in the patient's inbox"
        self._tally.require(
            not wrong,
            _STEP,
            index,
            expected=f"{_BEFORE}, as entry {entry.decision}, that covers every record",
            found=wrong,
            meaning="Records were handed out that no decision had opened.",
        )
        if permit is not None and not wrong and complete:
            self._check_still_open(index, entry, permit)

    def _check_still_open(self, index: int, entry: Release, permit: Permit) -> None:
        if self._patients.state(entry.patient).changed <= permit.index:
            return
        closed = set(entry.records) - self._replay.permitted(permit.decision, permit.blocks)
        self._tally.require(
            not closed,
            _STEP,
            index,
            expected="only records that were still open at this place in the log",
            found=f"{len(closed)} that a stop or refusal had closed since entry {permit.index}",
            meaning="Records were handed out after the patient had said stop.",
        )

    def _check_request(self, index: int, entry: Release) -> None:
        request = entry.request
        nonce = (request.participant, request.nonce, request.expires)
        try:
            account = parse_did(request.participant)[1]
            verify(_typed(request, account).digest(self._ground.requests), unhex(entry.signature), account)
            used = "a nonce that was used before" if nonce in self._nonces else ""
        except LedgerError as exc:
            used = f"{exc.message} ({exc.reason})"
        self._nonces.add(nonce)
        self._tally.require(
            not used,
            _STEP,
            index,
            expected="a fresh request that the participant signed",
            found=used,
            meaning="The participant did not ask for this, or asked only once.",
        )


def _misfit(entry: Release, decision: Decision | None) -> str:
    """Why a release does not follow from a decision; empty if it does."""
    if decision is None:
        return "no such permit"
    request, resource = entry.request, decision.resource
    by_name = sorted(set(request.records)) if request.records else UNSET
    by_class = UNSET if request.records else sorted(set(request.classes))
    checks = (
        (entry.subject == decision.subject == request.participant, "another subject"),
        (entry.patient == decision.patient == request.patient, "another patient"),
        (request.purpose == decision.purpose, "another purpose"),
        (request.action == decision.action, "another action"),
        (codes.opens(request.action), "an action that opens nothing"),
        (_sorted(resource.ids) == by_name and _sorted(resource.classes) == by_class, "another question"),
        (set(entry.records) <= set(decision.permitted), "records that it does not permit"),
        (decision.at < request.expires * 1000, "a request that had expired"),
        (entry.stale == decision.stale, "another freshness of the head"),
    )
    return next((why for holds, why in checks if not holds), "")


def _sorted(names: object) -> object:
    return sorted(set(names)) if isinstance(names, list) else UNSET


def _typed(request: SignedRequest, account: Address) -> AccessRequest:
    chain_id, patient = parse_did(request.patient)
    if chain_id != parse_did(request.participant)[0]:
        raise InvalidInput("patient and participant are on different chains", reason="other_chain")
    return AccessRequest(
        origin=request.origin,
        participant=account,
        patient=patient,
        purpose=tuple(request.purpose),
        action=request.action,
        classes=tuple(request.classes),
        records=tuple(request.records),
        nonce=parse_word(request.nonce),
        expires=request.expires,
    )
