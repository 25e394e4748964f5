"""What a patient typed about a choice, as a wish: whom, which records, what for, how long.

Options of one kind widen (two classes: either), those of different kinds narrow (a class and dates: both). An
exception is a class, a mark, or any of the selecting options as ``NAME=VALUE``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from cli.times import parse_from, parse_until
from ledger.errors import InvalidInput, LedgerError

if TYPE_CHECKING:
    from ledger.client.drafting import Wish
    from ledger.client.opening import Desk
    from ledger.client.pointing import Pointing
    from ledger.consent.selection import Code, Dates, Named, Selection
    from ledger.consent.terms import Case, Terms

KINDS = ("class", "mark", "code", "visit", "record", "written-by", "dated")
"""The options that select records, without their dashes."""

_Entry = TypeVar("_Entry", "Named", "Code")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The options of `consent grant`, as they were typed."""

    to: Sequence[str]
    case: "Case | None"
    purposes: Sequence[str]
    actions: Sequence[str]
    chosen: dict[str, Sequence[str]]
    excepted: Sequence[str]
    names: Sequence[str]
    start: str | None
    until: str | None
    deny: bool

    @property
    def nothing(self) -> bool:
        """Whether no option was given at all."""
        lists = (self.to, self.purposes, self.actions, self.excepted, self.names, *self.chosen.values())
        values = (self.case, self.start, self.until)
        return not (any(lists) or self.deny) and all(value is None for value in values)


def wish(desk: "Desk", said: Said, at: datetime) -> "Wish":
    """What was typed, as a wish. `at` is now, aware; its offset becomes the zone of the document.

    Raises:
        InvalidInput: options that make no sense together, or a value out of its form.
        UnknownCode, NotFound: a class, visit, record or person that there is not.
    """
    from ledger.client.drafting import Wish

    terms = _terms(said)
    _require_parties(said)
    at = at.replace(second=0, microsecond=0)
    chooser = Chooser(desk, said.names)
    starts = at if said.start is None else parse_from(said.start, at)
    until = None if said.until is None else parse_until(said.until, at)
    if until is None and terms is not None and terms.lasts is not None:
        until = starts + terms.lasts
    found = Wish(
        grantees=[desk.people.resolve(person) for person in said.to],
        purposes=terms.purposes if terms else said.purposes,
        which=chooser.selection(said.chosen),
        exceptions=chooser.exceptions(said.excepted),
        actions=None
        if said.deny and not said.actions
        else (said.actions or (terms.actions if terms else None)),
        starts=starts,
        until=until,
        deny=said.deny,
    )
    chooser.done()
    return found


def _require_parties(said: Said) -> None:
    """Refuse a YES that does not say to whom and what for."""
    if said.deny:
        return
    if not said.to:
        raise InvalidInput(
            "say who may see the records",
            reason="grantee_required",
            fix='Name them: --to "City Hospital". See who there is: consent participant list',
        )
    if not (said.case or said.purposes):
        raise InvalidInput(
            "say what the records are for",
            reason="purpose_required",
            fix="Say --for care, or one of research, emergency, visit, device.",
        )


def _terms(said: Said) -> "Terms | None":
    from ledger.consent.terms import TERMS, Case

    case = said.case
    if case is None:
        return None
    if said.purposes or said.actions:
        raise InvalidInput(
            "--for says what for and what may be done, and so do --purpose and --action",
            reason="for_and_purpose",
            fix="Leave out --for, or leave out --purpose and --action.",
        )
    if said.deny and case in (Case.VISIT, Case.DEVICE):
        raise InvalidInput(
            f"a refusal is not --for {case}",
            reason="for_and_deny",
            fix="Name the records that are refused: --visit, --class. Or refuse all: --deny alone.",
        )
    needed = {Case.VISIT: "visit", Case.DEVICE: "class"}.get(case)
    if needed is not None and not said.chosen[needed]:
        raise InvalidInput(
            f"--for {case} needs --{needed}",
            reason=f"{needed}_required",
            fix="Name the visit by its day: --visit 2026-05-03."
            if needed == "visit"
            else "Say: --class vitals.",
        )
    return TERMS[case]


