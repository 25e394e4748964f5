"""The statement, ``statement/en/1``: what a patient reads and signs, derived from the document alone.

Every element that is enforced is in the text, so two documents that are enforced differently never have one
text: names are quoted and unique in a document, identities without a name stand in angle brackets, and the
last lines give what is behind each name. The same document gives the same text for ever; another wording is
another version, named in the document.
"""

from ledger.consent.clauses import Clauses
from ledger.consent.document import STATEMENT, ConsentDocument
from ledger.consent.provisions import Provision
from ledger.consent.sense import Placed, placed
from ledger.consent.wording import LINES_FROM, bracketed, joined, listed, moment_words, quoted, zone_words

_GROUPS = "If you name a group, this counts for all who ask in its name."
_TO_SHARE = (
    "New records that fit are shared too, for as long as this lasts.",
    _GROUPS,
    "This choice lets nobody else see your records.",
)
_TO_ADD = (
    "They may not look at your records through this choice.",
    _GROUPS,
    "This choice lets nobody else add to your records.",
)
_TO_BLOCK = (
    "This NO counts more than a YES in any other choice you make.",
    "It counts for new records too, for as long as this lasts.",
    _GROUPS,
)
_STOP_SHARING = (
    "You can stop this at any time.",
    "Stopping takes one step, the same as sharing.",
    "From then on they can open nothing more through this choice.",
    "What they have seen or kept by then stays with them.",
    "We cannot take it back, and we cannot control who they tell.",
)
_STOP_ADDING = (
    "You can stop this at any time.",
    "Stopping takes one step, the same as saying YES.",
    "From then on they can add nothing more through this choice.",
    "What they have added by then stays in your records.",
)
_STOP_BLOCKING = (
    "You can take this NO back at any time.",
    "That takes one step, the same as saying NO.",
    "What they saw before you said NO stays with them.",
)
_ADDING = ("collect",)
_DIFFERS = "Each point says only what is different. All else stays as said above it."
_CLASH = "If two points clash, NO wins."
_UNDER = "A point counts more than the one it stands under."
_LASTS = "No point lasts longer than this choice."
_ELSEWHERE = "A NO here counts more than a YES in any other choice you make."


def statement(document: ConsentDocument) -> str:
    """The text that stands for `document`; lines end in a line feed, the last one in nothing."""
    clauses = Clauses(zone=document.zone, name=lambda identity: _name(document, identity))
    means, stopping = _notes(document)
    blocks = [
        _title(document),
        "\n".join(_root(document, clauses)),
        "\n".join(_exceptions(document, clauses)),
        " ".join(means),
        " ".join(stopping),
        _dates(document),
        "\n".join(_details(document)),
    ]
    return "\n\n".join(block for block in blocks if block)


def adds_only(document: ConsentDocument) -> bool:
    """Whether a document is about adding records and nothing else."""
    return document.root.actions == _ADDING and all(
        provision.actions in ((), _ADDING) for provision in document.provisions()
    )


def _notes(document: ConsentDocument) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the choice means beside its clauses, and what stopping it does."""
    if not document.permits:
        return _TO_BLOCK, _STOP_BLOCKING
    told, stop = (_TO_ADD, _STOP_ADDING) if adds_only(document) else (_TO_SHARE, _STOP_SHARING)
    return (told if document.root.actors else told[:-1]), stop  # who lets anyone leaves nobody else


def _title(document: ConsentDocument) -> str:
    whose = (
        "your health records"
        if document.patient_name is None
        else f"the health records of {quoted(document.patient_name)}"
    )
    link = " to " if adds_only(document) else ": "
    return f"{_verdict(document, document.root)}{link}{whose}"


def _verdict(document: ConsentDocument, provision: Provision) -> str:
    if adds_only(document):
        return "YES, they may add" if provision.permit else "NO, they may not add"
    return "YES, share" if provision.permit else "NO, do not share"


def _root(document: ConsentDocument, clauses: Clauses) -> list[str]:
    root, adding = document.root, adds_only(document)
    lead = "You let" if root.permit else "You do not let"
    what = "add to your records" if adding else f"see {_which(root)}"
    who = clauses.who(root.actors)
    if len(who) < LINES_FROM:
        names = joined(who, "and" if root.permit else "or") or "anyone"
        lines = [f"{lead} {names} {what}."]
    else:
        lines = listed(f"{lead} any of these {what}", who, "or")
    return [*lines, *clauses.of(root, whole=True)]


def _which(root: Provision) -> str:
    limits = (
        root.classes,
        root.confidentialities,
        root.labels,
        root.codes,
        root.data_period,
        root.data,
        root.provisions,
    )
    if root.permit:
        return "some of your records" if any(limits) else "all your records"
    return "the records named here" if any(limits) else "any of your records"


def _exceptions(document: ConsentDocument, clauses: Clauses) -> list[str]:
    root = document.root
    inner = [item for item in root.walk() if item is not root]
    if not inner:
        return []
    notes = [
        _DIFFERS,
        _CLASH if len(inner) > 1 else "",
        _UNDER if len(inner) > len(root.provisions) else "",
        _LASTS if any(item.period for item in inner) else "",
        _ELSEWHERE if any(not item.permit for item in inner) else "",
    ]
    points = _numbered(document, placed(root), clauses, "")
    return ["But this is different:", *points, " ".join(filter(None, notes))]


def _numbered(document: ConsentDocument, above: Placed, clauses: Clauses, prefix: str) -> list[str]:
    lines = []
    for number, place in enumerate(above.nested(), start=1):
        label, inner = f"{prefix}{number}.", place.own
        who = listed("Who", clauses.who(inner.actors), "or") if inner.actors else []
        turned = clauses.turned(inner, place.whole) if inner.permit != above.own.permit else []
        said = [f"{label} {_verdict(document, inner)}.", *who, *clauses.of(inner), *turned]
        has_list = any(line.startswith("- ") for line in said)
        lines += said if has_list else [" ".join(said)]
        lines += _numbered(document, place, clauses, label)
    return lines


def _dates(document: ConsentDocument) -> str:
    written = moment_words(document.written, document.zone)
    return f"You wrote this on {written}. Dates and times are in {zone_words(document.zone)}."


def _details(document: ConsentDocument) -> list[str]:
    actors = set(document.actors)
    others = [
        f"{quoted(display)} is {identity}"
        for identity, display in document.names.items()
        if display is not None and identity not in actors
    ]
    accounts = [f"you are {document.patient}"]
    accounts += [_account(document, actor) for actor in document.actors]
    lines = [f"Form: {STATEMENT}; rules: {document.policy}"]
    if others:
        lines.append(f"Names: {'; '.join(others)}")
    return [*lines, f"Accounts: {'; '.join(accounts)}"]


def _account(document: ConsentDocument, actor: str) -> str:
    display = document.names[actor]
    return bracketed(actor) if display is None else f"{quoted(display)} is {actor}"


def _name(document: ConsentDocument, identity: str) -> str:
    display = document.names[identity]
    return bracketed(identity) if display is None else quoted(display)
