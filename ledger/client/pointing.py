"""What a patient points at, found among their own verified records: one visit, one document, an author.

A day, a CID or a file name is enough where it is clear what is meant. What is found comes with words for the
statement that tell it from everything else of this patient's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ledger.client.publications import VerifiedRecord
from ledger.consent.codes import CLASSES, class_code
from ledger.consent.names import check_name
from ledger.consent.selection import Named
from ledger.consent.wording import day_words
from ledger.errors import InvalidInput, NotFound
from ledger.records.header import RecordHeader, record_name

SHORTEST = 6
_ENCOUNTERS = class_code("encounters")
_SEE_RECORDS = "See your records with: consent record list"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Pointing:
    """The records of one patient, to be pointed at."""

    records: Sequence[VerifiedRecord]

    def visit(self, text: str) -> Named:
        """The visit of a day (``2026-05-03``), of a record (its CID), or with a name (``Encounter/7``).

        A name of an Encounter that is in no record yet is taken as it is: the visit may be still to come.

        Raises:
            NotFound: (``unknown_visit``) no visit, or a record that belongs to none.
            InvalidInput: (``ambiguous``) several visits on that day, or several records with that CID;
                (``name_shared``) visits of several days go by one name, so that a consent would be about all.
        """
        days = self._visits()
        found = self._visit_on(text, days) or self._visit_of(text) or self._aliases().get(text, text)
        if found in days:
            self._require_one_visit(found)
            return Named(
                reference=found, display=_told(found, {one: _visit_words(days[one]) for one in days})
            )
        if "Encounter/" in found:
            return Named(reference=found)
        raise NotFound(f"no visit {text!r}", reason="unknown_visit", fix=_SEE_RECORDS)

    def record(self, text: str) -> Named:
        """One record by its CID or file name, or one document by its name (``DocumentReference/7``).

        Raises:
            NotFound: (``unknown_record``) there is none.
            InvalidInput: (``ambiguous``) several records have that CID or file name; (``kept_together``) the
                document is kept in one record with others, which can only be shared whole;
                (``several_records``) the files of a study or series are kept in several records.
        """
        whole = self._by_cid(text) or _one(
            [one for one in self.records if one.header.name == text], "records", text
        )
        if whole is not None:
            return Named(reference=record_name(whole.root), display=self._words(whole))
        holding = [one for one in self.records if any(text in names for names in one.header.resources)]
        if not holding:
            raise NotFound(f"no record {text!r} of yours", reason="unknown_record", fix=_SEE_RECORDS)
        for one in holding:
            if not all(text in names for names in one.header.resources):
                raise InvalidInput(
                    f"{text} is kept in one record with {len(one.header.resources) - 1} more",
                    reason="kept_together",
                    fix=f"Name the whole record: --record {one.root}",
                    cid=one.root,
                )
        if len({one.header.resources for one in holding}) > 1:
            raise InvalidInput(
                f"the files of {text} are kept in {len(holding)} records",
                reason="several_records",
                fix=f"Name each record: --record {' --record '.join(one.root for one in holding)}",
            )
        return Named(reference=text, display=self._words(holding[0]))

    def author(self, text: str) -> Named:
        """Somebody who wrote records, by the name that these have for them (``Practitioner/7``).

        Raises:
            NotFound: (``unknown_author``) no record has it.
        """
        if not any(text in one.header.authors for one in self.records):
            raise NotFound(
                f"no record of yours was written by {text!r}",
                reason="unknown_author",
                fix="Give a contact, a name in the directory, or a reference as your records have it.",
            )
        return Named(reference=text)

    def _visits(self) -> dict[str, str | None]:
        """The day of every visit, as far as records tell it; the Encounter's own word comes first."""
        found: dict[str, str | None] = {}
        for one in sorted(self.records, key=lambda one: one.header.record_class != _ENCOUNTERS):
            if one.header.encounter is not None and found.get(one.header.encounter) is None:
                found[one.header.encounter] = one.header.date
        return found

    def _require_one_visit(self, name: str) -> None:
        """Places count their visits each for themselves, and a record tells only the number."""
        visits = (one.header for one in self.records if one.header.record_class == _ENCOUNTERS)
        days = {visit.date for visit in visits if visit.encounter == name}
        if len(days) > 1:
            raise InvalidInput(
                f"your records have {len(days)} visits with the name {name}",
                reason="name_shared",
                fix="Name the records of the visit one by one, by their CIDs.",
            )

    def _visit_on(self, text: str, days: Mapping[str, str | None]) -> str | None:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
            return None
        found = _one([name for name, day in days.items() if day == text], "visits", text)
        if found is None:
            raise NotFound(f"no visit on {text}", reason="unknown_visit", fix=_SEE_RECORDS)
        return found

    def _visit_of(self, text: str) -> str | None:
        record = self._by_cid(text)
        if record is not None and record.header.encounter is None:
            raise NotFound("this record belongs to no visit", reason="unknown_visit", fix=_SEE_RECORDS)
        return None if record is None else record.header.encounter

    def _aliases(self) -> dict[str, str]:
        """The one name by which records name an Encounter, for each of its other names."""
        return {
            name: one.header.encounter
            for one in self.records
            if one.header.record_class == _ENCOUNTERS and one.header.encounter is not None
            for names in one.header.resources
            for name in names
        }

    def _by_cid(self, text: str) -> VerifiedRecord | None:
        if len(text) < SHORTEST:
            return None
        return _one([one for one in self.records if one.root.startswith(text)], "records", text)

    def _words(self, record: VerifiedRecord) -> str:
        return _told(record.root, {one.root: _record_words(one.header) for one in self.records})


def _told(key: str, words: Mapping[str, str]) -> str:
    """The words for `key`; counted where they stand for several."""
    alike: dict[str, list[str]] = defaultdict(list)
    for one, said in words.items():
        alike[said].append(one)
    same = alike[words[key]]
    return words[key] if len(same) == 1 else f"{words[key]} ({same.index(key) + 1} of {len(same)})"


def _visit_words(day: str | None) -> str:
    return "your visit" if day is None else f"your visit of {day_words(day)}"


def _record_words(header: RecordHeader) -> str:
    if header.name is not None and _is_short_name(header.name):
        return header.name
    words = CLASSES[header.record_class].words
    return words if header.date is None else f"{words} of {day_words(header.date)}"


def _is_short_name(name: str) -> bool:
    """Whether a statement can quote a file name, and still count several of one name."""
    try:
        return len(check_name(name)) <= 40
    except InvalidInput:
        return False


def _one(found: Iterable[_T], kind: str, text: str) -> _T | None:
    listed = list(found)
    if len(listed) > 1:
        raise InvalidInput(
            f"{len(listed)} {kind} go by {text!r}",
            reason="ambiguous",
            fix="Give more of its name, or the CID of a record that belongs to it.",
        )
    return listed[0] if listed else None
