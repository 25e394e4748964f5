"""Whether a node is good enough to follow the chain by, found out by asking it what a follower will ask.

Each finding says what was found, what it means and what to do next. *Unfit* is what keeps a gateway from
working or lets it be misled; *weak* is what makes it slower, or takes from it what it can do without. Nothing
is sent to the chain, and no question names a consent or a controller.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ledger.chain.answers import (
    Answer,
    Call,
    block_call,
    header_in,
    logs_call,
    logs_in,
    tagged_header_in,
)
from ledger.chain.deployment import Deployment
from ledger.chain.facts import BlockHeader
from ledger.chain.networks import Network, network_of
from ledger.chain.rpc import Rpc
from ledger.chain.sealed import proved_logs_in, receipts_call, sealed_header_in
from ledger.errors import ChainUnreachable
from ledger.ids import Address

Verdict = Literal["ok", "weak", "unfit"]

RANGES = (10_000, 5_000, 2_000, 1_000, 500, 100, 10, 1)
BATCHES = (100, 50, 10, 1)
_NOBODY = Address("0x" + "00" * 20)
_TRIES = 5
_RECENT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was asked: what was found, what it means, and what to do about it, if anything."""

    name: str
    verdict: Verdict
    found: str
    means: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A node with its findings; no chain id and no head if it does not answer."""

    findings: list[Finding]
    chain_id: int | None = None
    head: BlockHeader | None = None

    @property
    def fit(self) -> bool:
        """Whether nothing speaks against it."""
        return all(finding.verdict != "unfit" for finding in self.findings)


def examine(
    rpc: Rpc, *, now: float, network: Network | None = None, deployment: Deployment | None = None
) -> Examined:
    """Ask one node; what it does not answer is a finding, not an error.

    Args:
        rpc: the node.
        now: Unix seconds.
        network: the network that it is to be of; any if absent.
        deployment: contracts whose events it is to have; from the chain's beginning if absent.
    """
    try:
        chain_id, head = rpc.chain_id(), rpc.block("latest")
    except ChainUnreachable as exc:
        silent = _unfit("answers", exc.message, "nothing can be asked of it", exc.fix)
        return Examined(findings=[silent])
    if head is None:
        nothing = _unfit(
            "answers", "no block", "it has not begun to follow the chain", "Wait, or use another."
        )
        return Examined(findings=[nothing], chain_id=chain_id)
    wanted = network or (None if deployment is None else network_of(deployment.chain_id))
    probe = _Probe(rpc, network_of(chain_id), wanted, deployment, head, now)
    return Examined(findings=probe.findings(), chain_id=chain_id, head=head)


def compare(nodes: Sequence[tuple[Rpc, Examined]]) -> Finding | None:
    """Whether several nodes give the same block at the lowest of their heads; None for fewer than two."""
    heads = [(rpc, one.head, one.chain_id) for rpc, one in nodes if one.head is not None]
    if len(heads) < 2:
        return None
    lowest = min(head.number for _, head, _ in heads)
    found = {_hash_of(rpc, lowest) for rpc, _, _ in heads}
    if len({chain_id for _, _, chain_id in heads}) > 1 or len(found) > 1:
        return _unfit(
            "agreement",
            f"they do not give the same block {lowest}",
            "a gateway that asks them all decides nothing while they contradict each other",
            "Ask again in a minute; then leave out the one that is wrong.",
        )
    return Finding(
        name="agreement",
        verdict="ok",
        found=f"{len(heads)} nodes give the same block {lowest}",
        means="each of them is a check on the others",
    )


class _Probe:
    """The questions, in the order in which they are shown."""

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        wanted: Network | None,
        deployment: Deployment | None,
        head: BlockHeader,
        now: float,
    ) -> None:
        self._rpc = rpc
        self._network = network
        self._wanted = wanted
        self._head = head
        self._now = now
        self._deployment = deployment
        self._first = 0 if deployment is None else deployment.block
        self._addresses = [_NOBODY] if deployment is None else list(deployment.addresses)

    def findings(self) -> list[Finding]:
        """One finding for each question."""
        asked: list[tuple[str, Callable[[], Finding]]] = [
            ("chain", self._chain),
            ("head", self._head_age),
            ("tags", self._tags),
            ("proofs", self._proofs),
            ("batch", self._batch),
            ("range", self._range),
            ("events", self._events),
            ("states", self._states),
            ("transactions", self._transactions),
            ("fees", self._fees),
            ("latency", self._latency),
        ]
        return [self._told(name, ask) for name, ask in asked]

    def _told(self, name: str, ask: Callable[[], Finding]) -> Finding:
        try:
            return ask()
        except ChainUnreachable as exc:
            return _unfit(name, exc.message, "a follower asks this and gets no answer", "Use another node.")

    def _chain(self) -> Finding:
        name, wanted = f"{self._network.name} ({self._network.chain_id})", self._wanted
        if wanted is not None and wanted.chain_id != self._network.chain_id:
            means = f"the contracts are on {wanted.name} ({wanted.chain_id})"
            return _unfit("chain", name, means, f"Use a node of {wanted.name}.")
        known = self._network.name != f"chain {self._network.chain_id}"
        if known:
            return Finding(name="chain", verdict="ok", found=name, means="a network that is known here")
        return Finding(
            name="chain",
            verdict="weak",
            found=name,
            means="its limits are not known here; those of a public network are taken",
        )

    def _head_age(self) -> Finding:
        age, limit = max(0, round(self._now - self._head.timestamp)), self._network.head_age
        found = f"block {self._head.number}, {age} s old"
        if age > limit:
            means = f"a gateway decides nothing on a head older than {limit} s"
            return _unfit("head", found, means, "Wait until the node has caught up, or use another.")
        return Finding(name="head", verdict="ok", found=found, means=f"at most {limit} s is fresh")

    def _tags(self) -> Finding:
        safe, final = (
            tagged_header_in(one) for one in self._rpc.batch([block_call("safe"), block_call("finalized")])
        )
        if safe is None or final is None:
            lacking = ", ".join(tag for tag, mark in (("safe", safe), ("finalized", final)) if mark is None)
            return Finding(
                name="tags",
                verdict="unfit" if self._network.settles == "final" else "weak",
                found=f"it does not give {lacking}",
                means="nothing ever counts as final",
                fix="Use a node that follows the consensus.",
            )
        behind = self._head.number - final.number
        found = f"safe {safe.number}, finalized {final.number}, {behind} behind"
        if behind > 3 * self._network.final_behind:
            means = f"about {self._network.final_behind} are usual; what waits to be final waits long"
            return Finding(
                name="tags", verdict="weak", found=found, means=means, fix="Wait, or use another node."
            )
        return Finding(name="tags", verdict="ok", found=found, means="it says what is final")

    def _proofs(self) -> Finding:
        block, receipts = self._rpc.batch([block_call(self._head.number), receipts_call(self._head.hash)])
        sealed = sealed_header_in(block, self._head.number)
        try:
            if sealed is None or sealed.header != self._head:
                return Finding(name="proofs", verdict="weak", found="the chain moved", means="ask again")
            proved_logs_in(receipts, sealed)
        except ChainUnreachable as exc:
            return _unfit("proofs", exc.message, "events that it leaves out would not be noticed", exc.fix)
        means = "events that it leaves out or changes are noticed"
        return Finding(name="proofs", verdict="ok", found="header and receipts fit the hash", means=means)

    def _batch(self) -> Finding:
        largest = next((size for size in BATCHES if self._answers([("eth_chainId", ())] * size)), 0)
        found = f"{largest} calls in one request"
        if largest < BATCHES[0]:
            means = f"{BATCHES[0]} are sent at once when many blocks are read"
            return _unfit("batch", found, means, "Use another node, or raise its limit.")
        return Finding(name="batch", verdict="ok", found=found, means="many blocks are read in few requests")

    def _range(self) -> Finding:
        most = self._head.number + 1
        sizes = [min(size, most) for size in RANGES]
        largest = next((size for size in sizes if self._gives(self._head.number + 1 - size, size)), 0)
        found = f"the events of {largest} blocks at once"
        if not largest:
            return _unfit("range", found, "no events can be read", "Use another node.")
        if largest < min(1_000, most):
            means = "a long gap takes many requests"
            fix = "Use another node if the gateway is often away for long."
            return Finding(name="range", verdict="weak", found=found, means=means, fix=fix)
        return Finding(name="range", verdict="ok", found=found, means="a long gap is read fast")

    def _events(self) -> Finding:
        first = self._least(lambda number: self._gives(number, 1))
        found = f"blocks and events from {first} on"
        if first > self._first:
            means = f"those from {self._first} on are needed"
            return _unfit("events", found, means, "Use a node that keeps all blocks and receipts.")
        return Finding(name="events", verdict="ok", found=found, means="everything can be read anew")

    def _states(self) -> Finding:
        first = self._least(lambda number: self._answers([("eth_getBalance", (_NOBODY, hex(number)))]))
        found = f"states from {first} on"
        if first > self._first:
            means = "where contracts began is not checked; following needs no old states"
            return Finding(name="states", verdict="weak", found=found, means=means)
        return Finding(name="states", verdict="ok", found=found, means="where contracts began can be checked")

    def _transactions(self) -> Finding:
        recent = range(self._head.number, max(-1, self._head.number - _RECENT), -1)
        blocks = self._rpc.batch([block_call(number) for number in recent])
        names = [name for block in blocks for name in (block.value() or {}).get("transactions", [])]
        if not names:
            means = "what becomes of a transaction was not asked"
            return Finding(name="transactions", verdict="weak", found="none in recent blocks", means=means)
        asked = ("eth_getTransactionByHash", "eth_getTransactionReceipt")
        lacking = [method for method in asked if self._none([(method, (names[0],))])]
        if lacking:
            means = "a relayer cannot tell what became of its transactions"
            return _unfit("transactions", f"no {', '.join(lacking)}", means, "Use another node.")
        means = "a relayer sees what becomes of its transactions"
        return Finding(name="transactions", verdict="ok", found="given by hash, with receipts", means=means)

    def _fees(self) -> Finding:
        call = {"from": _NOBODY, "to": _NOBODY, "value": "0x0"}
        if not self._answers([("eth_estimateGas", (call,))]):
            return _unfit("fees", "no eth_estimateGas", "nothing can be relayed by it", "Use another node.")
        if not self._answers([("eth_maxPriorityFeePerGas", ())]):
            means = "one gwei is offered as a tip"
            return Finding(name="fees", verdict="weak", found="no eth_maxPriorityFeePerGas", means=means)
        return Finding(
            name="fees", verdict="ok", found="gas and tip are estimated", means="it can be relayed by"
        )

    def _latency(self) -> Finding:
        taken = []
        for _ in range(_TRIES):
            began = time.perf_counter()
            self._rpc.chain_id()
            taken.append(time.perf_counter() - began)
        seconds = statistics.median(taken)
        found = f"{seconds * 1000:.0f} ms"
        if seconds > 1:
            means = "each step takes several answers"
            return Finding(name="latency", verdict="weak", found=found, means=means, fix="Use a nearer node.")
        return Finding(name="latency", verdict="ok", found=found, means="the median of a small question")

    def _gives(self, start: int, size: int) -> bool:
        """Whether it has a block and the events from there on."""
        asked = [block_call(start), logs_call(start, start + size - 1, self._addresses)]
        try:
            block, logs = self._rpc.batch(asked)
            logs_in(logs)
            return header_in(block) is not None
        except ChainUnreachable:
            return False

    def _least(self, holds: Callable[[int], bool]) -> int:
        """The first block from the deployment on for which something holds, if it does for all later ones."""
        low, high = self._first, self._head.number
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if holds(middle) else (middle + 1, high)
        return low

    def _answers(self, calls: Sequence[Call]) -> bool:
        try:
            return all(answer.error is None for answer in self._rpc.batch(calls))
        except ChainUnreachable:
            return False

    def _none(self, calls: Sequence[Call]) -> bool:
        answers: Sequence[Answer] = self._rpc.batch(calls)
        return any(answer.error is not None or answer.result is None for answer in answers)


def _hash_of(rpc: Rpc, number: int) -> str:
    try:
        header = rpc.block(number)
    except ChainUnreachable:
        header = None
    return "" if header is None else header.hash


def _unfit(name: str, found: str, means: str, fix: str) -> Finding:
    return Finding(name=name, verdict="unfit", found=found, means=means, fix=fix)
