"""What a document cannot mean: provisions that contradict each other, and those that are likely mistakes.

A contradiction is refused, because the text that the patient reads would say what is not so: an exception
that is never in force, one that leaves nothing of the rule that it stands under, the same point said twice or
both ways. What is only odd is worth a doubt, and enforced as it stands.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from ledger.consent.codes import CONFIDENTIALITIES, PURPOSES, SENSITIVITIES, Tree, rank
from ledger.consent.moments import ALWAYS, Span
from ledger.consent.provisions import Provision, inheriting
from ledger.errors import DocumentRejected

_SECURITY_LABEL = ("confidentialities", "labels")
_ABOUT = ("actors", "purposes", "actions", "classes")
_FACTS = (*_SECURITY_LABEL, "codes", "data_period", "data")
_WORDS = {
    "actors": "actor",
    "purposes": "purpose",
    "actions": "action",
    "classes": "class",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Something that is enforced as it is written but may not be what is meant."""

    path: str
    reason: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Placed:
    """A provision in its place: with what it inherits (`whole`), and when it can be in force."""

    own: Provision
    whole: Provision
    span: Span
    under: "Placed | None" = None

    def nested(self) -> "tuple[Placed, ...]":
        """The provisions directly below."""
        return tuple(
            Placed(
                own=inner,
                whole=inheriting(inner, self.whole),
                span=self.span if inner.period is None else inner.period.span.within(self.span),
                under=self,
            )
            for inner in self.own.provisions
        )

    def walk(self) -> "Iterator[Placed]":
        """This one and all below, in the order of the document."""
        yield self
        for inner in self.nested():
            yield from inner.walk()


def placed(root: Provision) -> Placed:
    """The root provision of a document in its place."""
    return Placed(own=root, whole=root, span=ALWAYS if root.period is None else root.period.span)


def require_consistent(root: Provision) -> None:
    """Refuse provisions that contradict each other.

    Raises:
        DocumentRejected: ``never_in_force``, ``exception_covers_all``, ``said_twice``, ``said_both_ways``.
    """
    _require(placed(root))


def doubts(root: Provision, written: Span) -> tuple[Doubt, ...]:
    """What may not be meant, in the order of the document; `written` is when the document was."""
    found = list(_over(root, written))
    for one in placed(root).walk():
        found += _broader_codes(one.own)
        found += _no_such_record(one)
        if one.under is not None:
            found += _changes_nothing(one, one.under)
            found += _reaches_further(one, one.under)
    return tuple(found)


def _require(one: Placed) -> None:
    """`require_consistent` of a provision and all below."""
    if one.span.start >= one.span.end:
        raise DocumentRejected(
            f"{one.own.path}.period",
            "it lies outside the period that it stands under, so it is never in force",
            reason="never_in_force",
        )
    _require_distinct(one.own.provisions)
    for inner in one.nested():
        if inner.own.permit != one.own.permit and not inner.own.provisions and _covers(inner, one):
            raise DocumentRejected(
                inner.own.path,
                "this exception leaves nothing of what it stands under",
                reason="exception_covers_all",
                fix="name in it what is different, or say it without an exception",
            )
        _require(inner)


def _require_distinct(siblings: Sequence[Provision]) -> None:
    if len(siblings) < 2:
        return
    seen: dict[Hashable, bool] = {}
    for sibling in siblings:
        point = _point(sibling)
        if point not in seen:
            seen[point] = sibling.permit
        elif seen[point] == sibling.permit:
            raise DocumentRejected(sibling.path, "the same point stands before", reason="said_twice")
        else:
            raise DocumentRejected(
                sibling.path, "the very opposite of a point before", reason="said_both_ways"
            )


def _point(provision: Provision) -> Hashable:
    """What a provision is about, whatever it says of it; of those below it their effect too."""
    inner = frozenset((_point(item), item.permit) for item in provision.provisions)
    return (*(_named(provision, name) for name in (*_ABOUT, *_FACTS, "period")), inner)


