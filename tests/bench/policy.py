"""policy: decide over 20 consents with 3 nested rules and 200 records; compile one consent."""

from datetime import UTC, datetime, timedelta

from ledger.consent.builder import Party, build
from ledger.consent.document import parse_document
from ledger.ids import Address, ConsentId, did_of
from ledger.policy.compiler import compile_consent
from ledger.policy.engine import decide
from ledger.policy.model import RecordFacts, Request
from tests.bench.measure import Figures, median_seconds

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENT = did_of(31337, Address("0x9858EfFD232B4033E47d90003D41EC34EcaEda94"))
PROVIDER = did_of(31337, Address("0x6Fac4D18c912343BF86fa7049364Dd4E424Ab9C0"))
CLASSES = ("30954-2", "8716-3", "11450-4", "10160-0")


def run() -> Figures:
    """Medians in microseconds."""
    document = parse_document(
        build(
            patient=PATIENT,
            grantees=[Party(did=PROVIDER, display="City Clinic")],
            purposes=["TREAT"],
            starts=NOW - timedelta(days=1),
            until=NOW + timedelta(days=90),
            at=NOW,
            excepted_labels=["PSY", "ETH"],
            excepted_classes=["social"],
        )
    )
    consents = [compile_consent(ConsentId(f"0x{number:064x}"), document) for number in range(20)]
    records = [
        RecordFacts(
            id=f"record-{number}",
            record_class=CLASSES[number % len(CLASSES)],
            confidentiality="N" if number % 10 else "R",
            labels=frozenset({"PSY"} if number % 10 == 0 else ()),
            date=f"2025-{number % 12 + 1:02}-01",
        )
        for number in range(200)
    ]
    request = Request(subject=PROVIDER, patient=PATIENT, purposes=("TREAT",), at=NOW)
    return {
        "decide_us": median_seconds(lambda: decide(consents, request, records), runs=50) * 1e6,
        "compile_us": median_seconds(lambda: compile_consent(consents[0].id, document), runs=200) * 1e6,
    }
