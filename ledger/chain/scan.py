"""Reading spans of the chain so that headers and events belong together.

A node may change its mind between two calls. Events are believed only if each names the hash of its block's
header, and if the span's last block was the same before and after they were read. Headers are believed only
with the numbers that were asked for, each the child of the one before and not older. Whether events were left
out is judged as `ledger.chain.omissions` says:

- `read_blocks`, near the head: by the filter of every block; blocks with events of ours that are not final
  are asked for whole;
- `read_events`, far behind: by the filter of every block if it is to be thorough, else of the blocks with
  events and of some others, taken at random in the same requests. That finds a node that keeps no events, not
  one that hides few. Blocks in which participants change are asked for whole here too.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from secrets import SystemRandom

from ledger.chain.answers import block_call, logs_call, logs_in, nonsense
from ledger.chain.deployment import Deployment
from ledger.chain.events import Event, decode
from ledger.chain.facts import BlockHeader, RawLog
from ledger.chain.omissions import Given, doubted, require_proved
from ledger.chain.ranges import Window
from ledger.chain.rpc import Rpc
from ledger.chain.sealed import SealedHeader, sealed_header_in
from ledger.errors import ChainUnreachable

MAX_BLOCKS = 256
MAX_RANGE = 10_000
_SAMPLE = 16
_random = SystemRandom()


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


def read_blocks(
    rpc: Rpc,
    deployment: Deployment,
    start: int,
    end: int,
    *,
    window: Window | None = None,
    final: int = -1,
) -> Span | None:
    """Every block of a closed range; None if the chain moved meanwhile: ask again.

    Args:
        rpc: the node.
        deployment: the contracts.
        start: the first block.
        end: the last one.
        window: how many blocks to ask for the events of at once.
        final: the last block that is final, if it is known.

    Raises:
        ChainUnreachable: no answer, or one that cannot be, or from which events are missing.
    """
    known = _headers(rpc, range(start, end + 1))
    logs = read_logs(rpc, deployment, start, end, window)
    if len(known) != end + 1 - start:
        return None
    return _believed(rpc, deployment, known, logs, proved_above=final)


def read_events(
    rpc: Rpc,
    deployment: Deployment,
    start: int,
    end: int,
    *,
    window: Window | None = None,
    thorough: bool = False,
) -> Span | None:
    """The blocks of a closed range that have events, and its last one; None if the chain moved meanwhile.

    For blocks that are final: what is said of the last one is taken to hold for those before it.

    Args:
        rpc: the node.
        deployment: the contracts.
        start: the first block.
        end: the last one.
        window: how many blocks to ask for the events of at once.
        thorough: look at the filter of every block: one call for each, a hundred in one request.

    Raises:
        ChainUnreachable: no answer, or one that cannot be, or from which events are missing.
    """
    before = rpc.block(end)
    logs = read_logs(rpc, deployment, start, end, window)
    wanted = {log.number for log in logs} | {end}
    every = range(start, end + 1)
    looked_at = every if thorough else sorted(wanted.union(_random.sample(every, min(_SAMPLE, len(every)))))
    known = _headers(rpc, looked_at)
    if before is None or len(known) != len(looked_at) or known[-1].header != before:
        return None
    span = _believed(rpc, deployment, known, logs, proved_above=end)
    if span is None:
        return None
    return Span(headers=[header for header in span.headers if header.number in wanted], logs=logs)


def read_logs(
    rpc: Rpc, deployment: Deployment, start: int, end: int, window: Window | None = None
) -> list[RawLog]:
    """All events of a closed range, asked for in ranges that the node gives.

    Raises:
        ChainUnreachable: no answer, a refusal that has nothing to do with the range or holds even for one
            block (``events_refused``), or events of other contracts or blocks.
    """
    window = window or Window(MAX_RANGE)
    logs: list[RawLog] = []
    while start <= end:
        last = min(end, start + window.blocks - 1)
        try:
            logs += _logs(rpc, deployment, start, last)
        except ChainUnreachable as exc:
            if window.refused(last + 1 - start, exc):
                continue
            if exc.reason != "rpc_error":
                raise
            raise _events_refused(start, exc) from exc
        window.given(last + 1 - start)
        start = last + 1
    return logs


def _logs(rpc: Rpc, deployment: Deployment, start: int, end: int) -> list[RawLog]:
    logs = logs_in(rpc.batch([logs_call(start, end, deployment.addresses)])[0])
    ours = {bytes.fromhex(address[2:]) for address in deployment.addresses}
    if any(log.address not in ours or not start <= log.number <= end for log in logs):
        raise ChainUnreachable("the chain RPC gave events that were not asked for", reason="bad_answer")
    return logs


def _events_refused(block: int, exc: ChainUnreachable) -> ChainUnreachable:
    return ChainUnreachable(
        f"the chain RPC does not give the events of block {block}",
        reason="events_refused",
        fix="use a node that keeps all events",
        rpc_code=exc.fields.get("rpc_code"),
    )


def _headers(rpc: Rpc, numbers: Sequence[int]) -> list[SealedHeader]:
    """The headers that the node has of these blocks."""
    answers = rpc.batch([block_call(number) for number in numbers])
    found = [sealed_header_in(answer, number) for number, answer in zip(numbers, answers, strict=True)]
    return [one for one in found if one is not None]


def _believed(
    rpc: Rpc,
    deployment: Deployment,
    known: Sequence[SealedHeader],
    logs: list[RawLog],
    *,
    proved_above: int,
) -> Span | None:
    """The span, if its headers are a chain, its events are theirs, and the node still says so."""
    headers = [one.header for one in known]
    if not _chained(headers) or not _belong(headers, logs):
        return None
    by_block: dict[int, list[RawLog]] = defaultdict(list)
    for log in logs:
        by_block[log.number].append(log)
    blocks = [Given(sealed=one, logs=by_block.get(one.header.number, ())) for one in known]
    fault = _incomplete(rpc, deployment, blocks, proved_above)
    if rpc.block(headers[-1].number) != headers[-1]:
        return None
    if fault is not None:
        raise fault
    return Span(headers=headers, logs=logs)


def _incomplete(
    rpc: Rpc, deployment: Deployment, blocks: Sequence[Given], proved_above: int
) -> ChainUnreachable | None:
    """What is wrong with the events, which a chain that moves can be the reason of."""
    try:
        doubts = doubted(deployment, blocks)
        weighty = [
            block
            for block in blocks
            if block.logs and (block.number > proved_above or _is_of_directory(deployment, block))
        ]
        asked = sorted({block.number: block for block in [*doubts, *weighty]}.items())
        require_proved(rpc, deployment, [block for _, block in asked])
    except ChainUnreachable as exc:
        return exc
    return None


def _is_of_directory(deployment: Deployment, block: Given) -> bool:
    """Whether it says who may do what: that stands in the data of events, which no filter knows."""
    directory = bytes.fromhex(deployment.directory[2:])
    return any(log.address == directory for log in block.logs)


def _chained(headers: Sequence[BlockHeader]) -> bool:
    """Whether each block that comes next to another is its child.

    Raises:
        ChainUnreachable: (``bad_answer``) a block is older than one before it.
    """
    if any(later.timestamp < earlier.timestamp for earlier, later in pairwise(headers)):
        raise nonsense()
    neighbours = ((one, other) for one, other in pairwise(headers) if one.number + 1 == other.number)
    return all(child.parent == parent.hash for parent, child in neighbours)


def _belong(headers: Iterable[BlockHeader], logs: Iterable[RawLog]) -> bool:
    hashes = {header.number: header.hash for header in headers}
    return all(hashes.get(log.number) == log.block_hash for log in logs)
