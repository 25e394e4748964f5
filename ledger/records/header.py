"""The header of a record: what it is, to whom it belongs and what the policy may ask about it.

One text serves as signed metadata at the gateway, as context of the encryption and inside the ciphertext, so
nobody can give a record other labels than its writer did. See FORMATS.md, "Record header".
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date as calendar_date
from functools import lru_cache
from typing import Any, Self

from ledger.canonical import MAX_DOCUMENT, canonical, parse_object
from ledger.consent import codes
from ledger.errors import InvalidInput, TooLarge
from ledger.ids import Cid, Did, parse_did
from ledger.policy.model import RecordFacts

FORMAT = "consent-ledger/record/1"
KINDS = ("fhir-segment", "file", "file-set")
COMPRESSIONS = ("none", "zstd")
MAX_SIZE = (1 << 53) - 1
INBOX = bytes(32)
"""What stands for a compartment where a record is sealed to its patient's inbox."""

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_REQUIRED = {
    "format",
    "kind",
    "patient",
    "class",
    "confidentiality",
    "labels",
    "authors",
    "codes",
    "resources",
    "references",
    "media_type",
    "compression",
    "size",
}
_OPTIONAL = {"date", "encounter", "name"}
_LISTS = ("labels", "authors", "references")
_GROUPS = ("codes", "resources")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecordHeader:
    """The header; every instance is valid and has one text.

    ``codes`` and ``resources`` have one group per distinct member: the codings (``system|code``) of a
    resource, and its names (``Type/id``, full URL). Groups, and all other lists, are sorted and without
    repetition. ``date`` is a FHIR date of up to a day as the source wrote it; ``size`` counts plain bytes.

    Raises:
        InvalidInput: a value out of its form.
        UnknownCode: a class, confidentiality or label that no code table has.
        TooLarge: the text has more than 1 MiB.
    """

    kind: str
    patient: Did
    record_class: str
    confidentiality: str
    media_type: str
    compression: str
    size: int
    labels: tuple[str, ...] = ()
    date: str | None = None
    encounter: str | None = None
    authors: tuple[str, ...] = ()
    codes: tuple[tuple[str, ...], ...] = ()
    resources: tuple[tuple[str, ...], ...] = ()
    references: tuple[str, ...] = ()
    name: str | None = None
    _text: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _require(self.kind in KINDS, "kind")
        parse_did(self.patient)
        _require(codes.class_code(self.record_class) == self.record_class, "class")
        codes.rank(self.confidentiality)
        for label in self.labels:
            codes.SENSITIVITIES.check(label)
        for element, values in self._lists():
            _require(list(values) == sorted(set(values)), element)
        _require(all(_TEXT.fullmatch(text) for text in self._texts()), "text")
        _require(self.date is None or is_date(self.date), "date")
        _require(_MEDIA_TYPE.fullmatch(self.media_type) is not None, "media_type")
        _require(self.compression in COMPRESSIONS, "compression")
        _require(type(self.size) is int and 0 <= self.size <= MAX_SIZE, "size")
        _require(self.name is None or is_file_name(self.name), "name")
        object.__setattr__(self, "_text", canonical(self._value()))
        if len(self._text) > MAX_DOCUMENT:
            raise TooLarge(f"a record header has at most {MAX_DOCUMENT} bytes", reason="header_too_large")

    def to_bytes(self) -> bytes:
        """The header's one text (RFC 8785)."""
        return self._text

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The header in a text.

        Raises:
            InvalidInput: another format, a member too many or too few, or not the canonical text.
            UnknownCode: a class, confidentiality or label that no code table has.
            TooLarge: more than 1 MiB.
        """
        value = parse_object(raw)
        _require(_REQUIRED <= value.keys() <= _REQUIRED | _OPTIONAL, "members")
        _require(value.pop("format") == FORMAT, "format")
        for element in _LISTS:
            value[element] = _strings(value[element], element)
        for element in _GROUPS:
            _require(isinstance(value[element], list), element)
            value[element] = tuple(_strings(group, element) for group in value[element])
        for element in value.keys() - {*_LISTS, *_GROUPS, "size"}:
            _require(isinstance(value[element], str), element)
        header = cls(record_class=value.pop("class"), **value)
        _require(header.to_bytes() == raw, "canonical form")
        return header

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: what a `Publication` names."""
        return hashlib.sha256(self._text).digest()

    @property
    def compartment(self) -> bytes:
        """The compartment that the record belongs to, 32 bytes."""
        return compartment_of(self.patient, self.record_class, self.labels)

    def facts(self, root: Cid) -> RecordFacts:
        """What the policy engine sees of the record with this root.

        Each member goes by the record's own name too, see `record_name`, so that a consent can be about this
        one record whatever it holds. A file is one member, without any other name.
        """
        own = record_name(root)
        return RecordFacts(
            id=root,
            record_class=self.record_class,
            confidentiality=self.confidentiality,
            labels=frozenset(self.labels),
            codes=frozenset("\n".join(group) for group in self.codes),
            resources=frozenset("\n".join((*group, own)) for group in self.resources or ((),)),
            references=frozenset(self.references),
            encounter=self.encounter,
            authors=frozenset(self.authors),
            date=self.date,
        )

    def _value(self) -> dict[str, Any]:
        value = {
            "format": FORMAT,
            "kind": self.kind,
            "patient": self.patient,
            "class": self.record_class,
            "confidentiality": self.confidentiality,
            "labels": self.labels,
            "date": self.date,
            "encounter": self.encounter,
            "authors": self.authors,
            "codes": self.codes,
            "resources": self.resources,
            "references": self.references,
            "media_type": self.media_type,
            "name": self.name,
            "compression": self.compression,
            "size": self.size,
        }
        return {element: item for element, item in value.items() if item is not None}

    def _lists(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        yield from (("labels", self.labels), ("authors", self.authors), ("references", self.references))
        for element, groups in (("codes", self.codes), ("resources", self.resources)):
            yield element, groups
            yield from ((element, group) for group in groups)

    def _texts(self) -> Iterator[str]:
        for group in (*self.codes, *self.resources, self.authors, self.references):
            yield from group
        if self.encounter is not None:
            yield self.encounter


@lru_cache(maxsize=1024)
def compartment_of(patient: Did, record_class: str, labels: tuple[str, ...]) -> bytes:
    """The id, 32 bytes, of the compartment of a patient, class code and label set.

    The order of the labels is of no account. SHA-256 over RFC 8785 of ``{"format":
    "consent-ledger/compartment/1", "patient", "class", "labels"}``.
    """
    value = {
        "format": "consent-ledger/compartment/1",
        "patient": patient,
        "class": record_class,
        "labels": sorted(set(labels)),
    }
    return hashlib.sha256(canonical(value)).digest()


def record_name(root: Cid) -> str:
    """The name of a whole record in the data of a consent: ``ipfs://`` and its root."""
    return f"ipfs://{root}"


def is_file_name(text: str) -> bool:
    """Whether a text names a file in any directory: no separator or invisible character, 1 to 255 bytes."""
    visible = not any(unicodedata.category(sign) in _INVISIBLE for sign in text)
    return (
        visible and not {"/", "\\"} & set(text) and text not in (".", "..") and 0 < len(text.encode()) <= 255
    )


def is_date(text: str) -> bool:
    """Whether a text is a FHIR date of up to a day: ``2021``, ``2021-05`` or ``2021-05-03``."""
    match = _DATE.fullmatch(text)
    try:
        return match is not None and bool(calendar_date(*(int(part or 1) for part in match.groups())))
    except ValueError:
        return False


def _strings(value: Any, element: str) -> tuple[str, ...]:  # noqa: ANN401
    _require(isinstance(value, list) and all(isinstance(item, str) for item in value), element)
    return tuple(value)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InvalidInput(f"a record header with a wrong {what}", reason="bad_header", element=what)
