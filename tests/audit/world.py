"""A log and the chain under it, so that tests can bend either, before or after it is signed."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from ledger.audit import Report, Row, verify
from ledger.audit.ground import Limits
from ledger.chain.events import Anchored, Event
from ledger.chain.facts import BlockHeader
from ledger.chain.index import ChainIndex
from ledger.log.checkpoint import Checkpoint, LogKey
from ledger.log.entry import NO_PATIENT, encode, inner, leaf_data
from ledger.log.merkle import Tree, leaf_hash
from ledger.log.receipt import Receipt
from tests.audit.acts import (
    DEPLOYMENT,
    FINAL,
    KEY,
    NOW,
    TIP,
    account,
    block_hash,
    block_time,
    did,
    place,
    tag,
)


@dataclass
class ListSource:
    """A log as lists that a test may bend after they were signed."""

    note: str
    rows: list[Row]

    def checkpoint(self) -> str:
        return self.note

    def entries(self, start: int, end: int) -> list[Row]:
        return [row for row in self.rows if start <= row.index < end]


@dataclass
class Line:
    """An entry under a tag, with its salt; ``erased`` lines are shown without salt and entry."""

    tag: bytes
    entry: dict[str, Any]
    salt: bytes
    erased: bool = False

    def row(self, index: int) -> Row:
        raw = encode(self.entry)
        inside = inner(self.salt, raw)
        return Row(
            index=index,
            tag=self.tag,
            inner=inside,
            leaf=leaf_hash(leaf_data(self.tag, inside)),
            salt=None if self.erased else self.salt,
            entry=None if self.erased else raw,
        )


@dataclass
class World:
    """Lines of a log, events on a chain, and where the log is anchored (block to size)."""

    lines: list[Line] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    anchors: dict[int, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    key: LogKey = KEY
    tip: int = TIP

    def add(self, name: str, shown: dict[str, Any], tagged: bytes | None = None) -> dict[str, Any]:
        """The next entry of an honest gateway; `name` finds it again."""
        self.names[name] = len(self.lines)
        self._put(len(self.lines), shown, tagged)
        return shown

    def insert(self, after: str, name: str, shown: dict[str, Any], tagged: bytes | None = None) -> None:
        """An entry behind a named one. Releases refer to decisions by index: insert behind them."""
        index = self.names[after] + 1
        self.names = {known: at + (at >= index) for known, at in self.names.items()} | {name: index}
        self._put(index, shown, tagged)

    def drop(self, name: str) -> None:
        """Take a named entry out before the log is signed. Releases refer to decisions by index."""
        index = self.names.pop(name)
        self.names = {known: at - (at > index) for known, at in self.names.items()}
        del self.lines[index]

    def _put(self, index: int, shown: dict[str, Any], tagged: bytes | None) -> None:
        people = {did(name): tag(name) for name in ("ann", "bob")}
        under = people.get(shown.get("patient", ""), NO_PATIENT) if tagged is None else tagged
        salt = sha256(f"salt {index} {len(self.lines)}".encode()).digest()
        self.lines.insert(index, Line(tag=under, entry=shown, salt=salt))

    def copy(self) -> "World":
        return deepcopy(self)

    def entry(self, name: str) -> dict[str, Any]:
        """A named entry, to be bent before the log is signed."""
        return self.lines[self.names[name]].entry

    def rows(self) -> list[Row]:
        return [line.row(index) for index, line in enumerate(self.lines)]

    def source(self) -> ListSource:
        """The log as its gateway signs and shows it."""
        rows = self.rows()
        tree = Tree(row.leaf for row in rows)
        checkpoint = Checkpoint(origin=self.key.origin, size=tree.size, root=tree.root())
        return ListSource(note=self.key.sign(checkpoint), rows=rows)

    def receipt(self, index: int, size: int | None = None) -> Receipt:
        """What a party was given when the log had `size` entries."""
        tree = Tree(row.leaf for row in self.rows())
        count = tree.size if size is None else size
        row = self.rows()[index]
        assert row.salt is not None
        assert row.entry is not None
        checkpoint = Checkpoint(origin=self.key.origin, size=count, root=tree.root(count))
        return Receipt(
            index=index,
            tag=row.tag,
            salt=row.salt,
            entry=row.entry,
            checkpoint=self.key.sign(checkpoint),
            proof=tuple(tree.inclusion_proof(index, count)),
        )

    def anchored(self) -> list[Event]:
        tree = Tree(row.leaf for row in self.rows())
        sizes = [0, *(size for _, size in sorted(self.anchors.items()))]
        return [
            Anchored(
                **place(number),
                sender=account("gateway").address,
                old_size=old,
                new_size=size,
                root=tree.root(size),
            )
            for old, (number, size) in zip(sizes, sorted(self.anchors.items()), strict=False)
        ]

    def chain(self, anchors: list[Event] | None = None) -> ChainIndex:
        """The chain as the auditor reads it; anchored with what the log is now unless `anchors` says else."""
        index = ChainIndex(DEPLOYMENT)
        events = self.events + (self.anchored() if anchors is None else anchors)
        headers = [
            BlockHeader(
                number=number,
                hash=block_hash(number),
                parent=block_hash(number - 1),
                timestamp=block_time(number),
            )
            for number in range(1, self.tip + 1)
        ]
        for found in headers:
            index.add_block(found, [event for event in events if event.number == found.number])
        index.mark(safe=headers[min(FINAL, self.tip) - 1], final=headers[min(FINAL, self.tip) - 1])
        return index

    def audit(
        self,
        source: ListSource | None = None,
        *,
        anchors: list[Event] | None = None,
        receipts: Sequence[Receipt] = (),
        verifier: str = KEY.verifier,
        limits: Limits | None = None,
        now: datetime = NOW,
        progress: Callable[[int, int], None] | None = None,
        saved: bool = False,
    ) -> Report:
        return verify(
            source or self.source(),
            self.chain(anchors),
            verifier=verifier,
            now=now,
            receipts=receipts,
            limits=limits,
            progress=progress,
            saved=saved,
        )
