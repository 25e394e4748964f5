"""What a writer is permitted: exactly what its consent names, whatever the record says of itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.consent.builder import Party, build
from ledger.consent.codes import SENSITIVITIES
from ledger.consent.document import parse_document
from ledger.consent.selection import Dates, Selection, any_of
from ledger.errors import InvalidInput
from ledger.ids import Cid, ConsentId, Did
from ledger.policy.compiler import compile_consent
from ledger.policy.engine import decide
from ledger.policy.index import RecordIndex
from ledger.policy.model import Outcome, Request
from ledger.records.cid import Codec, cid_of
from ledger.records.header import RecordHeader

AT = datetime(2026, 3, 31, 9, tzinfo=UTC)
ALICE = Did("did:pkh:eip155:31337:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
WATCH = Did("did:pkh:eip155:31337:0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
OTHER = Did("did:pkh:eip155:31337:0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
ROOT = Cid(cid_of(Codec.DAG_CBOR, b"\xa0"))

CLASSES = ["30954-2", "8716-3", "34109-9"]
LABELS = ["PSY", "HIV", "ETH", "OPIOIDUD"]
DAYS = [f"2025-{month:02}-{day:02}" for month in (1, 6, 12) for day in (1, 15, 28)]

some_classes = st.lists(st.sampled_from(CLASSES), max_size=2, unique=True)
some_labels = st.lists(st.sampled_from(LABELS), max_size=2, unique=True)
headers = st.builds(
    lambda record_class, labels, date: RecordHeader(
        kind="file",
        patient=ALICE,
        record_class=record_class,
        confidentiality="R" if labels else "N",
        labels=tuple(sorted(labels)),
        media_type="text/csv",
        compression="zstd",
        size=1,
        date=date,
    ),
    st.sampled_from(CLASSES),
    some_labels,
    st.none() | st.sampled_from(DAYS),
)


@settings(max_examples=400, deadline=None)
@given(
    header=headers,
    classes=some_classes,
    closed_classes=some_classes,
    closed_labels=some_labels,
    days=st.none() | st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)),
    ends=st.none() | st.integers(min_value=1, max_value=3),
    later=st.integers(min_value=0, max_value=4),
    actions=st.sampled_from([["collect"], ["access"], ["access", "collect"]]),
    purpose=st.sampled_from(["TREAT", "HMARKT"]),
    writer=st.sampled_from([WATCH, OTHER]),
)
def test_a_permit_to_add_never_goes_beyond_class_labels_dates_and_time(
    header: RecordHeader,
    classes: list[str],
    closed_classes: list[str],
    closed_labels: list[str],
    days: tuple[str, str] | None,
    ends: int | None,
    later: int,
    actions: list[str],
    purpose: str,
    writer: Did,
) -> None:
    dated = None if days is None else Dates(first=min(days), last=max(days))
    try:
        built = build(
            patient=ALICE,
            grantees=[Party(did=WATCH, display="Watch")],
            purposes=["TREAT"],
            starts=AT,
            at=AT,
            until=None if ends is None else AT + timedelta(days=ends),
            which=Selection(classes=classes, dated=dated),
            exceptions=any_of(classes=closed_classes, labels=closed_labels),
            actions=actions,
        )
    except InvalidInput:
        assume(False)
    consent = compile_consent(ConsentId("0x" + "1" * 64), parse_document(built))
    request = Request(
        subject=writer,
        patient=ALICE,
        purposes=(purpose,),
        action="collect",
        at=AT + timedelta(days=later, hours=1),
    )
    found = decide([consent], request, RecordIndex.of([header.facts(ROOT)])).outcome
    named = (
        writer == WATCH
        and purpose == "TREAT"
        and "collect" in actions
        and (not classes or header.record_class in classes)
        and header.record_class not in closed_classes
        and not any(SENSITIVITIES.is_a(label, closed) for label in header.labels for closed in closed_labels)
        and (ends is None or later < ends)
    )
    if days is not None:
        named = named and header.date is not None and min(days) <= header.date <= max(days)
    assert (found is Outcome.PERMIT) is named
