"""From a document to rules: what each provision names, what it inherits, and the conditions of both.

What consents have in common, which is nearly all but account and time, is kept once: the most recent 65,536
of each part are remembered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ledger.consent import codes
from ledger.consent.document import ConsentDocument
from ledger.consent.moments import Span
from ledger.consent.provisions import Meaning, Provision, inheriting
from ledger.ids import ConsentId, Did
from ledger.policy.conditions import (
    About,
    ByActor,
    Coded,
    Dated,
    ForAction,
    ForPurpose,
    Labelled,
    OfClass,
    OnRecord,
    OnRequest,
    RecordCondition,
    RequestCondition,
)

_SHARED = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rule:
    """One provision, with what it inherits. It matches in its period when every condition holds.

    `period` is what the provision itself names, None if nothing: outside of it the exceptions are silent too.
    """

    path: str
    permit: bool
    period: Span | None
    on_request: OnRequest
    on_record: OnRecord
    exceptions: tuple["Rule", ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CompiledConsent:
    """A consent as the engine reads it. It is silent on a request that meets none of its `gates`.

    Without `permits` only its NO counts: what it permits it is silent on.
    """

    id: ConsentId
    patient: Did
    root: Rule
    gates: tuple[OnRequest, ...]
    permits: bool = True


def compile_consent(
    consent_id: ConsentId, document: ConsentDocument, identities: Mapping[str, Did] | None = None
) -> CompiledConsent:
    """The rules of a document. `identities` translates references of actors to the dids of requests."""
    compiler = _Compiler(document.zone, identities or {})
    root = compiler.rule(document.root, document.root, upward=False)
    gates = _gates(root.on_request, root.exceptions)
    return CompiledConsent(id=consent_id, patient=document.patient, root=root, gates=gates)


def refusals_of(consent: CompiledConsent) -> CompiledConsent:
    """The same consent where only its NO counts."""
    return replace(consent, permits=False)


@dataclass(frozen=True, slots=True)
class _Compiler:
    zone: int
    identities: Mapping[str, Did]

    def rule(self, own: Provision, enclosing: Provision, *, upward: bool) -> Rule:
        """`upward`: the confidentiality that `enclosing` names reaches upward, as a deny's does.

        An inherited confidentiality keeps its direction: an exception to "up to normal" is about records
        up to normal, whatever it says of them.
        """
        provision = inheriting(own, enclosing)
        if own.confidentialities or own.labels:
            upward = not own.permit
        return Rule(
            path=own.path,
            permit=own.permit,
            period=None if own.period is None else own.period.span,
            on_request=_on_request(self._on_request(provision)),
            on_record=_on_record(self._on_record(provision, upward=upward)),
            exceptions=_shared(tuple(self.rule(inner, provision, upward=upward) for inner in own.provisions)),
        )

    def _on_request(self, provision: Provision) -> tuple[RequestCondition, ...]:
        found: list[RequestCondition] = []
        if provision.actors:
            actors = frozenset(self.identities.get(actor, actor) for actor in provision.actors)
            found.append(ByActor(actors=actors))
        if provision.purposes:
            found.append(_for_purpose(provision.purposes, provision.permit))
        if provision.actions:
            found.append(ForAction(actions=frozenset(provision.actions)))
        return tuple(found)

    def _on_record(self, provision: Provision, *, upward: bool) -> tuple[RecordCondition, ...]:
        permit = provision.permit
        found: list[RecordCondition] = []
        if provision.classes:
            found.append(OfClass(classes=frozenset(provision.classes)))
        if provision.confidentialities or provision.labels:
            found.append(_labelled(provision.confidentialities, provision.labels, upward, permit))
        if provision.codes:
            found.append(Coded(codes=frozenset(item.key for item in provision.codes), permit=permit))
        if provision.data_period is not None:
            found.append(Dated(period=provision.data_period.span, zone=self.zone, permit=permit))
        if provision.data:
            found.append(_about(provision))
        return tuple(found)


@lru_cache(maxsize=_SHARED)
def _on_request(conditions: tuple[RequestCondition, ...]) -> OnRequest:
    return OnRequest(conditions)


@lru_cache(maxsize=_SHARED)
def _on_record(conditions: tuple[RecordCondition, ...]) -> OnRecord:
    return OnRecord(conditions)


@lru_cache(maxsize=_SHARED)
def _shared(exceptions: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """`exceptions`, or what is equal to them and was there before."""
    return exceptions


@lru_cache(maxsize=_SHARED)
def _gates(asked: OnRequest, exceptions: tuple[Rule, ...]) -> tuple[OnRequest, ...]:
    """What a rule or its exceptions ask of a request, each once."""
    inner = (gate for rule in exceptions for gate in _gates(rule.on_request, rule.exceptions))
    return tuple(dict.fromkeys((asked, *inner)))


@lru_cache(maxsize=_SHARED)
def _for_purpose(purposes: tuple[str, ...], permit: bool) -> ForPurpose:
    covered = codes.PURPOSES.covered(purposes)
    return ForPurpose(purposes=frozenset(purposes), covered=covered, every=permit)


@lru_cache(maxsize=_SHARED)
def _labelled(
    confidentialities: tuple[str, ...], labels: tuple[str, ...], upward: bool, permit: bool
) -> Labelled:
    return Labelled(
        ranks=_ranks(confidentialities, upward=upward) if confidentialities else None,
        labels=frozenset(labels),
        covered=codes.SENSITIVITIES.covered(labels),
        permit=permit,
    )


def _ranks(confidentialities: tuple[str, ...], *, upward: bool) -> range:
    named = [codes.rank(code) for code in confidentialities]
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
