"""Questions in files: a request and the facts of records, as ``consent policy evaluate`` reads them.

The forms are ``consent-ledger/request/1`` and ``consent-ledger/record-facts/1`` of FORMATS.md. What is not
known is refused, with the place where it stands; absent members are left out, never null.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from ledger.canonical import parse_object
from ledger.errors import InvalidInput
from ledger.ids import Did
from ledger.policy.model import RecordFacts, Request

LIMIT = 64 << 20
REQUEST = "consent-ledger/request/1"
FACTS = "consent-ledger/record-facts/1"

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


Name = Annotated[str, msgspec.Meta(pattern=r"^(?![\s\S]*[\x00-\x1f\x7f])")]
"""A name or code: no control characters, so that the names of one member can be kept on lines."""


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object in a file, with exactly these members."""


class RecordForm(Form, frozen=True, kw_only=True, rename={"record_class": "class"}):
    """One record: `codes` and `resources` have one list of names for each member. See `RecordFacts`."""

    id: str
    record_class: str
    confidentiality: str | UnsetType = UNSET
    labels: list[str] = []
    codes: list[list[Name]] = []
    resources: list[list[Name]] = []
    references: list[str] = []
    encounter: str | UnsetType = UNSET
    authors: list[str] = []
    date: str | UnsetType = UNSET

    def facts(self) -> RecordFacts:
        """The record as the policy sees it."""
        return RecordFacts(
            id=self.id,
            record_class=self.record_class,
            confidentiality=_or_none(self.confidentiality),
            labels=frozenset(self.labels),
            codes=frozenset(map("\n".join, self.codes)),
            resources=frozenset(map("\n".join, self.resources)),
            references=frozenset(self.references),
            encounter=_or_none(self.encounter),
            authors=frozenset(self.authors),
            date=_or_none(self.date),
        )


class AskedForm(Form, frozen=True, kw_only=True):
    """Who asks for what; see `Request`."""

    subject: str
    patient: str
    purposes: list[str]
    organisation: str | UnsetType = UNSET
    action: str = "access"
    emergency: bool = False
    at: str | UnsetType = UNSET


class RequestForm(Form, frozen=True, kw_only=True, tag_field="format", tag=REQUEST):
    """A file with a request; `identities` gives the did of an actor that documents name otherwise."""

    request: AskedForm
    identities: dict[str, str] = {}
    records: list[RecordForm] = []


class FactsForm(Form, frozen=True, kw_only=True, tag_field="format", tag=FACTS):
    """A file with the facts of records alone."""

    records: list[RecordForm]


_Form = TypeVar("_Form", RequestForm, FactsForm)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Question:
    """What a request file asks."""

    request: Request
    identities: Mapping[str, Did]
    records: tuple[RecordFacts, ...]


def read_question(raw: bytes, *, at: datetime | None, now: datetime) -> Question:
    """The question in a request file. `at` comes before the time in the file, and `now` after it.

    Raises:
        InvalidInput: not such a file (``bad_request_file``, with the path of what is wrong), or a request
            that cannot be asked; a record twice (``record_twice``).
        UnknownCode: a purpose or the action is in no table.
        TooLarge: more than 64 MiB.
    """
    form = _read(raw, RequestForm)
    asked = form.request
    request = Request(
        subject=Did(asked.subject),
        organisation=None if asked.organisation is UNSET else Did(asked.organisation),
        patient=Did(asked.patient),
        purposes=tuple(asked.purposes),
        action=asked.action,
        emergency=asked.emergency,
        at=at or (now if asked.at is UNSET else _moment(asked.at)),
    )
    return Question(
        request=request,
        identities={name: Did(did) for name, did in form.identities.items()},
        records=_distinct(form.records),
    )


def read_facts(raw: bytes) -> tuple[RecordFacts, ...]:
    """The records in a file of facts; raises as `read_question`."""
    return _distinct(_read(raw, FactsForm).records)


def _read(raw: bytes, kind: type[_Form]) -> _Form:
    value = parse_object(raw, limit=LIMIT)
    if value.get("format") != kind.__struct_config__.tag:
        raise _bad_file("$.format", f"must be {kind.__struct_config__.tag}")
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as exc:
        why, _, where = str(exc).partition(" - at ")
        raise _bad_file(where.strip("`") or "$", f"{why[:1].lower()}{why[1:]}") from exc


def _bad_file(path: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{path}: {why}",
        reason="bad_request_file",
        fix="See 'Request in a file' in ledger/FORMATS.md, or its schema.",
        path=path,
    )


def _distinct(forms: Sequence[RecordForm]) -> tuple[RecordFacts, ...]:
    seen: set[str] = set()
    for index, form in enumerate(forms):
        if form.id in seen:
            path = f"$.records[{index}].id"
            raise InvalidInput(f"{path}: another record has this id", reason="record_twice", path=path)
        seen.add(form.id)
    return tuple(form.facts() for form in forms)


def _moment(text: str) -> datetime:
    """A FHIR instant; whether it has an offset is for the request to say."""
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    path = "$.request.at"
    raise InvalidInput(
        f"{path}: not a date with time",
        reason="bad_date",
        fix="Write 2026-03-31T09:00:00Z, for example.",
        path=path,
    )


def _or_none(text: str | UnsetType) -> str | None:
    return None if text is UNSET else text
