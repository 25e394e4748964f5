"""From a document to rules: what each provision names, what it inherits, and the conditions of both."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ledger.consent import codes
from ledger.consent.document import ConsentDocument
from ledger.consent.moments import ALWAYS, Span
from ledger.consent.provisions import Meaning, Provision
from ledger.ids import ConsentId, Did
from ledger.policy.conditions import (
    About,
    ByActor,
    Coded,
    Dated,
    ForAction,
    ForPurpose,
    InForce,
    Labelled,
    OfClass,
    RecordCondition,
    RequestCondition,
)

_SECURITY_LABEL = ("confidentialities", "labels")
_OWN = ("path", "permit", "period", "provisions")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rule:
    """One provision, with what it inherits. It matches when every condition holds."""

    path: str
    permit: bool
    on_request: tuple[RequestCondition, ...]
    on_record: tuple[RecordCondition, ...]
    exceptions: tuple["Rule", ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CompiledConsent:
    """A consent as the engine reads it."""

    id: ConsentId
    patient: Did
    root: Rule


def compile_consent(
    consent_id: ConsentId, document: ConsentDocument, identities: Mapping[str, Did] | None = None
) -> CompiledConsent:
    """The rules of a document. `identities` translates references of actors to the dids of requests."""
    compiler = _Compiler(document.zone, identities or {})
    root = compiler.rule(document.root, document.root, ALWAYS, upward=False)
    return CompiledConsent(id=consent_id, patient=document.patient, root=root)


def effective(own: Provision, enclosing: Provision) -> Provision:
    """`own`, with every element that it does not name taken from `enclosing`; not the period.

    The two kinds of security label are one element.
    """
    named_label = any(getattr(own, name) for name in _SECURITY_LABEL)
    inherited = {}
    for entry in fields(Provision):
        keeps = entry.name in _OWN or (entry.name in _SECURITY_LABEL and named_label)
        if not keeps and not getattr(own, entry.name):
            inherited[entry.name] = getattr(enclosing, entry.name)
    return replace(own, **inherited)


@dataclass(frozen=True, slots=True)
class _Compiler:
    zone: int
    identities: Mapping[str, Did]

    def rule(self, own: Provision, enclosing: Provision, in_force: Span, *, upward: bool) -> Rule:
        """`upward`: the confidentiality that `enclosing` names reaches upward, as a deny's does.

        An inherited confidentiality keeps its direction: an exception to "up to normal" is about records
        up to normal, whatever it says of them.
        """
        provision = effective(own, enclosing)
        if any(getattr(own, name) for name in _SECURITY_LABEL):
            upward = not own.permit
        span = in_force if own.period is None else own.period.span.within(in_force)
        return Rule(
            path=own.path,
            permit=own.permit,
            on_request=self._on_request(provision, span),
            on_record=self._on_record(provision, _ranks(provision, upward=upward)),
            exceptions=tuple(self.rule(inner, provision, span, upward=upward) for inner in own.provisions),
        )

    def _on_request(self, provision: Provision, span: Span) -> tuple[RequestCondition, ...]:
        found: list[RequestCondition] = []
        if span != ALWAYS:
            found.append(InForce(span=span))
        if provision.actors:
            actors = frozenset(self.identities.get(actor, actor) for actor in provision.actors)
            found.append(ByActor(actors=actors))
        if provision.purposes:
            found.append(ForPurpose(purposes=frozenset(provision.purposes), every=provision.permit))
        if provision.actions:
            found.append(ForAction(actions=frozenset(provision.actions)))
        return tuple(found)

    def _on_record(self, provision: Provision, ranks: range | None) -> tuple[RecordCondition, ...]:
        permit = provision.permit
        found: list[RecordCondition] = []
        if provision.classes:
            found.append(OfClass(classes=frozenset(provision.classes)))
        if ranks is not None or provision.labels:
            found.append(Labelled(ranks=ranks, labels=frozenset(provision.labels), permit=permit))
        if provision.codes:
            found.append(Coded(codes=frozenset(item.key for item in provision.codes), permit=permit))
        if provision.data_period is not None:
            found.append(Dated(span=provision.data_period.span, zone=self.zone, permit=permit))
        if provision.data:
            found.append(_about(provision))
        return tuple(found)


def _ranks(provision: Provision, *, upward: bool) -> range | None:
    if not provision.confidentialities:
        return None
    named = [codes.rank(code) for code in provision.confidentialities]
    return range(min(named), len(codes.CONFIDENTIALITIES)) if upward else range(max(named) + 1)


def _about(provision: Provision) -> About:
    by_meaning = {
        meaning: frozenset(item.reference for item in provision.data if item.meaning is meaning)
        for meaning in Meaning
    }
    return About(
        instances=by_meaning[Meaning.INSTANCE],
        related=by_meaning[Meaning.RELATED],
        authors=by_meaning[Meaning.AUTHORED_BY],
        permit=provision.permit,
    )
