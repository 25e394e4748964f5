"""Several nodes, one chain: what a node says is believed only if none of the others contradicts it.

With one node nothing is compared, and all that is checked is what `ledger.chain.scan` checks. With several:

- all are asked in each step. Those whose head is fresh count; the one with the lowest head among them leads,
  and the index goes as far as that and the lowest of their marks, so that all of them know what is in it;
- each other node must give the same block at the end of the span, the same events since it was last compared,
  and no other block where it says that blocks are final. A stale one is compared up to its own head;
- a node on another chain, or one that says otherwise, ends the step (``chain_disagreement``) after everything
  was asked once more: nobody can know which of the two is right. The head then grows old, and decisions end;
- a node that is silent, answers with errors, or gives what cannot be, is left out and not asked again for a
  while. If one alone is left, it is believed: `Agreement` tells how many said the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.chain.answers import block_call, quantity
from ledger.chain.deployment import Deployment
from ledger.chain.events import Event, decode
from ledger.chain.facts import BlockHeader
from ledger.chain.networks import Network
from ledger.chain.ranges import Window
from ledger.chain.reader import require_chain
from ledger.chain.rpc import Rpc
from ledger.chain.scan import read_logs
from ledger.chain.sealed import tagged_sealed_header_in
from ledger.errors import ChainUnreachable

DISAGREEMENT = "chain_disagreement"
REST_SECONDS = 30
RECHECKED = 64
"""Blocks below the head of which a node's events are compared when following begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many nodes are asked, and what they said last: the same, only up to an older block, nothing."""

    nodes: int
    agree: int
    behind: int
    silent: int


@dataclass(slots=True, kw_only=True)
class Node:
    """One node: the range of events that works with it, and up to where its events were compared."""

    rpc: Rpc
    window: Window
    compared: int
    rests_until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A node's marks at one moment (``seen_at`` in Unix milliseconds)."""

    node: Node
    latest: BlockHeader
    safe: BlockHeader | None
    final: BlockHeader | None
    seen_at: int


