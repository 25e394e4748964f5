"""What the gateway lets the chain see of a patient's acts, and when.

Controllers hold no ether: the gateway's account, or any other that has some, brings their signed acts on
chain. Every recording waits a random time of its own, so that its block says nothing of when it was filed or
with which others. No recording shares a block with another act of its patient (`ledger.chain.lanes`): on a
public network each waits until the one before is final, so that several grants of one patient take as many
finalities until all are on chain. A stop counts at the gateway before it is on chain; there it goes at once,
unless the patient would rather spread several. Then each waits as a recording does, until the patient hurries
it or `ledger.service.stops.LATEST_MS` have passed since its time.
"""

from typing import Literal

from sqlalchemy import Connection

from ledger.chain.calls import record_signed, revoke_with_preimage
from ledger.chain.index import ChainIndex
from ledger.chain.lanes import Depth
from ledger.consent.commitment import VerifiedConsent
from ledger.ids import Address, ConsentId
from ledger.service.gateway import Gateway
from ledger.store.acts import Submission

LOCAL_CHAINS = frozenset({1337, 31337})
"""Chains of one machine, which nobody watches: what anvil, geth and others take unless told otherwise."""

PUBLIC_DELAY = 600
"""Seconds that a recording waits at most on any other chain, unless the operator decides."""


def delay_on(chain_id: int, wanted: int | Literal["auto"]) -> int:
    """Seconds that recordings wait at most; ``auto`` is 0 on a local chain and `PUBLIC_DELAY` elsewhere."""
    if wanted != "auto":
        return wanted
    return 0 if chain_id in LOCAL_CHAINS else PUBLIC_DELAY


def depth_on(chain_id: int, delay: int) -> Depth:
    """How deep an act of a patient must be before the next: final, except on a local chain without delay.

    Where the node names no final block, `ledger.chain.lanes.DEEP` blocks below the head are deep enough.

    Less would do on a chain without reorgs: a block that is taken back gives its acts back to the pool, where
    the next one may meet them.
    """
    return "seen" if chain_id in LOCAL_CHAINS and not delay else "final"


def record(gateway: Gateway, connection: Connection, patient: Address, consent: VerifiedConsent) -> None:
    """Have a consent recorded, after its wait."""
    gateway.relayer.submit(
        connection,
        kind="recording",
        subject=consent.id,
        to=gateway.deployment.registry,
        data=record_signed(
            controller=consent.controller,
            epoch=consent.epoch,
            terms_hash=consent.terms_hash,
            until=consent.until,
            signature=consent.signature,
        ),
        not_before=gateway.now_ms() + wait(gateway),
        lane=gateway.look_up(patient),
    )


def stop(
    gateway: Gateway,
    connection: Connection,
    patient: Address,
    consent: ConsentId,
    *,
    controller: Address,
    epoch: int,
    terms_hash: bytes,
    until: int,
    signature: bytes,
    spread: bool,
) -> None:
    """Have a consent ended on chain.

    The preimage form works before, during and after recording. With `spread` it waits as a recording does:
    the gateway refuses already, but one that lies, or a reader of the chain, goes by the consent until then.
    """
    gateway.relayer.submit(
        connection,
        kind="revocation",
        subject=consent,
        to=gateway.deployment.registry,
        data=revoke_with_preimage(
            controller=controller, epoch=epoch, terms_hash=terms_hash, until=until, signature=signature
        ),
        urgent=not spread,
        not_before=gateway.now_ms() + wait(gateway) if spread else 0,
        lane=gateway.look_up(patient),
    )


def is_shown(index: ChainIndex, act: Submission) -> bool:
    """Whether the chain that was read shows the effect of an act about a consent; of others nothing is asked.

    A node's receipt alone would let it call a stop done that is not: the index is proved, and compared
    between nodes.
    """
    if act.kind == "recording":
        return index.consent(ConsentId(act.subject)) is not None
    return act.kind != "revocation" or index.ended_number(ConsentId(act.subject)) is not None


def hurry(gateway: Gateway, consent: ConsentId) -> None:
    """Have a stop that waits go on chain at once; nothing changes if none waits."""
    gateway.relayer.hurry(kind="revocation", subject=consent)


def wait(gateway: Gateway) -> int:
    """Milliseconds from 0 to the delay, all as likely, from the gateway's randomness and nothing else."""
    return int.from_bytes(gateway.randomness(8), "big") % (gateway.settings.relay_delay * 1000 + 1)
