"""Answers about documents and decisions that need neither chain nor gateway."""

from msgspec import field

from cli.shapes.base import Part, Shape
from cli.shapes.consents import EffectPart


class RemarkPart(Part, frozen=True, kw_only=True):
    """Something about an element of a document: where it stands, and what about it."""

    path: str
    why: str


class DoubtPart(Part, frozen=True, kw_only=True):
    """Something that is enforced as it is written but may not be meant."""

    path: str
    reason: str
    why: str


class ProfilePart(Part, frozen=True, kw_only=True):
    """How a document stands to one PCF profile; ``notes`` name codes beyond its value sets."""

    name: str
    met: bool
    deviations: list[RemarkPart] = field(default_factory=list)
    notes: list[RemarkPart] = field(default_factory=list)


class RefusalPart(Part, frozen=True, kw_only=True):
    """Why a document is refused: a stable code and reason, the element at fault, and what to do."""

    code: str
    reason: str
    message: str
    path: str | None = None
    fix: str | None = None


class DocumentPart(Part, frozen=True, kw_only=True):
    """One document: accepted, or refused for ``error``.

    ``filable`` says whether it could be filed on the chain that is known, ``unfilable`` why not. ``beyond``
    is what no PCF profile has, enforced all the same.
    """

    file: str
    accepted: bool
    error: RefusalPart | None = None
    permits: bool | None = None
    digest: str | None = None
    profiles: list[ProfilePart] = field(default_factory=list)
    beyond: list[RemarkPart] = field(default_factory=list)
    doubts: list[DoubtPart] = field(default_factory=list)
    filable: bool | None = None
    unfilable: RefusalPart | None = None
    statement: str | None = None


class DocumentsValidated(Shape, frozen=True, kw_only=True):
    """Documents, each by itself. ``ok``: all are accepted, and can be filed if that was asked."""

    ok: bool
    chain_id: int | None = None
    documents: list[DocumentPart]


class FactsPart(Part, frozen=True, kw_only=True):
    """What the policy may know of one record, as far as people tell records apart by it."""

    id: str
    record_class: str
    confidentiality: str | None = None
    labels: list[str] = field(default_factory=list)
    date: str | None = None
    resources: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        """Its id, where other records have a root."""
        return self.id


class AttributePart(Part, frozen=True, kw_only=True):
    """One condition of a provision: what it wanted, and what was found."""

    attribute: str
    matched: bool
    wanted: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)


class RulePart(Part, frozen=True, kw_only=True):
    """One provision, by its path."""

    path: str
    permit: bool
    matched: bool
    attributes: list[AttributePart]


class TracePart(Part, frozen=True, kw_only=True):
    """What one consent says of a record; no outcome if nothing in it matches."""

    consent: str
    outcome: str | None = None
    rules: list[RulePart]


class JudgedPart(Part, frozen=True, kw_only=True):
    """The outcome for one record, by which consents, and how it came about, as data and in words."""

    record: FactsPart
    outcome: str
    basis: list[str]
    reason: str | None = None
    trace: list[TracePart]
    words: list[str]


class DutyPart(Part, frozen=True, kw_only=True):
    """What whoever opens the records must do or leave."""

    id: str
    type: str
    code: str
    text: str
    records: list[str]
    labels: list[str]


class PolicyEvaluated(Shape, frozen=True, kw_only=True):
    """A decision over files alone; consents are named by their files."""

    outcome: str
    policy: str
    subject: str
    purposes: list[str]
    action: str
    at: str
    consents: list[str]
    basis: list[str]
    records: list[JudgedPart]
    obligations: list[DutyPart]


class ConsentPreviewed(Shape, frozen=True, kw_only=True):
    """What a draft would change, beside the consents of today."""

    at: str
    over: bool
    statement: str
    today: list[str]
    records: list[FactsPart]
    effects: list[EffectPart]


class CodePart(Part, frozen=True, kw_only=True):
    """One code: its list and system, its words for patients, and the codes above it, the nearest first.

    ``word`` is what the command line calls it beside the code.
    """

    list: str
    code: str
    system: str
    words: str
    word: str | None = None
    above: tuple[str, ...] = ()


class CodesListed(Shape, frozen=True, kw_only=True):
    """The codes that documents and requests may name."""

    codes: list[CodePart]