@dataclass(slots=True)
class Chooser:
    """Turns typed values into selections; ``names`` are words for references, ``REF=WORDS`` each."""

    desk: "Desk"
    names: Sequence[str]
    _named: dict[str, str] = field(init=False, default_factory=dict)
    _used: set[str] = field(init=False, default_factory=set)
    _pointing: "Pointing | None" = field(init=False, default=None)

    def __post_init__(self) -> None:
        for text in self.names:
            reference, words = _split(text, "--name", "REF=WORDS")
            self._named[reference] = words

    def selection(self, chosen: dict[str, Sequence[str]]) -> "Selection":
        """What the selecting options say together."""
        from ledger.consent.selection import Selection

        dates = [_dates(text) for text in chosen["dated"]]
        if len(dates) > 1:
            raise InvalidInput(
                "records are of one span of time", reason="dates_twice", fix="Give --dated once: FROM..TO."
            )
        return Selection(
            classes=tuple(chosen["class"]),
            labels=tuple(chosen["mark"]),
            codes=self._each(chosen["code"], _code),
            encounters=self._each(chosen["visit"], lambda text: self._records().visit(text)),
            instances=self._each(chosen["record"], lambda text: self._records().record(text)),
            authors=self._each(chosen["written-by"], self._author),
            dated=dates[0] if dates else None,
        )

    def exceptions(self, excepted: Sequence[str]) -> "list[Selection]":
        """What stays closed: whatever fits any of them."""
        from ledger.consent.selection import any_of

        sorted_ = sort_exceptions(excepted)
        return any_of(
            classes=sorted_["class"],
            labels=sorted_["mark"],
            codes=self._each(sorted_["code"], _code),
            encounters=self._each(sorted_["visit"], lambda text: self._records().visit(text)),
            instances=self._each(sorted_["record"], lambda text: self._records().record(text)),
            authors=self._each(sorted_["written-by"], self._author),
            dated=[_dates(text) for text in sorted_["dated"]],
        )

    def done(self) -> None:
        """Refuse names that nothing was found for."""
        for reference in self._named.keys() - self._used:
            raise InvalidInput(
                f"--name is for {reference!r}, which no other option has",
                reason="name_unused",
                fix="Write before the = what stands after --visit, --record, --written-by or --code.",
            )

    def _each(self, texts: Sequence[str], find: Callable[[str], _Entry]) -> tuple[_Entry, ...]:
        from dataclasses import replace

        found = []
        for text in texts:
            entry = find(text)
            if text in self._named:
                self._used.add(text)
                entry = replace(entry, display=self._named[text])
            found.append(entry)
        return tuple(found)

    def _author(self, text: str) -> "Named":
        from ledger.consent.selection import Named

        try:
            did = self.desk.people.resolve(text)
        except LedgerError as exc:
            if exc.reason != "unknown_person":
                raise
            return self._records().author(text)
        return Named(reference=did, display=self.desk.people.names([did])[did])

    def _records(self) -> "Pointing":
        from ledger.client.pointing import Pointing

        if self._pointing is None:
            self._pointing = Pointing(self.desk.enrolled().records())
        return self._pointing


def sort_exceptions(excepted: Sequence[str]) -> dict[str, list[str]]:
    """What is excepted, by kind: ``NAME=VALUE`` says it; else a class, by its word or code; else a mark."""
    from ledger.consent.codes import CLASSES, CONFIDENTIALITIES, SENSITIVITIES

    classes = {entry.word for entry in CLASSES.values()} | CLASSES.keys()
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for text in excepted:
        kind, equals, value = text.partition("=")
        if not equals:
            kind, value = "class" if text in classes else "mark", text
        known = equals or kind == "class" or text in SENSITIVITIES or text in CONFIDENTIALITIES
        if kind not in found or not value or not known:
            raise InvalidInput(
                f"nothing can be excepted as {text!r}",
                reason="bad_exception",
                fix=f"Give a class, a mark, or one of {', '.join(KINDS)} with its value: visit=2026-05-03. "
                "See classes and marks with: consent policy codes",
            )
        found[kind].append(value)
    return found


def _dates(text: str) -> "Dates":
    from ledger.consent.selection import Dates

    first, dots, last = text.partition("..")
    if not dots:
        last = first
    if first and last and last[: len(first)] < first[: len(last)]:
        raise InvalidInput(
            f"{text} ends before it starts",
            reason="dates_reversed",
            fix="Give the earlier date first: 2024..2025-06.",
        )
    return Dates(first=first or None, last=last or None)


def _code(text: str) -> "Code":
    from ledger.consent.selection import Code

    system, bar, code = text.partition("|")
    if not (system and bar and code):
        raise InvalidInput(
            f"{text!r} is no code with its system",
            reason="bad_code",
            fix="Write both, in quotation marks: 'http://loinc.org|4548-4'.",
        )
    return Code(system=system, code=code)


def _split(text: str, option: str, form: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise InvalidInput(f"{option} takes {form}", reason="bad_name_option", fix=f"Write {option} {form}.")
    return left, right
