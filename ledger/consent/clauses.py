"""What one provision says, clause by clause: a clause for every element that it names, and only for those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.consent.codes import (
    ACTIONS,
    CLASSES,
    CONFIDENTIALITIES,
    PURPOSES,
    SENSITIVITIES,
    needs_emergency,
    opens,
)
from ledger.consent.provisions import Datum, Meaning, Provision, may_be_visit
from ledger.consent.wording import code_words, joined, listed, period_words

_MEANINGS = {
    Meaning.INSTANCE: "the record {}",
    Meaning.RELATED: "what belongs to {}",
    Meaning.AUTHORED_BY: "what was written by {}",
}
_OTHER_MARKS = {
    True: "A record with no mark, or with some other mark, is not shared by this.",
    False: "A record with no such mark is not held back by this.",
}
_BOTH_ABOVE = {
    True: "The privacy level and the marks must both fit.",
    False: "The privacy level or one of the marks is enough.",
}
_WHOLE_RECORD = "ipfs://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """Puts provisions of one document into lines; `name` gives the words for an identity."""

    zone: int
    name: Callable[[str], str]

    def of(self, provision: Provision, *, whole: bool = False) -> list[str]:
        """The lines for all elements that the provision names, but its actors, in a fixed order.

        With `whole`, for a root provision, what it leaves open is said as well.
        """
        return [
            *_classes(provision, whole=whole),
            *_labels(provision),
            *self._codes(provision),
            *self._dates(provision),
            *self._data(provision),
            *_purposes(provision, whole=whole),
            *_actions(provision, whole=whole),
            *self._period(provision, whole=whole),
        ]

    def turned(self, own: Provision, whole: Provision) -> list[str]:
        """How a provision reads what it takes over from one of the other effect.

        `whole` is `own` with what it takes over; a permit and a deny read missing and mixed facts in opposite
        ways.
        """
        labelled = bool(own.confidentialities or own.labels)
        lines = [
            *([] if labelled else _labels_read(whole)),
            *(_codes_read(whole) if whole.codes and not own.codes else []),
            *(_dates_read(whole) if whole.data_period and not own.data_period else []),
            *(_data_read(whole) if not own.data else []),
        ]
        return list(dict.fromkeys(lines))

    def who(self, actors: Sequence[str]) -> list[str]:
        """The words for actors."""
        return [self.name(actor) for actor in actors]

    def _codes(self, provision: Provision) -> list[str]:
        if not provision.codes:
            return []
        names = [self.name(entry.key) for entry in provision.codes]
        lines = listed(_only(provision, "about"), names, "or")
        return [*lines, *_codes_read(provision)]

    def _dates(self, provision: Provision) -> list[str]:
        period = provision.data_period
        if period is None:
            return []
        words = period_words(period.start, period.end, self.zone)
        return [f"{_only(provision, 'dated')}: {words}.", *_dates_read(provision)]

    def _data(self, provision: Provision) -> list[str]:
        if not provision.data:
            return []
        words = [_MEANINGS[entry.meaning].format(self.name(entry.reference)) for entry in provision.data]
        lead = "Only these" if provision.permit else "These"
        return [*listed(lead, words, "and"), *_data_read(provision)]

    def _period(self, provision: Provision, *, whole: bool) -> list[str]:
        if provision.period is None:
            return ["When: from the time you sign, with no end date."] if whole else []
        period = provision.period
        endless = ", with no end date" if period.end is None else ""
        return [f"When: {period_words(period.start, period.end, self.zone)}{endless}."]


def _classes(provision: Provision, *, whole: bool) -> list[str]:
    shares = provision.permit and provision.actions != ("collect",)
    sensitive = whole and shares and not provision.labels and not provision.confidentialities
    if provision.classes:
        words = [CLASSES[code].words for code in provision.classes]
        too = ["Sensitive records of these kinds are shared too."] if sensitive else []
        return listed("Kinds of records", words, "and") + too
    if not whole:
        return []
    narrowed = provision.codes or provision.data or provision.data_period
    kinds = "any" if narrowed else "all"
    return [f"Kinds of records: {kinds}{', the sensitive ones too' if sensitive else ''}."]


def _labels(provision: Provision) -> list[str]:
    bounds = [CONFIDENTIALITIES[code] for code in provision.confidentialities]
    marks = code_words(SENSITIVITIES, provision.labels)
    lines = []
    if bounds:
        direction = "less" if provision.permit else "more"
        lines.append(f"Privacy level: {joined(bounds, 'or')}, or {direction} private.")
    if marks:
        lines += listed("Records marked as", marks, "or")
        lines.append(_OTHER_MARKS[provision.permit])
    if bounds and marks:
        lines.append("Both must fit." if provision.permit else "One of these two is enough.")
    return lines


def _purposes(provision: Provision, *, whole: bool) -> list[str]:
    words = code_words(PURPOSES, provision.purposes)
    lines = listed("What for" if provision.permit else "Not for", words or ["any reason"], "or")
    if provision.permit and words and all(map(needs_emergency, provision.purposes)):
        lines.append("They must first state that it is an emergency.")
    return lines if words or whole else []


def _actions(provision: Provision, *, whole: bool) -> list[str]:
    words = [ACTIONS[code] for code in provision.actions]
    lead = "What they may do" if provision.permit else "What they may not do"
    joint = "and" if provision.permit else "or"
    lines = listed(lead, words or ["anything"], joint) if words or whole else []
    seeing = set(filter(opens, ACTIONS))
    if not provision.permit and seeing & set(provision.actions) not in (set(), seeing):
        lines.append("Other ways to see them are not held back by this.")
    return lines


def _labels_read(provision: Provision) -> list[str]:
    """How labels that stand above are read."""
    if not provision.labels:
        return []
    lines = [_OTHER_MARKS[provision.permit]]
    if provision.confidentialities:
        lines.append(_BOTH_ABOVE[provision.permit])
    return lines


def _codes_read(provision: Provision) -> list[str]:
    return [_unsaid(provision, "If a record does not say what it is about"), _group(provision)]


def _dates_read(provision: Provision) -> list[str]:
    return [_unsaid(provision, "If a record has no date")]


def _data_read(provision: Provision) -> list[str]:
    related = [entry for entry in provision.data if entry.meaning is Meaning.RELATED]
    lines = []
    if related and provision.permit:
        lines.append(_unsaid(provision, "If a record does not say where it belongs"))
    elif any(may_be_visit(entry.reference) for entry in related):
        lines.append(_unsaid(provision, "If a record does not name a visit"))
    if any(entry.meaning is Meaning.AUTHORED_BY for entry in provision.data):
        lines.append(_unsaid(provision, "If a record does not say who wrote it"))
    if any(map(_may_split, provision.data)):
        lines.append(_group(provision))
    return lines


def _only(provision: Provision, what: str) -> str:
    return f"Only records {what}" if provision.permit else f"Records {what}"


def _unsaid(provision: Provision, lack: str) -> str:
    return f"{lack}, it is {'not shared' if provision.permit else 'held back'}."


def _may_split(entry: Datum) -> bool:
    """Whether an entry may mean some documents of a record and not all."""
    return entry.meaning is Meaning.INSTANCE and not entry.reference.startswith(_WHOLE_RECORD)


def _group(provision: Provision) -> str:
    if provision.permit:
        return "Records are kept in small groups. A group is shared only if all of it fits."
    return "Records are kept in small groups. A group is held back if any of it fits."