def _named(provision: Provision, name: str) -> Hashable:
    """What a provision names of an element, in whatever order or form it is written."""
    found = getattr(provision, name)
    if isinstance(found, tuple):
        return frozenset(found)
    return None if found is None else found.span


def _covers(inner: Placed, outer: Placed) -> bool:
    """Whether a nested provision surely matches whatever the enclosing one does.

    A permit reads mixed and missing facts more narrowly than the deny that it stands under, so with
    conditions on facts of a record only a deny covers.
    """
    named = any(getattr(outer.whole, name) for name in _FACTS)
    return (
        inner.span == outer.span
        and _same_facts(inner, outer)
        and not (named and inner.own.permit and not outer.own.permit)
        and all(_within(name, outer.whole, inner.whole) for name in _ABOUT)
    )


def _same_facts(one: Placed, under: Placed) -> bool:
    """Whether both ask the same of a record; a confidentiality that is named anew may reach the other way."""
    same = all(_named(one.whole, name) == _named(under.whole, name) for name in _FACTS)
    return same and not one.own.confidentialities


def _within(name: str, narrow: Provision, wide: Provision) -> bool:
    """Whether all that one names of an element is named by the other, or the other leaves it open."""
    few, many = getattr(narrow, name), getattr(wide, name)
    if not many:
        return True
    if name == "purposes":
        return bool(few) and all(any(PURPOSES.is_a(code, above) for above in many) for code in few)
    return bool(few) and set(few) <= set(many)


def _over(root: Provision, written: Span) -> Iterator[Doubt]:
    if root.period is not None and root.period.span.end <= written.start:
        yield Doubt(
            path=f"{root.path}.period", reason="over_when_written", why="it was over when it was written"
        )


def _broader_codes(own: Provision) -> Iterator[Doubt]:
    chosen: tuple[tuple[str, tuple[str, ...], Tree], ...] = (
        ("purpose", own.purposes, PURPOSES),
        ("securityLabel", own.labels, SENSITIVITIES),
    )
    for name, codes, tree in chosen:
        for code in codes:
            for above in codes:
                if code != above and tree.is_a(code, above):
                    why = f"{code} changes nothing, because {above} includes it"
                    yield Doubt(path=f"{own.path}.{name}", reason="redundant_code", why=why)
    if len(own.confidentialities) > 1:
        reach = max if own.permit else min
        counts = reach(own.confidentialities, key=rank)
        why = f"only {counts} counts: it includes all that is {'less' if own.permit else 'more'} private"
        yield Doubt(path=f"{own.path}.securityLabel", reason="redundant_code", why=why)


def _no_such_record(one: Placed) -> Iterator[Doubt]:
    own = one.own
    levels = own.confidentialities
    if own.permit and own.labels and levels and max(map(rank, levels)) < rank("R"):
        why = f"records with a mark are {CONFIDENTIALITIES['R']} at least, so no record of ours fits both"
        yield Doubt(path=f"{own.path}.securityLabel", reason="no_such_record", why=why)


def _changes_nothing(one: Placed, under: Placed) -> Iterator[Doubt]:
    """A point that says what the rule above it says, and that stands against no other point."""
    own = one.own
    same = own.permit == under.own.permit and not own.provisions and _narrows(one, under)
    if same and (own.permit or not any(item.permit for item in under.own.provisions)):
        why = "it says what holds without it"
        yield Doubt(path=own.path, reason="changes_nothing", why=why)


def _narrows(one: Placed, under: Placed) -> bool:
    return _same_facts(one, under) and all(_within(name, one.whole, under.whole) for name in _ABOUT)


def _reaches_further(one: Placed, under: Placed) -> Iterator[Doubt]:
    """A permit that names whom or what the rule above it does not."""
    wider = [name for name in _ABOUT if not _within(name, one.whole, under.whole)]
    if one.own.permit and under.own.permit and wider:
        words = " and ".join(_WORDS[name] for name in wider)
        yield Doubt(
            path=one.own.path,
            reason="reaches_further",
            why=f"it shares beyond what it stands under: another {words}",
        )
