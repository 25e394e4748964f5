"""A provider's client: asking, reading, and seeing which consents name it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.chain.index import ChainState
from ledger.client import emergencies
from ledger.client.context import Context
from ledger.client.directory import DirectoryView
from ledger.client.gateway import GatewayClient, system_clock
from ledger.client.ports import ClientState
from ledger.client.reading import ReadReport, read
from ledger.client.releases import Declared, Question, decision_entry
from ledger.client.wire import ChainStatus, Decision, Request, Requested
from ledger.client.writer import Writer
from ledger.consent import codes
from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.statement import statement
from ledger.crypto.identity import Identity
from ledger.errors import AccessDenied, CommitmentMismatch, InvalidInput, UnknownCode
from ledger.ids import ConsentId, Did, RequestId, parse_consent_id
from ledger.log.entry import EntryKind
from ledger.parties import Role
from ledger.policy.model import Outcome
from ledger.records.blocks import BlockStore

DAYS = 30
"""How long a request stays open unless said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIn:
    """A consent that names this provider. Text and document are one; whose it is, the gateway says."""

    id: ConsentId
    document: ConsentDocument
    statement: str = field(repr=False)
    state: str
    on_chain: ChainState
    chain: ChainStatus
    stop: ChainStatus | None
    filed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request on its way to a patient, with its place in the log."""

    request: RequestId
    state: str
    index: int
    receipt: dict[str, Any] = field(repr=False)


class ProviderClient:
    """One provider at one gateway."""

    def __init__(
        self,
        *,
        identity: Identity,
        gateway: GatewayClient,
        directory: DirectoryView,
        state: ClientState,
        blocks: BlockStore,
        randomness: Callable[[int], bytes] = os.urandom,
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        """Nothing is sent yet. `gateway` calls with the account of `identity`; `clock` is aware UTC."""
        self._context = Context(
            identity=identity,
            gateway=gateway,
            directory=directory,
            state=state,
            blocks=blocks,
            randomness=randomness,
            clock=clock,
        )

    @property
    def did(self) -> Did:
        """The provider."""
        return self._context.did

    def evaluate(
        self,
        patient: Did,
        *,
        purposes: Sequence[str],
        classes: Sequence[str] = (),
        record: str | None = None,
        action: str = "access",
    ) -> Decision:
        """Whether something is permitted, without being handed anything; the receipt is verified and kept.

        Raises:
            UnknownCode, InvalidInput: no such class, purpose or action, or no purpose.
            ProofInvalid: the receipt does not prove this decision.
            LedgerError: as the gateway answers.
        """
        question = asked(patient, purposes, classes, () if record is None else (record,), action)
        context = self._context
        decision = context.gateway.evaluate(_authzen(context.did, question)).context
        receipt = context.gateway.receipt(decision.log["index"])
        context.log.take(receipt, EntryKind.DECISION, decision_entry(context, question, decision))
        context.log.settle()
        return decision

    def request_consent(
        self,
        patient: Did,
        *,
        purposes: Sequence[str],
        classes: Sequence[str] = (),
        action: str = "access",
        expires: datetime | None = None,
        until: datetime | None = None,
        note: str = "",
    ) -> Asked:
        """Ask a patient for a consent. Whether the account is a patient's there, the answer does not tell.

        Args:
            patient: whom.
            purposes: what for.
            classes: words or codes; none asks for all.
            action: what is to be done.
            expires: when the request lapses, aware; in 30 days unless given.
            until: the end of the consent that is asked for, aware; None leaves it to the patient.
            note: a few words to the patient.

        Raises:
            UnknownCode, InvalidInput, ProofInvalid, LedgerError: see `evaluate`.
        """
        context, question = self._context, asked(patient, purposes, classes, (), action)
        body: dict[str, Any] = {
            "patient": patient,
            "purpose": list(question.purposes),
            "action": action,
            "classes": list(question.classes),
            "expires": _ms(expires or context.clock() + timedelta(days=DAYS)),
        }
        if until is not None:
            body["until"] = _ms(until)
        if note:
            body["note"] = note
        return self._asked(context.gateway.request(body), body)

    def renew(self, consent: ConsentId, *, until: datetime, expires: datetime, note: str = "") -> Asked:
        """Ask the patient of a consent that names this provider to prolong it, as it is.

        Args:
            consent: which.
            until: the new end, aware.
            expires: when the request lapses, aware.
            note: a few words to the patient.

        Raises:
            ProofInvalid: the receipt does not prove this request.
            LedgerError: as the gateway answers.
        """
        body: dict[str, Any] = {"consent": consent, "until": _ms(until), "expires": _ms(expires)}
        if note:
            body["note"] = note
        answer = self._context.gateway.renew(body)
        return self._asked(answer, {"renews": body.pop("consent"), **body})

    def requests(self) -> list[Request]:
        """What this provider has asked for."""
        return [request for request in self._context.gateway.requests() if request.subject == self.did]

    def consents(self) -> list[NamedIn]:
        """The consents that name this provider; the chain is read again.

        Raises:
            CommitmentMismatch: a text that is not that of its document, or a document that does not name us.
            DocumentRejected: a document that nobody could enforce.
        """
        self._context.directory.refresh()
        rows = [row for row in self._context.gateway.consents() if row.document is not None]
        found = []
        for row in rows:
            document = parse_document((row.document or "").encode())
            if statement(document) != row.statement or self.did not in document.actors:
                raise CommitmentMismatch("the gateway shows a consent that is none", reason="other_statement")
            consent = parse_consent_id(row.consent)
            found.append(
                NamedIn(
                    id=consent,
                    document=document,
                    statement=row.statement,
                    state=row.state,
                    on_chain=self._context.directory.state(consent),
                    chain=row.chain,
                    stop=row.stop,
                    filed=row.filed,
                )
            )
        return found

    def read(
        self,
        patient: Did,
        *,
        purposes: Sequence[str],
        classes: Sequence[str] = (),
        records: Sequence[str] = (),
        action: str = "access",
        into: Path | None = None,
    ) -> ReadReport:
        """Ask with a signed request and open what is permitted.

        Raises:
            NotAdmitted: nothing is permitted, as the directory has no provider of this account in force.
            AccessDenied, LedgerError: see `reading.read`.
        """
        question = asked(patient, purposes, classes, records, action)
        self._context.directory.refresh()
        try:
            return read(self._context, question, into)
        except AccessDenied as denied:
            if denied.reason == Outcome.NO_CONSENT.lower():
                self._context.directory.require_standing(self.did, Role.PROVIDER)
            raise

    def declare(self, patient: Did, *, purpose: str, reason: str, until: datetime) -> Declared:
        """See `emergencies.declare`."""
        (purpose,) = asked(patient, (purpose,), (), (), "access").purposes
        return emergencies.declare(self._context, patient, purpose=purpose, reason=reason, until=until)

    def lasting(self, patient: Did, purpose: str) -> Declared:
        """See `emergencies.lasting`."""
        return emergencies.lasting(self._context, patient, purpose)

    def read_in_emergency(
        self,
        patient: Did,
        declared: Declared,
        *,
        purpose: str,
        classes: Sequence[str] = (),
        records: Sequence[str] = (),
        into: Path | None = None,
    ) -> ReadReport:
        """Ask in an emergency that was declared, and open what the patient sealed for it beforehand.

        Raises:
            AccessDenied: the patient has sealed nothing for it (``no_emergency_capsule``).
            LedgerError: see `reading.read`.
        """
        question = asked(patient, (purpose,), classes, records, "access")
        return read(self._context, question, into, declared)

    def writer(self, patient: Did, *, purposes: Sequence[str] = ("TREAT",)) -> Writer:
        """This provider as a writer of a patient's records; see `Writer`."""
        return Writer(self._context, patient, purposes)

    def _asked(self, answer: Requested, body: dict[str, Any]) -> Asked:
        context = self._context
        receipt = answer.receipt or context.gateway.receipt(answer.index)
        expected = {"request": answer.request, "state": "proposed", "subject": self.did, **body}
        context.log.take(receipt, EntryKind.REQUEST, expected)
        context.log.settle()
        return Asked(
            request=RequestId(answer.request), state=answer.state, index=answer.index, receipt=receipt
        )


