"""What consents open to whom, computed from the patient's own records: preview and sealing.

What somebody *can read* is what they can open for some purpose and some action of reading. All purposes and
actions that no document names are decided alike, so one of them stands for the rest; a purpose that is named
stands for those below it that are not. Who may only ``collect`` adds records and reads none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from types import MappingProxyType

from ledger.consent.codes import ACTIONS, PURPOSES, needs_emergency, opens
from ledger.consent.document import ConsentDocument
from ledger.consent.moments import instant
from ledger.consent.provisions import Provision
from ledger.ids import Cid, ConsentId, Did
from ledger.policy.compiler import CompiledConsent, compile_consent, refusals_of
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Request

READING = tuple(filter(opens, ACTIONS))
ANY_OTHER = ""
"""Stands for every purpose that no document names."""
ANYONE_ELSE = Did("anyone else")
"""Stands for everybody whom no document names, where one lets everybody read."""
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

    @property
    def refusals(self) -> "Standing":
        """The same consent where only its NO counts."""
        return replace(self, compiled=refusals_of(self.compiled))


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What can be read from a moment on."""

    at: datetime
    records: frozenset[Cid]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one participant can read today, and could once one more consent is in force.

    `purposes` is `then` for each purpose that the documents name, and for `ANY_OTHER` if they leave it open;
    `later` is how it goes on where parts of the new consent start or end by themselves. `starts` is when
    `then` begins, None for at once. Times are in the zone of the document.
    """

    participant: Did
    now: frozenset[Cid]
    then: frozenset[Cid]
    purposes: Mapping[str, frozenset[Cid]]
    starts: datetime | None = None
    later: tuple[Later, ...] = ()

    @property
    def gained(self) -> frozenset[Cid]:
        """What is open then and not today."""
        return self.then - self.now

    @property
    def lost(self) -> frozenset[Cid]:
        """What is open today and not then."""
        return self.now - self.then


def reachable(
    standing: Sequence[Standing], participant: Did, records: RecordIndex, at: datetime
) -> frozenset[Cid]:
    """The records that a participant can read for some purpose."""
    return _united(by_purpose(standing, participant, records, at))


def by_purpose(
    standing: Sequence[Standing], participant: Did, records: RecordIndex, at: datetime
) -> Mapping[str, frozenset[Cid]]:
    """The records that a participant can read, for each purpose that makes a difference."""
    if not standing:
        return {}
    compiled = [one.compiled for one in standing]
    patient = standing[0].document.patient
    found: dict[str, set[Cid]] = {}
    for (name, purpose), action in product(_purposes(standing), _actions(standing)):
        request = Request(
            subject=participant,
            patient=patient,
            purposes=(purpose,),
            action=action,
            at=at,
            emergency=needs_emergency(purpose),
        )
        opened = found.setdefault(name, set())
        opened.update(Cid(root) for root in decide(compiled, request, records).permitted)
    return MappingProxyType({name: frozenset(roots) for name, roots in found.items()})


def effects(
    document: ConsentDocument, today: Sequence[Standing], records: RecordIndex, at: datetime
) -> list[Effect]:
    """What filing `document` would change, for everybody whom it or a consent of today names."""
    moment = in_force_from(document, at)
    turns = [turn for turn in _turns(document) if turn > moment]
    then = [*today, Standing.of(document)]
    found = []
    for participant in sorted(_named(then)):
        opened = by_purpose(then, participant, records, moment)
        found.append(
            Effect(
                participant=participant,
                now=reachable(today, participant, records, at),
                then=_united(opened),
                purposes=opened,
                starts=moment if moment > at else None,
                later=tuple(_later(then, participant, records, _united(opened), turns)),
            )
        )
    return found


def in_force_from(document: ConsentDocument, at: datetime) -> datetime:
    """When a document that is filed at `at` is in force first; `at` for one that is over."""
    period = document.root.period
    start = None if period is None else _moment(period.span.start, document.zone)
    return at if start is None else max(at, start)


def is_over(document: ConsentDocument, at: datetime) -> bool:
    """Whether the period of a document has ended."""
    period = document.root.period
    return period is not None and period.span.end <= instant(at)


def _later(
    standing: Sequence[Standing],
    participant: Did,
    records: RecordIndex,
    before: frozenset[Cid],
    turns: Iterable[datetime],
) -> Iterator[Later]:
    """The moments at which it changes what somebody can read."""
    for turn in turns:
        opened = reachable(standing, participant, records, turn)
        if opened != before:
            yield Later(at=turn, records=opened)
        before = opened


def _turns(document: ConsentDocument) -> list[datetime]:
    """When nested provisions start and end, as long as the document itself is in force."""
    periods = [one.period for one in document.provisions() if one is not document.root and one.period]
    edges = {edge for period in periods for edge in (period.span.start, period.span.end)}
    own = document.root.period
    within = (edge for edge in edges if own is None or edge in own.span)
    moments = (_moment(edge, document.zone) for edge in within)
    return sorted(moment for moment in moments if moment is not None)


def _named(standing: Iterable[Standing]) -> set[Did]:
    documents = [one.document for one in standing]
    named = {Did(actor) for document in documents for actor in document.actors}
    return named | {ANYONE_ELSE} if any(_lets_anyone(one.root) for one in documents) else named


def _lets_anyone(provision: Provision) -> bool:
    """Whether a provision, or a nested one, permits without naming anybody."""
    if provision.actors:
        return False
    return provision.permit or any(map(_lets_anyone, provision.provisions))


def _purposes(standing: Iterable[Standing]) -> list[tuple[str, str]]:
    """Each purpose that makes a difference, and the purpose to ask for it by."""
    documents = [one.document for one in standing]
    named = {code for document in documents for rule in document.provisions() for code in rule.purposes}
    found = [(code, code) for code in PURPOSES if code in named]
    if any(not document.root.purposes for document in documents):
        others = (code for code in ("TREAT", *PURPOSES) if named.isdisjoint(PURPOSES.ancestors(code)))
        found += [(ANY_OTHER, code) for code in others][:1]
    return found


def _actions(standing: Iterable[Standing]) -> list[str]:
    """Each action of reading that makes a difference."""
    documents = [one.document for one in standing]
    named = {code for document in documents for rule in document.provisions() for code in rule.actions}
    found = [code for code in READING if code in named]
    if any(not document.root.actions for document in documents):
        found += [code for code in READING if code not in named][:1]
    return found


def _united(found: Mapping[str, frozenset[Cid]]) -> frozenset[Cid]:
    return frozenset().union(*found.values())


def _moment(microseconds: int, zone: int) -> datetime | None:
    """An instant as a datetime in a zone; None for one that the calendar of `datetime` does not reach."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
        return moment.astimezone(timezone(timedelta(minutes=zone)))
    except OverflowError:
        return None
