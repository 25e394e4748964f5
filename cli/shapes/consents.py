"""Answers about consents, requests for them, and what came of them."""

from typing import Any

from msgspec import field

from cli.shapes.base import Part, Shape


class PersonPart(Part, frozen=True, kw_only=True):
    """Somebody: the did, and the name under which they are known here."""

    did: str
    name: str | None = None


class ChainPart(Part, frozen=True, kw_only=True):
    """How far a recording or a stop has come on its way to the chain."""

    state: str
    transaction: str | None = None
    block: int | None = None
    gas_used: int | None = None


class PurposePart(Part, frozen=True, kw_only=True):
    """Which records somebody could open for one purpose; without a code, for any that none names."""

    code: str | None = None
    after: list[str]


class LaterPart(Part, frozen=True, kw_only=True):
    """Which records somebody could open from a moment on."""

    at: str
    after: list[str]


class EffectPart(Part, frozen=True, kw_only=True):
    """Which records somebody could open before and after, by root.

    ``starts`` is when what is after begins, if not at once; ``later`` how it goes on. ``purposes`` tell what
    is after apart by purpose.
    """

    person: PersonPart
    before: list[str]
    after: list[str]
    purposes: list[PurposePart] = field(default_factory=list)
    starts: str | None = None
    later: list[LaterPart] = field(default_factory=list)


class DraftShown(Shape, frozen=True, kw_only=True):
    """A consent that is not signed yet, and what it would change."""

    statement: str
    document: dict[str, Any]
    records: int
    effects: list[EffectPart]
    request: str | None = None


class ConsentFiled(Shape, frozen=True, kw_only=True):
    """A consent that was signed and filed."""

    consent: str
    permits: bool
    statement: str
    document: dict[str, Any]
    records: int
    effects: list[EffectPart]
    log_index: int
    chain: ChainPart
    request: str | None = None


class ConsentStopped(Shape, frozen=True, kw_only=True):
    """A consent that was stopped.

    Without ``log_index`` the gateway keeps the stop on disk, and has yet to log it and to tell the chain.
    """

    consent: str
    permits: bool
    statement: str
    log_index: int | None = None
    chain: ChainPart | None = None


class StopPart(Part, frozen=True, kw_only=True):
    """One stop of several; without ``log_index`` as in `ConsentStopped`."""

    consent: str
    log_index: int | None = None
    chain: ChainPart | None = None


class StandingPart(Part, frozen=True, kw_only=True):
    """A consent that was to be stopped and still stands, and the error that kept it."""

    consent: str
    code: str
    message: str


class ConsentsStopped(Shape, frozen=True, kw_only=True):
    """All consents that shared: those that were stopped, and those that could not be."""

    stopped: list[StopPart]
    standing: list[StandingPart]


class ConsentPart(Part, frozen=True, kw_only=True):
    """One consent, its state at the gateway, and its state on chain as this client reads it itself.

    ``adds_only``: what it permits or refuses is to add records; nobody sees any by it.
    """

    consent: str
    state: str
    permits: bool
    adds_only: bool = False
    patient: PersonPart
    people: list[PersonPart]
    on_chain: str
    chain: ChainPart | None = None
    stop: ChainPart | None = None
    starts: str | None = None
    ends: str | None = None
    filed: int | None = None


class ConsentList(Shape, frozen=True, kw_only=True):
    """All consents that this person gave, or that name them.

    ``open_to`` is how many people can open a record of this patient now; not there for a provider.
    ``emergencies`` is how many of this patient nobody has reviewed.
    """

    role: str
    open_to: int | None = None
    emergencies: int = 0
    consents: list[ConsentPart]


class ConsentShown(Shape, frozen=True, kw_only=True):
    """One consent with its text."""

    consent: ConsentPart
    statement: str
    document: dict[str, Any]


class RenewedPart(Part, frozen=True, kw_only=True):
    """The consent that a request asks to prolong, and its end as it was signed, if it is known here."""

    consent: str
    ends: str | None = None


class RequestPart(Part, frozen=True, kw_only=True):
    """A provider's request to a patient; with ``renews`` one to prolong what was signed before."""

    request: str
    state: str
    patient: PersonPart
    provider: PersonPart
    purpose: list[str]
    action: str
    classes: list[str]
    expires: int
    until: int | None = None
    note: str | None = None
    renews: RenewedPart | None = None


class RequestSent(Shape, frozen=True, kw_only=True):
    """A request that is on its way to its patient, if there is such a patient."""

    request: str
    state: str
    log_index: int


class RequestList(Shape, frozen=True, kw_only=True):
    """All requests to this patient, or of this provider; and how many emergencies nobody has reviewed."""

    role: str
    requests: list[RequestPart]
    emergencies: int = 0


class RequestShown(Shape, frozen=True, kw_only=True):
    """One request; for its patient with what saying yes would mean."""

    request: RequestPart
    statement: str | None = None
    records: int | None = None
    effects: list[EffectPart] | None = None


class RequestDeclined(Shape, frozen=True, kw_only=True):
    """A request to which the patient said no."""

    request: str
    state: str


class RequestWithdrawn(Shape, frozen=True, kw_only=True):
    """A request that its provider took back."""

    request: str
    state: str


class PatientEnrolled(Shape, frozen=True, kw_only=True):
    """A patient whom the gateway knows."""

    patient: str
    gateway: str


class DisclosurePart(Part, frozen=True, kw_only=True):
    """One time that somebody asked, or was given records; ``classes`` says which kinds, none that all."""

    index: int
    time: int
    kind: str
    person: PersonPart
    purpose: list[str]
    action: str
    outcome: str
    records: list[str]
    basis: list[str]
    classes: list[str] = field(default_factory=list)


class HistoryShown(Shape, frozen=True, kw_only=True):
    """Who asked for what, and what they were given; oldest first. ``earlier`` lines were left out."""

    patient: str
    disclosures: list[DisclosurePart]
    earlier: int = 0


class ParticipantPart(Part, frozen=True, kw_only=True):
    """A participant of the directory, as this client reads it on chain itself."""

    did: str
    roles: list[str]
    suspended: bool
    name: str | None = None
    kind: str | None = None


class ParticipantList(Shape, frozen=True, kw_only=True):
    """All participants of the directory."""

    participants: list[ParticipantPart]


class ParticipantShown(Shape, frozen=True, kw_only=True):
    """One participant."""

    participant: ParticipantPart


class ApplicationMade(Shape, frozen=True, kw_only=True):
    """A signed application, for an accreditor."""

    did: str
    name: str
    roles: list[str]
    application: str


class ParticipantChanged(Shape, frozen=True, kw_only=True):
    """What an accreditor put on chain."""

    did: str
    change: str
    transactions: list[ChainPart]
    name: str | None = None
    roles: list[str] | None = None
