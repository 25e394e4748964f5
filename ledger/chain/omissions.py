"""Whether a node left events out, judged by the filters (``logsBloom``) in the headers of its blocks.

An event that its block's filter does not know was made up. A filter that may know an event of ours which was
not given is a doubt: then the node is asked for the whole block by its hash, events of all contracts, and
believed only if these make up the filter to the bit and ours among them are those that it gave before. The
same is asked wherever it is cheap: for every block with events of ours that is not final.

A node that makes up a filter to match is not found out so; other nodes are needed (`ledger.chain.agreement`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ledger.chain.answers import block_logs_call, logs_in
from ledger.chain.bloom import bloom_of, may_hold
from ledger.chain.deployment import Deployment
from ledger.chain.events import SIGNATURES
from ledger.chain.facts import BlockHeader, RawLog
from ledger.chain.rpc import Rpc
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """A block, its filter, and the events of ours that the node gave for it."""

    header: BlockHeader
    bloom: int
    logs: Sequence[RawLog]


def doubted(deployment: Deployment, blocks: Iterable[Filtered]) -> list[Filtered]:
    """The blocks in which there may be events of ours that were not given.

    Raises:
        ChainUnreachable: (``logs_missing``) an event was given that cannot be in its block.
    """
    kinds = _kinds(deployment)
    return [block for block in blocks if _may_lack(block, kinds)]


def require_whole(rpc: Rpc, deployment: Deployment, blocks: Sequence[Filtered]) -> None:
    """Ask for these blocks with the events of all contracts.

    Raises:
        ChainUnreachable: (``logs_missing``) they are not what makes up the filters, or ours among them are
            others than those that were given; or the node does not answer.
    """
    ours = {bytes.fromhex(address[2:]) for address in deployment.addresses}
    answers = rpc.batch([block_logs_call(block.header.hash) for block in blocks])
    for block, answer in zip(blocks, answers, strict=True):
        whole = logs_in(answer)
        of_block = all(log.block_hash == block.header.hash for log in whole)
        given = [log for log in whole if log.address in ours]
        if not of_block or bloom_of(whole) != block.bloom or given != list(block.logs):
            raise _missing(block)


def _kinds(deployment: Deployment) -> set[tuple[bytes, bytes]]:
    """Address and first topic of every event that the ledger reads."""
    names = {signature.partition("(")[0]: keccak256(signature.encode()) for signature in SIGNATURES}
    return {
        (bytes.fromhex(getattr(deployment, contract)[2:]), names[name])
        for contract, emitted in EMITTERS.items()
        for name in emitted
    }


def _may_lack(block: Filtered, kinds: Collection[tuple[bytes, bytes]]) -> bool:
    given = {(log.address, log.topics[:32]) for log in block.logs}
    if not all(may_hold(block.bloom, *kind) for kind in given):
        raise _missing(block)
    return any(kind not in given and may_hold(block.bloom, *kind) for kind in kinds)


def _missing(block: Filtered) -> ChainUnreachable:
    return ChainUnreachable(
        f"the events that the chain RPC gives for block {block.header.number} are not those of the block",
        reason="logs_missing",
        fix="use another node",
        block=block.header.number,
    )
