"""A patient's last act: having everything destroyed that a gateway holds of them.

The order is signed over the size of a checkpoint that this client has checked. An entry of the patient that
comes in between makes the gateway refuse, because an auditor could not tell it from one that was hidden; so
the client signs a newer size. Every order is remembered before it is sent: should the answer be lost, the
same order is answered again.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ledger.canonical import hexed
from ledger.client.context import Context
from ledger.client.own import UNFILED, OwnConsent, own_consents, own_records
from ledger.client.wire import Disclosure, ErasureProspect, LogReader
from ledger.client.wire import Erased as Answer
from ledger.crypto.typed import Erasure
from ledger.errors import Conflict, ProofInvalid
from ledger.ids import ConsentId, did_of, parse_address
from ledger.log.entry import NO_PATIENT, EntryKind

ATTEMPTS = 16
"""How often a newer size is signed before the patient is told to try later."""

PAUSE = 0.5
"""Seconds between two questions whether all blocks are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A signed order: the size of the log, and the erasure key's signature over `Erasure`."""

    size: int
    signature: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who was given records: how many, how often, and when last (Unix ms).

    Who was given none holds receipts of what they asked, the text of consents that name them, and what they
    added themselves, at most.
    """

    did: str
    records: int
    times: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What an erasure destroys, and what of the patient stays with whom."""

    told: ErasureProspect
    holders: tuple[Holder, ...]
    consents: tuple[OwnConsent, ...]

    @property
    def readers(self) -> list[LogReader]:
        """Auditors who were given entries of the patient."""
        return self.told.readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """An erasure that the log proves; times in Unix milliseconds.

    ``blocks_left`` blocks are still to go; ``blocks_kept`` stay, because somebody else has them too.
    """

    order: Order
    index: int
    at: int
    keys_until: int
    blocks_left: int
    blocks_kept: int
    receipt: dict[str, Any] = field(repr=False)


def prospect(context: Context) -> Prospect:
    """What would be erased, as the gateway tells it and as far as this client can check it.

    Raises:
        NotFound: the gateway does not know this patient.
        ProofInvalid: it counts other records or consents than it has shown (``facts_differ``).
    """
    told = context.gateway.erasure()
    consents = [one for one in own_consents(context) if one.state != UNFILED]
    filed = sum(one.filed is not None for one in consents)
    if (told.records, told.consents) != (len(own_records(context)), filed):
        raise ProofInvalid(
            "the gateway counts other records or choices than it shows",
            reason="facts_differ",
            fix="Run the command again. If it stays so, keep your receipts and ask an auditor.",
        )
    asked = [request.subject for request in context.gateway.requests() if request.patient == context.did]
    named = [actor for one in consents for actor in one.document.actors]
    wrote = [
        did_of(context.deployment.chain_id, parse_address(record.writer))
        for record in context.gateway.records()
        if record.writer != context.account.address
    ]
    return Prospect(
        told=told,
        holders=holders(context.gateway.history(), [*asked, *named, *wrote]),
        consents=tuple(consents),
    )


def holders(history: Iterable[Disclosure], others: Iterable[str] = ()) -> tuple[Holder, ...]:
    """Everybody in a history and all `others`, those who were given most first."""
    given: dict[str, set[str]] = {other: set() for other in others}
    times: dict[str, list[int]] = {}
    for line in history:
        roots = given.setdefault(line.subject, set())
        if line.kind == EntryKind.RELEASE:
            roots.update(line.records)
            times.setdefault(line.subject, []).append(line.time)
    found = [
        Holder(
            did=did,
            records=len(roots),
            times=len(times.get(did, [])),
            last=max(times.get(did, [0])),
        )
        for did, roots in given.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.records, one.did)))


def erase(context: Context, remember: Callable[[Order], None]) -> Erased:
    """Sign the order and have it carried out; `remember` keeps each one durably before it is sent.

    Raises:
        Conflict: a consent still runs (``consents_running``), or too much is asked about this patient right
            now (``erasure_outrun``).
        ProofInvalid: the log was rewritten, or the receipt does not prove this erasure.
        GatewayUnreachable, LedgerError: as the gateway answers.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _sent(context, _signed(context), remember)
        except Conflict as exc:
            if exc.reason != "erasure_outrun":
                raise
    return _sent(context, _signed(context), remember)


def erased_by(context: Context, order: Order) -> Erased:
    """What became of an order that was sent before.

    Raises:
        NotFound: it never arrived (``not_erased``).
        Conflict: it arrives only now, and too late: something was logged since (``erasure_outrun``).
        ProofInvalid: the receipt does not prove this erasure.
    """
    return _checked(context, order, context.gateway.erase(_address(context), order.size, order.signature))


def settled(context: Context, erased: Erased, *, patience: float) -> Erased:
    """The same once no block is left, or after `patience` seconds."""
    end = time.monotonic() + patience
    while erased.blocks_left and time.monotonic() < end:
        time.sleep(PAUSE)
        erased = erased_by(context, erased.order)
    return erased


def running(prospect: Prospect) -> list[ConsentId]:
    """The consents that must be stopped first, so that the chain shows that they ended."""
    return [one.id for one in prospect.consents if one.state in ("pending", "active", "stopping")]


def _signed(context: Context) -> Order:
    checkpoint = context.log.see(context.gateway.checkpoint())
    erasure = context.identity.erasure
    claim = Erasure(log=checkpoint.origin, patient=erasure.address, size=checkpoint.size)
    signature = erasure.sign(claim.digest(context.records_domain))
    return Order(size=checkpoint.size, signature=hexed(signature))


def _sent(context: Context, order: Order, remember: Callable[[Order], None]) -> Erased:
    remember(order)
    return erased_by(context, order)


def _checked(context: Context, order: Order, answer: Answer) -> Erased:
    expected: dict[str, object] = {
        "tag": hexed(context.tag),
        "size": order.size,
        "signature": order.signature,
    }
    context.log.take(answer.receipt, EntryKind.PATIENT_ERASED, expected, tag=NO_PATIENT)
    context.log.settle()
    return Erased(
        order=order,
        index=int(answer.receipt["index"]),
        at=answer.at,
        keys_until=answer.keys_until,
        blocks_left=answer.blocks_left,
        blocks_kept=answer.blocks_kept,
        receipt=answer.receipt,
    )


def _address(context: Context) -> str:
    return context.identity.erasure.address
