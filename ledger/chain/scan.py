"""Reading spans of the chain so that headers and events belong together.

A node may change its mind between two calls. Events are believed only if each names the hash of its block's
header, and if the span's last block was the same before and after they were read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from ledger.chain.answers import logs_call, logs_in
from ledger.chain.deployment import Deployment
from ledger.chain.events import Event, decode
from ledger.chain.facts import BlockHeader, RawLog
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable

MAX_BLOCKS = 256
MAX_RANGE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Blocks in order with all events of the three contracts in them, raw and decoded."""

    headers: list[BlockHeader]
    logs: list[RawLog]

    def events(self) -> dict[int, list[Event]]:
        """The events by block."""
        found: dict[int, list[Event]] = {header.number: [] for header in self.headers}
        for log in self.logs:
            event = decode(log)
            if event is not None:
                found[log.number].append(event)
        return found


def read_blocks(rpc: Rpc, deployment: Deployment, start: int, end: int) -> Span | None:
    """Every block of a closed range; None if the chain moved meanwhile: ask again.

    Raises:
        ChainUnreachable: no answer, or one that cannot be.
    """
    numbers = range(start, end + 1)
    known = [header for header in rpc.blocks(numbers) if header is not None]
    logs = read_logs(rpc, deployment, start, end)
    if len(known) != len(numbers) or rpc.block(end) != known[-1]:
        return None
    chained = all(child.parent == parent.hash for parent, child in pairwise(known))
    return Span(headers=known, logs=logs) if chained and _belong(known, logs) else None


def read_events(rpc: Rpc, deployment: Deployment, start: int, end: int) -> Span | None:
    """The blocks of a closed range that have events, and its last one; None if the chain moved meanwhile.

    Raises:
        ChainUnreachable: no answer, or one that cannot be.
    """
    before = rpc.block(end)
    logs = read_logs(rpc, deployment, start, end)
    numbers = sorted({log.number for log in logs} | {end})
    known = [header for header in rpc.blocks(numbers) if header is not None]
    if before is None or len(known) != len(numbers) or known[-1] != before:
        return None
    return Span(headers=known, logs=logs) if _belong(known, logs) else None


def read_logs(rpc: Rpc, deployment: Deployment, start: int, end: int) -> list[RawLog]:
    """All events of a closed range; a range that the node finds too large is halved until it does not.

    Raises:
        ChainUnreachable: no answer, an error even for one block, or events of other contracts or blocks.
    """
    try:
        logs = logs_in(rpc.batch([logs_call(start, end, deployment.addresses)])[0])
    except ChainUnreachable as exc:
        if exc.reason != "rpc_error" or start == end:
            raise
        middle = (start + end) // 2
        return read_logs(rpc, deployment, start, middle) + read_logs(rpc, deployment, middle + 1, end)
    ours = {bytes.fromhex(address[2:]) for address in deployment.addresses}
    if any(log.address not in ours or not start <= log.number <= end for log in logs):
        raise ChainUnreachable("the chain RPC gave events that were not asked for", reason="bad_answer")
    return logs


def _belong(headers: Iterable[BlockHeader], logs: Iterable[RawLog]) -> bool:
    hashes = {header.number: header.hash for header in headers}
    return all(hashes.get(log.number) == log.block_hash for log in logs)
