"""Following the chain: an index in memory that is always one consistent chain, and a store to resume from.

Each step looks at the head, finds the last block that still stands, and replaces what comes after it, in the
store and then at once for every reader. Nothing is believed of a node on another chain, or of nodes that
contradict each other (`ledger.chain.agreement`), and nothing is said of the head until the chain was seen in
this process. On a chain of one's own a shorter chain is a reorg like any other. On a public network it is a
node that lags, which changes nothing; and one that takes back what was final is refused.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ledger.chain.agreement import DISAGREEMENT, Agreement, Nodes, View
from ledger.chain.answers import nonsense
from ledger.chain.deployment import Deployment
from ledger.chain.epochs import require_epochs
from ledger.chain.events import Event
from ledger.chain.facts import BlockHeader
from ledger.chain.index import ChainIndex
from ledger.chain.lags import Lags
from ledger.chain.networks import network_of
from ledger.chain.reader import capped, require_contracts
from ledger.chain.rpc import Rpc
from ledger.chain.scan import MAX_BLOCKS, Span, read_blocks, read_events
from ledger.errors import ChainUnreachable, LedgerError, Undecidable
from ledger.ids import Digest
from ledger.store.chain import ChainStore

KEEP_HEADERS = 1024
_LOOK_BACK = 32


TICK = 1000
"""By how many milliseconds a clock may go back unnoticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last block, and when the node last confirmed it (Unix milliseconds)."""

    number: int
    hash: Digest
    timestamp: int
    seen_at: int

    def age(self, now: datetime) -> int:
        """Milliseconds since the block was made or last confirmed, whichever is longer ago.

        A confirmation that lies ahead was made before the clock was set back, nobody knows how long ago: it
        counts for nothing.
        """
        milliseconds = int(now.timestamp() * 1000)
        confirmed = self.seen_at if self.seen_at <= milliseconds + TICK else 0
        return max(0, milliseconds - min(confirmed, self.timestamp * 1000))

    def ahead(self, now: datetime) -> int:
        """Milliseconds by which the block was made later than it is now."""
        return max(0, self.timestamp * 1000 - int(now.timestamp() * 1000))


class Follower:
    """Keeps `index` at the head of the chain. One thread steps; any thread reads the index."""

    def __init__(
        self, rpc: Rpc, deployment: Deployment, store: ChainStore, clock: Callable[[], datetime]
    ) -> None:
        """Resume from the store; no call is made to the node yet.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        self.index = ChainIndex(deployment)
        self.reorgs = 0
        self.fault: LedgerError | None = None
        self.lags = Lags()
        self._deployment = deployment
        self._network = network_of(deployment.chain_id)
        self._store = store
        self._clock = clock
        self._seen_at: int | None = None
        self._unpruned = 0
        self._stepping = threading.Lock()
        self._changed = threading.Condition(self.index.lock)
        self._resume()
        tip = self.index.tip
        self._nodes = Nodes(rpc, deployment, self._network, clock, -1 if tip is None else tip.number)

    @property
    def agreement(self) -> Agreement:
        """How many nodes said the same in the last step."""
        return self._nodes.agreement

    def head(self) -> Head:
        """The last block that is known, and when it was confirmed.

        Raises:
            Undecidable: the chain has not been seen to its head since this process started.
        """
        with self.index.lock:
            tip = self.index.tip
            if tip is None or self._seen_at is None:
                raise Undecidable("the chain has not been seen yet", reason="no_head", fix="try again soon")
            return Head(number=tip.number, hash=tip.hash, timestamp=tip.timestamp, seen_at=self._seen_at)

    def step(self) -> bool:
        """Take one step towards the head; True if blocks came or went, so that another step may be due.

        Raises:
            ChainUnreachable: no node answers, one is on another chain or without the contracts, gives what
                cannot be or takes back what was final, or several contradict each other.
            StoreUnavailable: the step is not kept and not shown to readers.
        """
        with self._stepping:
            try:
                return self._step()
            except ChainUnreachable as exc:
                if exc.reason != DISAGREEMENT:
                    raise
                return self._step()

    def _step(self) -> bool:
        views = self._nodes.look()
        view, tip = views[0], self.index.tip
        if self._network.public and tip is not None and self._lags(view.latest, tip):
            return False
        base = self._base(view)
        self._require_final(base)
        if base is None:
            require_contracts(view.node.rpc, self._deployment)
        start = self._deployment.block if base is None else base.number + 1
        try:
            span = self._read(view, start)
        except ChainUnreachable as exc:
            self._nodes.let_rest(view.node, exc)
            raise
        if span is None or (span.headers and not _follows(base, span.headers[0])):
            return False
        events = span.events()
        self._confirm(views, base, span, events)
        return self._commit(view, base, span, events)

    def catch_up(self) -> None:
        """Step until nothing new is there; the errors are those of `step`."""
        while self.step():
            pass

    def run(self, stop: threading.Event, interval: float = 1.0) -> None:
        """Step until `stop` is set, once per `interval` seconds and without a pause while behind.

        A fault is kept in `fault` and the step tried again; the head grows old meanwhile.
        """
        while not stop.is_set():
            moved = False
            try:
                moved = self.step()
                self.fault = None
            except LedgerError as exc:
                self.fault = exc
            if not moved:
                stop.wait(interval)

    def wait_for(self, predicate: Callable[[ChainIndex], bool], timeout: float) -> bool:
        """Wait until something holds of the index, at most `timeout` seconds; whether it holds."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self.index), timeout)

    def _resume(self) -> None:
        headers, logs = self._store.load()
        ours = {bytes.fromhex(address[2:]) for address in self._deployment.addresses}
        if any(log.address not in ours for log in logs):
            return
        events = Span(headers=headers, logs=logs).events()
        for header in headers:
            self.index.add_block(header, events[header.number])

    def _lags(self, latest: BlockHeader, tip: BlockHeader) -> bool:
        """Whether a head is one that we have left behind."""
        return latest.number < tip.number and self.index.header(latest.number) == latest

    def _require_final(self, base: BlockHeader | None) -> None:
        final = self.index.finalized
        if self._network.public and final is not None and (base is None or base.number < final.number):
            raise ChainUnreachable(
                f"the chain RPC has another block where block {final.number} was final",
                reason="final_reverted",
                fix="use another node; if it says the same, the network itself has failed",
                block=final.number,
            )

    def _base(self, view: View) -> BlockHeader | None:
        """The last of our blocks that is still on the chain; None if there is none."""
        latest, tip = view.latest, self.index.tip
        if tip is None or tip == latest or tip.hash == latest.parent:
            return tip
        held = [header for header in self.index.headers() if header.number <= latest.number]
        count = 1
        while held:
            last, held, count = held[-count:], held[:-count], _LOOK_BACK
            found = view.node.rpc.blocks(header.number for header in last)
            standing = [ours for ours, theirs in zip(last, found, strict=True) if ours == theirs]
            if standing:
                return standing[-1]
        return None

    def _read(self, view: View, start: int) -> Span | None:
        rpc, window = view.node.rpc, view.node.window
        final = -1 if view.final is None else view.final.number
        if start > view.latest.number:
            return Span(headers=[], logs=[])
        if final - start >= MAX_BLOCKS:
            return read_events(
                rpc,
                self._deployment,
                start,
                min(final, start + window.blocks - 1),
                window=window,
                thorough=final - start < self._network.looked_through,
            )
        end = min(view.latest.number, start + MAX_BLOCKS - 1)
        return read_blocks(rpc, self._deployment, start, end, window=window, final=final)

    def _confirm(
        self, views: list[View], base: BlockHeader | None, span: Span, events: dict[int, list[Event]]
    ) -> None:
        """Compare with the other nodes what the index is to hold."""
        keep = -1 if base is None else base.number
        new = {header.number: header for header in span.headers}
        self._nodes.forget_after(keep)

        def between(first: int, last: int) -> list[Event]:
            held = [event for event in self.index.events(first) if event.number <= min(keep, last)]
            added = [event for number in events if first <= number <= last for event in events[number]]
            return held + added

        def header(number: int) -> BlockHeader | None:
            return new.get(number) or (self.index.header(number) if number <= keep else None)

        end = span.headers[-1] if span.headers else base
        self._nodes.confirm(views, keep + 1, end, between, header)

    def _commit(
        self, view: View, base: BlockHeader | None, span: Span, events: dict[int, list[Event]]
    ) -> bool:
        """Replace what comes after `base`, in the store and then in the index at once."""
        keep = -1 if base is None else base.number
        fresh = [event for header in span.headers for event in events[header.number]]
        require_epochs(self.index, keep, fresh)
        tip = self.index.tip
        gone = tip is not None and tip.number > keep
        if gone or span.headers:
            self._store.apply(keep=keep, headers=span.headers, logs=span.logs)
        with self._changed:
            self.index.rollback(keep)
            for header in span.headers:
                self.index.add_block(header, events[header.number])
            self.reorgs += gone
            self._mark(view)
            self._changed.notify_all()
        self._prune(len(span.headers))
        return gone or bool(span.headers)

    def _mark(self, view: View) -> None:
        tip = self.index.tip
        if tip is None:
            return
        self.index.mark(safe=self._agreed(view.safe, tip), final=self._agreed(view.final, tip))
        if tip == view.latest:
            self.lags.note(tip, self._clock())
            self._seen_at = view.seen_at

    def _agreed(self, mark: BlockHeader | None, tip: BlockHeader) -> BlockHeader | None:
        """The mark, unless it is not on the chain that we hold."""
        mark = capped(mark, tip)
        held = None if mark is None else self.index.header(mark.number)
        return None if held is not None and held != mark else mark

    def _prune(self, added: int) -> None:
        """Now and then forget headers that nothing will ask for: old, without events, final if any is."""
        self._unpruned += added
        tip, final = self.index.tip, self.index.finalized
        if self._unpruned < 2 * KEEP_HEADERS or tip is None:
            return
        below = tip.number - KEEP_HEADERS if final is None else min(final.number, tip.number - KEEP_HEADERS)
        self._store.prune(below)
        self.index.prune(below)
        self._unpruned = 0


def _follows(base: BlockHeader | None, first: BlockHeader) -> bool:
    """Whether a block can come after another.

    Raises:
        ChainUnreachable: (``bad_answer``) it is older.
    """
    if base is not None and first.timestamp < base.timestamp:
        raise nonsense()
    return base is None or first.number != base.number + 1 or first.parent == base.hash
