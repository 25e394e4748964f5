"""Stops while the database cannot be reached: proven by themselves, kept on disk, applied before all else.

A stop needs no session: it is signed by its consent's controller, and who that is follows from the terms in
the stop's on-chain form, from the chain, or from what this gateway remembers of its patients. It is kept in a
file beside the keys (`ledger.store.keptstops`), and applied by the rules of any other stop when the database
answers again, or when the gateway starts. Until then this gateway appends nothing to the log that lets
anybody see, and refuses whatever else is asked of it. Another gateway on the same database hears of the stop
when it is applied, or from the chain, to which anybody can bring it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ledger.canonical import hexed, unhex
from ledger.chain.calls import revoke_signed, revoke_with_preimage
from ledger.crypto.signatures import verify
from ledger.crypto.typed import Revocation, consent_digest
from ledger.errors import InvalidInput, NotFound, SignatureInvalid, StoreUnavailable
from ledger.ids import Address, ConsentId, consent_id, parse_word
from ledger.log.drafts import Draft
from ledger.log.entry import EntryKind
from ledger.service import consents
from ledger.service.consents import Filed
from ledger.service.gateway import Gateway
from ledger.store.keptstops import MOST, KeptStop, KeptStops

WAITING = "stops_waiting"
"""The reason of whatever is refused while stops wait."""
PASSING = frozenset({EntryKind.CONSENT_REVOKED, EntryKind.PATIENT_ERASED, EntryKind.LOG_OPENED})
"""What may be logged while stops wait: it takes something away, or is what a log begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStop:
    """A stop as anybody can bring it on chain: the consent's terms by their hash, and the signature."""

    controller: Address
    epoch: int
    terms_hash: bytes
    until: int
    signature: str = field(repr=False)


def stops_first(kept: KeptStops) -> Callable[[Sequence[Draft]], None]:
    """What the log asks before it takes entries: it refuses all but `PASSING` while stops wait."""

    def admit(drafts: Sequence[Draft]) -> None:
        if any(draft.kind not in PASSING for draft in drafts):
            require_applied(kept)

    return admit


def require_applied(kept: KeptStops) -> None:
    """Return if no stop waits.

    Raises:
        StoreUnavailable: (``stops_waiting``) one does; or nobody can tell.
    """
    if kept.waiting:
        raise StoreUnavailable(
            "stops of patients wait for the database, and nothing is answered before they count",
            reason=WAITING,
            fix="Try again in a moment. Stops are still taken.",
        )


def proven(gateway: Gateway, signed: SignedStop) -> ConsentId:
    """The consent that a stop is of, from itself: chain and contract are in the id.

    Raises:
        SignatureInvalid: not signed by the controller whom it names.
        InvalidInput: a value is not of its type.
    """
    consent = consent_id(
        consent_digest(
            gateway.consent_domain,
            controller=signed.controller,
            epoch=signed.epoch,
            terms_hash=signed.terms_hash,
            until=signed.until,
        )
    )
    _verify(gateway, consent, signed.signature, signed.controller)
    return consent


def take(gateway: Gateway, consent: ConsentId, signature: str, *, spread: bool) -> Filed:
    """Apply a stop of whichever patient the consent is, as `consents.stop` does.

    Raises:
        NotFound: no such consent here.
        SignatureInvalid: not signed by the consent's controller.
        PatientChanged: sixteen times in a row; the patient's acts come too fast.
        StoreUnavailable: the database does not answer; nothing is known of what became of it.
    """
    with gateway.db.read() as connection:
        row = gateway.stores.consents.get(connection, consent)
    state = None if row is None else gateway.states.tagged(row.tag)
    if state is None:
        raise NotFound("no such consent", fix="`consent list` shows yours.")
    return gateway.states.sequenced(
        state.account, lambda found: consents.stop(gateway, found, consent, signature, spread=spread)
    )


