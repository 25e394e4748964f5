"""Whether a patient ever let the writers of their records add them.

A gateway and a provider who conspire could lay a record among a patient's that nobody allowed. The log would
show it to an auditor; here the patient's own client sees it, from the consents that they signed.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from ledger.client.publications import VerifiedRecord
from ledger.consent.codes import PURPOSES, needs_emergency
from ledger.consent.document import ConsentDocument
from ledger.ids import Cid, Did
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Request
from ledger.policy.preview import Standing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unasked(
    records: Iterable[VerifiedRecord], consents: Iterable[ConsentDocument], now: datetime
) -> frozenset[Cid]:
    """The records by others that none of the patient's consents ever let them add; stopped ones count too.

    Each consent is taken by itself, at every time at which its answer may change, and for every purpose: what
    the writer was told then is for the log to say.
    """
    written: dict[Did, list[VerifiedRecord]] = {}
    for record in records:
        if not record.by_patient:
            written.setdefault(record.writer, []).append(record)
    signed, found = list(consents), set[Cid]()
    for writer, theirs in written.items():
        allowed = _allowed(writer, RecordIndex.of(record.facts for record in theirs), signed, now)
        found.update(record.root for record in theirs if record.root not in allowed)
    return frozenset(found)


def _allowed(
    writer: Did, records: RecordIndex, consents: Iterable[ConsentDocument], now: datetime
) -> set[str]:
    found: set[str] = set()
    for document in consents:
        rules = [Standing.of(document).compiled]
        for request in _requests(writer, document, now) if writer in document.actors else ():
            found.update(decide(rules, request, records).permitted)
    return found


def _requests(writer: Did, document: ConsentDocument, now: datetime) -> Iterator[Request]:
    for at in sorted(_turns(document) | {now}):
        for purpose in PURPOSES:
            yield Request(
                subject=writer,
                patient=document.patient,
                purposes=(purpose,),
                action="collect",
                at=at,
                emergency=needs_emergency(purpose),
            )


def _turns(document: ConsentDocument) -> set[datetime]:
    """When periods of the document start and end, as far as the calendar reaches."""
    spans = [one.period.span for one in document.provisions() if one.period is not None]
    found = set()
    for edge in {edge for span in spans for edge in (span.start, span.end)}:
        try:
            found.add(_EPOCH + timedelta(microseconds=edge))
        except OverflowError:
            continue
    return found
