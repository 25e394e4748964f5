"""Consents and records from files, for decisions without chain and gateway."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.inputs import read_source
from cli.shapes.policy import FactsPart
from ledger.errors import InvalidInput, LedgerError

if TYPE_CHECKING:
    from ledger.consent.document import ConsentDocument
    from ledger.ids import ConsentId, Did
    from ledger.policy.model import RecordFacts
    from ledger.policy.preview import Standing

DOCUMENT_LIMIT = 1 << 20


class _Kind(msgspec.Struct):
    format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFile:
    """A consent in a file. Its id is made from its place among the files, so they sort as they were given."""

    name: str
    id: "ConsentId"
    standing: "Standing"


def read_consents(paths: Sequence[Path], identities: "Mapping[str, Did] | None" = None) -> list[ConsentFile]:
    """The consents in files, in their order.

    Raises:
        DocumentRejected: one is not accepted; its file is named.
        InvalidInput: a file is named twice.
        NotFound, TooLarge: see `read_source`.
    """
    from ledger.ids import consent_id
    from ledger.policy.compiler import compile_consent
    from ledger.policy.preview import Standing

    names = [str(path) for path in paths]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidInput(f"the file {twice[0]} is named twice", reason="file_twice", fix="Name it once.")
    found = []
    for number, path in enumerate(paths, start=1):
        document = read_document(path)
        own = consent_id(number.to_bytes(4) + bytes(28))
        compiled = compile_consent(own, document, identities)
        found.append(
            ConsentFile(name=str(path), id=own, standing=Standing(document=document, compiled=compiled))
        )
    return found


def read_document(path: Path) -> "ConsentDocument":
    """The document in a file; raises as `parse_document`, with the file named."""
    from ledger.consent.document import parse_document

    raw = read_source(path, limit=DOCUMENT_LIMIT)
    with naming(path):
        return parse_document(raw)


def read_records(path: Path) -> "tuple[RecordFacts, ...]":
    """The records in a FHIR bundle, split and labelled as they would be published, or in a file of facts.

    Raises:
        BundleRejected: not a FHIR bundle of one patient.
        InvalidInput: a file of facts that is not understood.
        NotFound, TooLarge: see `read_source`.
    """
    from ledger.policy.files import read_facts
    from ledger.records.bundle import MAX_BUNDLE

    raw = read_source(path, limit=MAX_BUNDLE)
    with naming(path):
        return read_facts(raw) if _has_format(raw) else _segmented(raw)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Whatever is wrong with what a file holds, with the file's name."""
    try:
        yield
    except LedgerError as exc:
        exc.fields["file"] = str(path)
        raise


def facts_part(facts: "RecordFacts") -> FactsPart:
    """One record as data."""
    from ledger.consent.codes import CLASSES

    known = CLASSES.get(facts.record_class)
    return FactsPart(
        id=facts.id,
        record_class=facts.record_class if known is None else known.word,
        confidentiality=facts.confidentiality,
        labels=sorted(facts.labels),
        date=facts.date,
        resources=sorted(names.split("\n")[0] for names in facts.resources),
    )


def _has_format(raw: bytes) -> bool:
    try:
        return bool(msgspec.json.decode(raw, type=_Kind).format)
    except msgspec.MsgspecError:
        return False


def _segmented(raw: bytes) -> "tuple[RecordFacts, ...]":
    """The segments of a bundle, named by class and number: ``labs-1``."""
    from ledger.consent.codes import CLASSES
    from ledger.ids import Address, Cid, did_of
    from ledger.records.bundle import read_bundle
    from ledger.records.segments import segment

    nobody = did_of(1, Address("0x" + "0" * 40))  # facts do not say whose they are
    numbers: Counter[str] = Counter()
    found = []
    for one in segment(read_bundle(raw), nobody):
        word = CLASSES[one.header.record_class].word
        numbers[word] += 1
        found.append(one.header.facts(Cid(f"{word}-{numbers[word]}")))
    return tuple(found)
