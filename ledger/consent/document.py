"""Consent documents: FHIR R4 ``Consent`` at the level of IHE PCF Advanced, read by a closed table.

======================= ====================================================================================
evaluated               patient, dateTime (its offset is the document's zone), provision with nested ones of
                        any depth: type, period, actor, action, securityLabel, purpose, class, code,
                        dataPeriod, data (instance, related, authoredby)
required constant       resourceType, status ``active``, scope ``patient-privacy``, policy.uri,
                        sourceAttachment titled ``statement/en/1``
carried, without effect id, language, meta, text, identifier, category, organization, performer, display
rejected with its path  everything else, every extension, an unknown code, an empty or repeated entry; what
                        contradicts itself (see `sense`), or the PCF profile that it claims in meta
======================= ====================================================================================

The document's digest is SHA-256 over the RFC 8785 bytes of the JSON as it was given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ledger.canonical import MAX_DOCUMENT, canonical, parse_object
from ledger.consent.carried import take_carried
from ledger.consent.codes import SCOPE_SYSTEM
from ledger.consent.elements import Node, identity, single
from ledger.consent.moments import zone_of
from ledger.consent.profiles import require_claimed
from ledger.consent.provisions import Names, Provision, parse_provision
from ledger.consent.sense import require_consistent
from ledger.errors import DocumentRejected, InvalidInput, TooLarge
from ledger.ids import Did, parse_did

STATEMENT = "statement/en/1"
POLICY_URI = "https://consent-ledger.example/policy/deny-overrides/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDocument:
    """A document of which every element is understood.

    `patient` is the identity of the patient reference: a did:pkh in every document that can be filed.
    `zone` is minutes east of UTC. `actor_names` gives each actor's display, None where there is none.
    """

    canonical: bytes = field(repr=False)
    patient: Did = field(repr=False)
    patient_name: str | None = field(repr=False)
    performers: tuple[str, ...] = field(repr=False)
    written: str
    zone: int
    policy: str
    root: Provision = field(repr=False)
    names: Mapping[str, str | None] = field(repr=False, compare=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes, 32 bytes."""
        return sha256(self.canonical).digest()

    @property
    def json(self) -> dict[str, Any]:
        """The original JSON, a fresh copy."""
        return parse_object(self.canonical)

    @property
    def permits(self) -> bool:
        """Whether the root permits; a document whose root denies is in force from its acceptance."""
        return self.root.permit

    @property
    def actors(self) -> tuple[str, ...]:
        """Identities of all actors, those of denying provisions too, in the order of the document."""
        named = (actor for provision in self.provisions() for actor in provision.actors)
        return tuple(dict.fromkeys(named))

    @property
    def actor_names(self) -> dict[str, str | None]:
        """The display of each actor."""
        return {actor: self.names[actor] for actor in self.actors}

    def provisions(self) -> Iterator[Provision]:
        """The root provision and all nested ones, in the order of the document."""
        return self.root.walk()


def parse_document(
    raw: bytes | dict[str, Any], *, accepted_policies: frozenset[str] = frozenset()
) -> ConsentDocument:
    """The document in `raw`, JSON bytes or a JSON object.

    Raises:
        DocumentRejected: an element that is not understood, missing or contradictory; ``path`` names it.
        InvalidInput: not a JSON object, or one without a canonical form.
        TooLarge: more than 1 MiB.
    """
    source = parse_object(raw) if isinstance(raw, bytes) else raw
    root = Node(source, "Consent")
    root.constant("resourceType", "Consent")
    take_carried(root)
    root.constant("status", "active")
    scope = root.node("scope")
    if single(scope, SCOPE_SYSTEM) != "patient-privacy":
        raise DocumentRejected(scope.path, "must be patient-privacy", reason="not_allowed")
    _source(root)
    names = Names()
    patient, patient_name = names.quoted(root.node("patient"))
    performers = tuple(_performer(node) for node in root.nodes("performer"))
    written = root.text("dateTime")
    zone = _zone(written)
    policy = _policy(root, accepted_policies)
    provision = parse_provision(root.node("provision"), zone, names)
    require_consistent(provision)
    root.done()
    require_claimed(source)
    return ConsentDocument(
        canonical=_canonical(source),
        patient=Did(patient),
        patient_name=patient_name,
        performers=performers,
        written=written,
        zone=zone,
        policy=policy,
        root=provision,
        names=names.known,
    )


def require_filable(document: ConsentDocument, chain_id: int) -> None:
    """Refuse a document that can be evaluated but not filed here.

    Raises:
        DocumentRejected: the patient or an actor is not a did:pkh of this chain (``not_an_account``), a
            permit names nobody (``actor_required``: keys cannot be sealed to everyone), or somebody other
            than the patient performs it (``proxy_unsupported``).
    """
    _require_account("Consent.patient", document.patient, chain_id)
    if any(performer != document.patient for performer in document.performers):
        raise DocumentRejected(
            "Consent.performer", "only the patient's own account can sign", reason="proxy_unsupported"
        )
    _require_actors(document.root, (), chain_id)


def _require_actors(provision: Provision, inherited: tuple[str, ...], chain_id: int) -> None:
    actors = provision.actors or inherited
    if provision.permit and not actors:
        raise DocumentRejected(
            f"{provision.path}.actor",
            "a permit must name who may see the records",
            reason="actor_required",
            fix="name a participant; keys cannot be sealed to everyone",
        )
    for index, actor in enumerate(provision.actors):
        _require_account(f"{provision.path}.actor[{index}].reference", actor, chain_id)
    for inner in provision.provisions:
        _require_actors(inner, actors, chain_id)


def _require_account(path: str, found: str, chain_id: int) -> None:
    try:
        chain, _ = parse_did(found)
    except InvalidInput as exc:
        raise DocumentRejected(path, "must be an account: did:pkh:eip155:…", reason="not_an_account") from exc
    if chain != chain_id:
        raise DocumentRejected(path, "an account on another chain", reason="not_an_account")


def _source(root: Node) -> None:
    attachment = root.node("sourceAttachment")
    attachment.constant("title", STATEMENT)
    attachment.optional_constant("contentType", "text/plain")
    attachment.optional_constant("language", "en")
    attachment.done()


def _performer(node: Node) -> str:
    found = identity(node)
    node.optional_text("display")
    node.done()
    return found


def _policy(root: Node, accepted: frozenset[str]) -> str:
    policies = root.nodes("policy")
    if len(policies) != 1:
        raise DocumentRejected("Consent.policy", "exactly one is expected", reason="required")
    uri = policies[0].text("uri")
    policies[0].done()
    if uri != POLICY_URI and uri not in accepted:
        raise DocumentRejected(
            "Consent.policy[0].uri", "not a policy that is enforced here", reason="unknown_policy"
        )
    return uri


def _zone(written: str) -> int:
    try:
        return zone_of(written)
    except InvalidInput as exc:
        raise DocumentRejected("Consent.dateTime", exc.message, reason=exc.reason) from exc


def _canonical(source: dict[str, Any]) -> bytes:
    data = canonical(source)
    if len(data) > MAX_DOCUMENT:
        raise TooLarge(f"the document has {len(data)} bytes; at most {MAX_DOCUMENT} are accepted")
    return data