def keep(gateway: Gateway, consent: ConsentId, signed: SignedStop, *, spread: bool) -> None:
    """Keep a stop that is `proven`. One of a consent that is known here has room when others have none.

    Raises:
        StoreUnavailable: (``stop_not_kept``) it could not be kept; in its fields ``to`` and ``data`` are what
            anybody can send to the chain instead.
    """
    known = gateway.states.remembered(consent) is not None or _on_chain(gateway, consent) is not None
    data = revoke_with_preimage(
        controller=signed.controller,
        epoch=signed.epoch,
        terms_hash=signed.terms_hash,
        until=signed.until,
        signature=unhex(signed.signature),
    )
    _keep(gateway, consent, signed.controller, signed.signature, spread=spread, known=known, data=data)


def keep_known(gateway: Gateway, consent: ConsentId, signature: str, *, spread: bool) -> None:
    """Keep a stop of which only the consent's id is said.

    Raises:
        SignatureInvalid: not signed by the consent's controller.
        StoreUnavailable: as `keep`; or (``stop_not_proven``) neither the chain nor this gateway's memory says
            who the controller is.
    """
    found = gateway.states.remembered(consent)
    if found is not None:
        filing = found.row.sealed["filing"]
        signed = SignedStop(
            controller=Address(filing["controller"]),
            epoch=filing["epoch"],
            terms_hash=unhex(found.row.sealed["terms_hash"]),
            until=filing["until"],
            signature=signature,
        )
        _verify(gateway, consent, signature, signed.controller)
        keep(gateway, consent, signed, spread=spread)
        return
    controller = _on_chain(gateway, consent)
    if controller is None:
        raise StoreUnavailable(
            "the database does not answer, and without it nobody knows whose stop this is",
            reason="stop_not_proven",
            fix="Send it with the consent's terms: POST /v1/stops. Or bring it on chain.",
        )
    _verify(gateway, consent, signature, controller)
    data = revoke_signed(consent=consent, signature=unhex(signature))
    _keep(gateway, consent, controller, signature, spread=spread, known=True, data=data)


def apply(gateway: Gateway) -> int:
    """Apply every stop that waits; how many there were. Applying one again changes nothing.

    What the rules refuse is noted for the operator.

    Raises:
        StoreUnavailable: the database or the file does not answer; all of them wait on.
        ProofInvalid: the log is damaged; all of them wait on.
        PatientChanged: a patient's acts come too fast; all of them wait on.
    """
    applied = 0
    while gateway.kept_stops.waiting:
        waiting = gateway.kept_stops.read()
        gateway.kept_stops.refuse([stop for stop in waiting.stops if not _apply(gateway, stop)])
        if gateway.kept_stops.clear(waiting):
            applied += len(waiting.stops)
    return applied


def _apply(gateway: Gateway, stop: KeptStop) -> bool:
    try:
        take(gateway, stop.consent, stop.signature, spread=stop.spread)
    except (NotFound, InvalidInput, SignatureInvalid):
        return False
    return True


def _keep(
    gateway: Gateway,
    consent: ConsentId,
    controller: Address,
    signature: str,
    *,
    spread: bool,
    known: bool,
    data: bytes,
) -> None:
    stop = KeptStop(
        consent=consent, controller=controller, signature=signature, spread=spread, at=gateway.now_ms()
    )
    try:
        gateway.kept_stops.keep(stop, most=MOST if known else MOST // 2)
    except StoreUnavailable as exc:
        raise StoreUnavailable(
            "this gateway can neither log the stop nor keep it",
            reason=exc.reason,
            fix="Bring it on chain: any account with ether can send `data` to the contract `to`.",
            chain_id=gateway.chain_id,
            to=gateway.deployment.registry,
            data=hexed(data),
        ) from exc


def _verify(gateway: Gateway, consent: ConsentId, signature: str, controller: Address) -> None:
    digest = Revocation(consent=parse_word(consent)).digest(gateway.consent_domain)
    verify(digest, unhex(signature), controller)


def _on_chain(gateway: Gateway, consent: ConsentId) -> Address | None:
    found = gateway.follower.index.consent(consent)
    return None if found is None else found.controller
