"""Whether a node left events out or changed them, judged by what the hashes of blocks commit to.

The filter (``logsBloom``) in a header never misses an event. An event that its block's filter does not know
was made up. A filter that may know one of ours which was not given is a doubt: then the node is asked for all
receipts of the block, and believed only if these make up its receipts root and ours among their events
are those that it gave before. The same is asked where it is cheap: for blocks with events of ours that are
not final.

Whether the hash is that of a block of the network, only other nodes can tell (`ledger.chain.agreement`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from secrets import SystemRandom

from ledger.chain.bloom import may_hold
from ledger.chain.deployment import Deployment
from ledger.chain.events import SIGNATURES
from ledger.chain.facts import RawLog
from ledger.chain.rpc import Rpc
from ledger.chain.sealed import SealedHeader, proved_logs_in, receipts_call
from ledger.errors import ChainUnreachable
from ledger.keccak import keccak256

EMITTERS = {
    "registry": ("Recorded", "Revoked", "RevokedAll", "Skipped"),
    "directory": (
        "ParticipantAdmitted",
        "ParticipantSuspended",
        "ParticipantReinstated",
        "EncryptionKeySet",
    ),
    "anchor": ("Anchored",),
}
"""Which contract emits which of the events that the ledger reads."""

LOOKED_UP = 5_000
"""How many events of a span are looked up in the filters with all their topics; of more, some at random."""

_random = SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A block, and the events of ours that the node gave for it."""

    sealed: SealedHeader
    logs: Sequence[RawLog]

    @property
    def number(self) -> int:
        """The block's number."""
        return self.sealed.header.number


def doubted(deployment: Deployment, blocks: Sequence[Given]) -> list[Given]:
    """The blocks in which there may be events of ours that were not given.

    Raises:
        ChainUnreachable: (``logs_missing``) an event was given that cannot be in its block.
    """
    given = [(block, log) for block in blocks for log in block.logs]
    for block, log in given if len(given) <= LOOKED_UP else _random.sample(given, LOOKED_UP):
        topics = (log.topics[start : start + 32] for start in range(0, len(log.topics), 32))
        if not may_hold(block.sealed.bloom, log.address, *topics):
            raise _missing(block)
    kinds = _kinds(deployment)
    return [block for block in blocks if _may_lack(block, kinds)]


def require_proved(rpc: Rpc, deployment: Deployment, blocks: Sequence[Given]) -> None:
    """Ask for all receipts of these blocks.

    Raises:
        ChainUnreachable: they are not those of the blocks, or ours among their events are others than those
            that were given (``logs_missing``); or the node does not give them.
    """
    ours = {bytes.fromhex(address[2:]) for address in deployment.addresses}
    answers = rpc.batch([receipts_call(block.sealed.header.hash) for block in blocks])
    for block, answer in zip(blocks, answers, strict=True):
        proved = [log for log in proved_logs_in(answer, block.sealed) if log.address in ours]
        if proved != list(block.logs):
            raise _missing(block)


def _kinds(deployment: Deployment) -> set[tuple[bytes, bytes]]:
    """Address and first topic of every event that the ledger reads."""
    names = {signature.partition("(")[0]: keccak256(signature.encode()) for signature in SIGNATURES}
    return {
        (bytes.fromhex(getattr(deployment, contract)[2:]), names[name])
        for contract, emitted in EMITTERS.items()
        for name in emitted
    }


def _may_lack(block: Given, kinds: Collection[tuple[bytes, bytes]]) -> bool:
    given = {(log.address, log.topics[:32]) for log in block.logs}
    if not all(may_hold(block.sealed.bloom, *kind) for kind in given):
        raise _missing(block)
    return any(kind not in given and may_hold(block.sealed.bloom, *kind) for kind in kinds)


def _missing(block: Given) -> ChainUnreachable:
    return ChainUnreachable(
        f"the events that the chain RPC gives for block {block.number} are not those of the block",
        reason="logs_missing",
        fix="use another node",
        block=block.number,
    )