def asked(
    patient: Did, purposes: Sequence[str], classes: Sequence[str], records: Sequence[str], action: str
) -> Question:
    """A question from what people type: classes as words or codes, purposes checked.

    Raises:
        UnknownCode: a class, purpose or action that no table has.
        InvalidInput: no purpose, or records and classes both.
    """
    if not purposes:
        raise InvalidInput(
            "say what the records are for", reason="purpose_required", fix="Name a purpose, such as TREAT."
        )
    if action not in codes.ACTIONS:
        raise UnknownCode(
            "no such action code", reason="unknown_action", fix=f"Use one of {', '.join(codes.ACTIONS)}."
        )
    return Question(
        patient=patient,
        purposes=tuple(codes.PURPOSES.check(purpose) for purpose in purposes),
        classes=tuple(codes.class_code(text) for text in classes),
        records=tuple(records),
        action=action,
    )


def _authzen(subject: Did, question: Question) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "type": "patient",
        "id": question.patient,
        "properties": {"class": list(question.classes)},
    }
    if question.records:
        (root,) = question.records
        resource = {"type": "record", "id": root, "properties": {"patient": question.patient}}
    return {
        "subject": {"type": "participant", "id": subject},
        "action": {"name": question.action},
        "resource": resource,
        "context": {"purpose": list(question.purposes)},
    }


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
