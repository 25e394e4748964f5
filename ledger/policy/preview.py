"""What consents open to whom, computed from the patient's own verified records: preview and sealing.

A consent is about purposes and actions; what somebody *can reach* under it is the union over all that the
documents name (and treatment and access where they name none), each asked by itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product

from ledger.consent.codes import needs_emergency
from ledger.consent.document import ConsentDocument
from ledger.ids import Cid, ConsentId, Did
from ledger.policy.compiler import CompiledConsent, compile_consent
from ledger.policy.engine import decide
from ledger.policy.model import RecordFacts, Request

PURPOSE = "TREAT"
ACTION = "access"
DRAFT = ConsentId("0x" + "f" * 64)
"""Stands for a consent that has no id yet; it sorts behind nearly all others and decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A consent that counts, or would: its document and its rules."""

    document: ConsentDocument
    compiled: CompiledConsent

    @classmethod
    def of(cls, document: ConsentDocument, consent: ConsentId = DRAFT) -> "Standing":
        """A document as the consent with this id."""
        return cls(document=document, compiled=compile_consent(consent, document))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one participant can reach today, and could with one more consent."""

    participant: Did
    now: frozenset[Cid]
    then: frozenset[Cid]

    @property
    def gained(self) -> frozenset[Cid]:
        """What only the new consent opens."""
        return self.then - self.now

    @property
    def lost(self) -> frozenset[Cid]:
        """What the new consent closes."""
        return self.now - self.then


def reachable(
    standing: Sequence[Standing], participant: Did, records: Sequence[RecordFacts], at: datetime
) -> frozenset[Cid]:
    """The records that a participant can open for some purpose that the consents are about."""
    if not standing or not records:
        return frozenset()
    compiled = [one.compiled for one in standing]
    patient = standing[0].document.patient
    found: set[Cid] = set()
    for purpose, action in product(_purposes(standing), _actions(standing)):
        request = Request(
            subject=participant,
            patient=patient,
            purposes=(purpose,),
            action=action,
            at=at,
            emergency=needs_emergency(purpose),
        )
        found.update(Cid(root) for root in decide(compiled, request, records).permitted)
    return frozenset(found)


def effects(
    document: ConsentDocument, today: Sequence[Standing], records: Sequence[RecordFacts], at: datetime
) -> list[Effect]:
    """What filing `document` would change, for everybody whom it or a consent of today names.

    A document that starts later is looked at as of its start.
    """
    moment = max(at, _start(document) or at)
    then = [*today, Standing.of(document)]
    return [
        Effect(
            participant=participant,
            now=reachable(today, participant, records, moment),
            then=reachable(then, participant, records, moment),
        )
        for participant in sorted(_named(then))
    ]


def _named(standing: Iterable[Standing]) -> set[Did]:
    return {Did(actor) for one in standing for actor in one.document.actors}


def _purposes(standing: Iterable[Standing]) -> set[str]:
    named = {code for one in standing for rule in one.document.provisions() for code in rule.purposes}
    silent = any(not one.document.root.purposes for one in standing)
    return named | {PURPOSE} if silent else named


def _actions(standing: Iterable[Standing]) -> set[str]:
    named = {code for one in standing for rule in one.document.provisions() for code in rule.actions}
    silent = any(not one.document.root.actions for one in standing)
    return named | {ACTION} if silent else named


def _start(document: ConsentDocument) -> datetime | None:
    period = document.root.period
    if period is None or period.start is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=period.span.start)