class Nodes:
    """The nodes of a follower."""

    def __init__(
        self, rpc: Rpc, deployment: Deployment, network: Network, clock: Callable[[], datetime], held: int
    ) -> None:
        """Nothing is asked yet; `held` is the last block that the follower resumed with, -1 for none."""
        self._deployment = deployment
        self._network = network
        self._clock = clock
        compared = max(deployment.block - 1, held - RECHECKED)
        self._nodes = [
            Node(rpc=one, window=Window(network.largest_range), compared=compared) for one in rpc.apart()
        ]
        self.agreement = Agreement(nodes=len(self._nodes), agree=0, behind=0, silent=0)

    def look(self) -> list[View]:
        """What each node sees that answers: first the fresh ones, the lowest head before others.

        Raises:
            ChainUnreachable: none answers, or one is on another chain (``wrong_chain``).
        """
        now = self._clock().timestamp()
        awake = [node for node in self._nodes if node.rests_until <= now] or self._nodes
        views, fault = [], None
        for node in awake:
            try:
                views.append(self._view(node))
            except ChainUnreachable as exc:
                self.let_rest(node, exc)
                fault = exc
        self._tell(views, [])
        if fault is not None and not views:
            raise fault
        fresh = [view for view in views if view.latest.timestamp >= now - self._network.head_age]
        stale = [view for view in views if view not in fresh]
        counting = sorted(fresh or stale, key=lambda view: view.latest.number)
        leading = replace(
            counting[0],
            safe=_lowest([view.safe for view in counting]),
            final=_lowest([view.final for view in counting]),
        )
        return [leading, *counting[1:], *(stale if fresh else [])]

    def confirm(
        self,
        views: Sequence[View],
        start: int,
        end: BlockHeader | None,
        events: Callable[[int, int], list[Event]],
        header: Callable[[int], BlockHeader | None],
    ) -> None:
        """Compare with the others what the first of the views gave.

        Args:
            views: as `look` gave them.
            start: the first block that the first of them gave now.
            end: the last block that will be known.
            events: ours in a closed range of blocks, as they will be.
            header: ours by number, as far as it will be held.

        Raises:
            ChainUnreachable: (``chain_disagreement``), or the first of them does not answer.
        """
        if end is None or not views:
            return
        agreeing: list[View] = []
        for view in views:
            try:
                if view is views[0]:
                    self._compare_events(view.node, min(start - 1, end.number), events)
                    view.node.compared = end.number
                else:
                    self._compare(view, end, events, header)
            except ChainUnreachable as exc:
                if exc.reason == DISAGREEMENT:
                    self._tell(views, agreeing)
                    raise
                self.let_rest(view.node, exc)
                if view is views[0]:
                    raise
            else:
                agreeing.append(view)
        self._tell(agreeing, [view for view in agreeing if view.latest.number >= end.number])

    def forget_after(self, number: int) -> None:
        """Blocks above this one are no longer what they were when they were compared."""
        for node in self._nodes:
            node.compared = min(node.compared, max(number, self._deployment.block - 1))

    def let_rest(self, node: Node, exc: ChainUnreachable) -> None:
        """Pass over a node for a while, unless it is the only one.

        Raises:
            ChainUnreachable: `exc`, if the node is on another chain.
        """
        if exc.reason == "wrong_chain":
            raise exc
        node.rests_until = self._clock().timestamp() + REST_SECONDS

    def _view(self, node: Node) -> View:
        seen_at = int(self._clock().timestamp() * 1000)
        tags = ("latest", "safe", "finalized")
        answers = node.rpc.batch([("eth_chainId", ()), *(block_call(tag) for tag in tags)])
        require_chain(quantity(answers[0].value()), self._deployment.chain_id)
        answers[1].require()
        sealed = [tagged_sealed_header_in(answer) for answer in answers[1:]]
        latest, safe, final = (None if one is None else one.header for one in sealed)
        if latest is None:
            raise ChainUnreachable("the chain RPC knows no latest block", reason="bad_answer")
        if any(mark is not None and mark.number > latest.number for mark in (safe, final)):
            raise ChainUnreachable("the chain RPC calls a block final that is to come", reason="bad_answer")
        return View(node=node, latest=latest, safe=safe, final=final, seen_at=seen_at)

    def _compare(
        self,
        view: View,
        end: BlockHeader,
        events: Callable[[int, int], list[Event]],
        header: Callable[[int], BlockHeader | None],
    ) -> None:
        node, last = view.node, min(end.number, view.latest.number)
        theirs = view.latest if view.latest.number == last else node.rpc.block(last)
        ours = end if end.number == last else header(last)
        if theirs is None or (ours is not None and ours != theirs):
            raise _contradiction(last)
        if view.final is not None and header(view.final.number) not in (None, view.final):
            raise _contradiction(view.final.number)
        self._compare_events(node, last, events)

    def _compare_events(self, node: Node, last: int, events: Callable[[int, int], list[Event]]) -> None:
        """Compare those since the last time; there is nothing to compare the only node with."""
        first = node.compared + 1
        if first <= last and len(self._nodes) > 1:
            found = [decode(log) for log in read_logs(node.rpc, self._deployment, first, last, node.window)]
            if [event for event in found if event is not None] != events(first, last):
                raise _contradiction(last)
            node.compared = last

    def _tell(self, answered: Sequence[View], agree: Sequence[View]) -> None:
        self.agreement = Agreement(
            nodes=len(self._nodes),
            agree=len(agree),
            behind=len(answered) - len(agree),
            silent=len(self._nodes) - len(answered),
        )


def _lowest(marks: Sequence[BlockHeader | None]) -> BlockHeader | None:
    """The mark that all nodes have reached; of a node that names none nothing is known."""
    known = [mark for mark in marks if mark is not None]
    return min(known, key=lambda mark: mark.number, default=None)


def _contradiction(number: int) -> ChainUnreachable:
    return ChainUnreachable(
        f"the chain RPCs contradict each other about what is up to block {number}",
        reason=DISAGREEMENT,
        fix="Ask 'consent network check' about each of them, and leave out the one that is wrong.",
        block=number,
    )
