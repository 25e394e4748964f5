"""Which records a choice is about, as a value: the one form for what is shared, refused and excepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.consent import codes
from ledger.consent.elements import URI_SYSTEM
from ledger.consent.names import check_name
from ledger.consent.provisions import Meaning
from ledger.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Something that records refer to, and how the statement calls it.

    ``reference`` is a name as record headers have it: ``Type/id``, a URL, a did, or an identifier's
    ``system|value``.
    """

    reference: str
    display: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The FHIR Reference."""
        system, bar, value = self.reference.partition("|")
        if self.reference.startswith("did:"):
            system, bar, value = URI_SYSTEM, "|", self.reference
        found: dict[str, Any] = (
            {"identifier": {"system": system, "value": value}} if bar else {"reference": self.reference}
        )
        return found if self.display is None else found | {"display": check_name(self.display)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A coding of a resource, such as one test, and how the statement calls it."""

    system: str
    code: str
    display: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The FHIR CodeableConcept."""
        found = coding(self.system, self.code)
        return {"coding": [found if self.display is None else found | {"display": check_name(self.display)}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The dates of records, both ends included: FHIR dates of a year, month or day; None for no bound.

    Raises:
        InvalidInput: (``dates_required``) no bound at all.
    """

    first: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        if self.first is None and self.last is None:
            raise InvalidInput("a range of dates needs a start or an end", reason="dates_required")

    def as_json(self) -> dict[str, str]:
        """The FHIR Period."""
        return {name: text for name, text in (("start", self.first), ("end", self.last)) if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Records that fit every attribute that is named; of several entries of one attribute one is enough.

    Attributes:
        classes: words (``labs``) or class codes.
        labels: sensitivity or confidentiality codes; see `policy` for how a permit and a deny read them.
        codes: what records are about.
        encounters: visits, or other things that records belong to.
        instances: single documents: a resource by its name, a whole record by ``ipfs://`` and its CID.
        authors: who wrote the records.
        dated: when.

    Raises:
        InvalidInput: (``selection_mixed``) more than one of encounters, instances and authors. They share one
            FHIR element, in which any entry is enough: a second one would widen what it should narrow.
    """

    classes: Sequence[str] = ()
    labels: Sequence[str] = ()
    codes: Sequence[Code] = ()
    encounters: Sequence[Named] = ()
    instances: Sequence[Named] = ()
    authors: Sequence[Named] = ()
    dated: Dates | None = None

    def __post_init__(self) -> None:
        if sum(map(bool, (self.encounters, self.instances, self.authors))) > 1:
            raise InvalidInput(
                "visits, single records and authors cannot be combined in one choice",
                reason="selection_mixed",
                fix="Make one choice for each: any of them would be enough, not all together.",
            )

    def as_json(self) -> dict[str, Any]:
        """The elements of a FHIR provision, without those that are not named.

        Raises:
            UnknownCode: a class or label that no table has.
            InvalidInput: (``bad_name``) a display that a statement cannot quote.
        """
        found = {
            "securityLabel": [_label(code) for code in self.labels],
            "class": [_class(text) for text in self.classes],
            "code": [code.as_json() for code in self.codes],
            "dataPeriod": self.dated.as_json() if self.dated else None,
            "data": [
                {"meaning": meaning.value, "reference": named.as_json()}
                for meaning, entries in (
                    (Meaning.RELATED, self.encounters),
                    (Meaning.INSTANCE, self.instances),
                    (Meaning.AUTHORED_BY, self.authors),
                )
                for named in entries
            ],
        }
        return {name: value for name, value in found.items() if value}


EVERYTHING = Selection()


def any_of(
    *,
    classes: Sequence[str] = (),
    labels: Sequence[str] = (),
    codes: Sequence[Code] = (),
    encounters: Sequence[Named] = (),
    instances: Sequence[Named] = (),
    authors: Sequence[Named] = (),
    dated: Sequence[Dates] = (),
) -> list[Selection]:
    """Selections that together hold every record with any one of these attributes, as exceptions should."""
    sensitive, confidential = _sorted_labels(labels)
    found = [
        Selection(labels=sensitive),
        Selection(labels=confidential),
        Selection(classes=classes),
        Selection(codes=codes),
        Selection(encounters=encounters),
        Selection(instances=instances),
        Selection(authors=authors),
        *(Selection(dated=dates) for dates in dated),
    ]
    return [selection for selection in found if selection != EVERYTHING and selection.as_json()]


def coding(system: str, code: str) -> dict[str, str]:
    """A FHIR Coding."""
    return {"system": system, "code": code}


def _sorted_labels(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    confidential = [code for code in labels if code in codes.CONFIDENTIALITIES]
    return [code for code in labels if code not in codes.CONFIDENTIALITIES], confidential


def _label(code: str) -> dict[str, str]:
    if code in codes.CONFIDENTIALITIES:
        return coding(codes.CONFIDENTIALITY_SYSTEM, code)
    return coding(codes.SENSITIVITY_SYSTEM, codes.SENSITIVITIES.check(code))


def _class(text: str) -> dict[str, str]:
    code = codes.class_code(text)
    return coding(codes.CLASSES[code].system, code)
