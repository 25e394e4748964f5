"""What one provision says, clause by clause: a clause for every element that it names, and only for those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.consent.codes import ACTIONS, CLASSES, CONFIDENTIALITIES, PURPOSES, SENSITIVITIES
from ledger.consent.provisions import Meaning, Provision
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

    def who(self, actors: Sequence[str]) -> list[str]:
        """The quoted names of actors."""
        return [self.name(actor) for actor in actors]

    def _codes(self, provision: Provision) -> list[str]:
        if not provision.codes:
            return []
        names = [self.name(entry.key) for entry in provision.codes]
        return [*listed("Only about", names, "or"), _unsaid(provision), _group(provision)]

    def _dates(self, provision: Provision) -> list[str]:
        period = provision.data_period
        if period is None:
            return []
        words = period_words(period.start, period.end, self.zone)
        return [f"Only records dated: {words}.", _unsaid(provision)]

    def _data(self, provision: Provision) -> list[str]:
        if not provision.data:
            return []
        words = [_MEANINGS[entry.meaning].format(self.name(entry.reference)) for entry in provision.data]
        return [*listed("Only these", words, "and"), _unsaid(provision), _group(provision)]

    def _period(self, provision: Provision, *, whole: bool) -> list[str]:
        if provision.period is None:
            return ["When: from the time you sign, with no end date."] if whole else []
        period = provision.period
        endless = ", with no end date" if period.end is None else ""
        return [f"When: {period_words(period.start, period.end, self.zone)}{endless}."]


def _classes(provision: Provision, *, whole: bool) -> list[str]:
    sensitive = whole and provision.permit and not provision.labels and not provision.confidentialities
    if provision.classes:
        words = [CLASSES[code].words for code in provision.classes]
        too = ["Sensitive records of these kinds are shared too."] if sensitive else []
        return listed("Kinds of records", words, "and") + too
    return [f"Kinds of records: all{', the sensitive ones too' if sensitive else ''}."] if whole else []


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
    return listed("What for", words or ["any reason"], "or") if words or whole else []


def _actions(provision: Provision, *, whole: bool) -> list[str]:
    words = [ACTIONS[code] for code in provision.actions]
    lead = "What they may do" if provision.permit else "What they may not do"
    joint = "and" if provision.permit else "or"
    return listed(lead, words or ["anything"], joint) if words or whole else []


def _unsaid(provision: Provision) -> str:
    return f"If a record does not say this, it is {'not shared' if provision.permit else 'held back'}."


def _group(provision: Provision) -> str:
    if provision.permit:
        return "Records are kept in small groups. A group is shared only if all of it fits."
    return "Records are kept in small groups. A group is held back if any of it fits."
