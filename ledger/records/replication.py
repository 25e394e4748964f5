"""One store made of several, so that none of them can lose a block alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ledger.errors import BlockCorrupt, BlockMissing, Conflict, InvalidInput, LedgerError, StoreUnavailable
from ledger.ids import Cid
from ledger.records.blocks import BlockStore, missing, require_storable
from ledger.records.cid import parse_cid

T = TypeVar("T")


class ReplicatedBlockStore:
    """A `BlockStore` over several others: a block is kept once `factor` of them have it.

    Reading asks one after the other until one has the block, and puts it back where those before had it not,
    or damaged; `repair` looks into all of them.
    """

    def __init__(self, stores: Sequence[BlockStore], *, factor: int | None = None) -> None:
        """Name the stores, in the order in which they are read.

        Args:
            stores: at least one.
            factor: how many must have taken a block before `put` succeeds; all of them if absent.

        Raises:
            InvalidInput: a factor that these stores cannot meet.
        """
        self._stores = tuple(stores)
        self._factor = len(self._stores) if factor is None else factor
        self.short = 0
        """How often enough stores took something but not all, so that `repair` is due."""
        if not 1 <= self._factor <= len(self._stores):
            raise InvalidInput(
                f"{self._factor} copies cannot be kept in {len(self._stores)} stores", reason="bad_factor"
            )

    @property
    def stores(self) -> tuple[BlockStore, ...]:
        """The stores, in the order in which they are read."""
        return self._stores

    def put(self, cid: Cid, data: bytes) -> None:
        """See `BlockStore.put`. Every store is tried; those that failed get the block by `repair`.

        Raises also:
            StoreUnavailable: ``too_few_copies``: fewer stores than the factor took it.
        """
        require_storable(cid, data)
        self._enough(lambda store: store.put(cid, data))

    def adopt(self, root: Cid, source: BlockStore) -> None:
        """See `BlockStore.adopt`. Every store is tried, each in its way; `repair` mends those that failed.

        Raises also:
            StoreUnavailable: ``too_few_copies``: fewer stores than the factor took the record.
        """
        self._enough(lambda store: store.adopt(root, source))

    def get(self, cid: Cid) -> bytes:
        """See `BlockStore.get`; raises what is worst of what the stores say, if none has the block whole."""
        parse_cid(cid)
        lacking: list[BlockStore] = []
        failures: list[LedgerError] = []
        for store in self._stores:
            try:
                data = store.get(cid)
            except (BlockMissing, BlockCorrupt) as exc:
                lacking.append(store)
                failures.append(exc)
            except StoreUnavailable as exc:
                failures.append(exc)
            else:
                _put_back(cid, data, lacking)
                return data
        raise _worst(failures) or missing(cid)

    def has(self, cid: Cid) -> bool:
        """See `BlockStore.has`: whether one of them does. Raises if none does and one did not answer."""
        parse_cid(cid)
        answers, failures = self._each(lambda store: store.has(cid))
        if failures and (not any(answers) or len(answers) < self._factor):
            raise failures[0]
        return any(answers)

    def delete(self, cid: Cid) -> None:
        """See `BlockStore.delete`: from all of them; fails if one could not, after trying the others."""
        parse_cid(cid)
        _, failures = self._each(lambda store: store.delete(cid))
        if failures:
            raise failures[0]

    def cids(self) -> Iterator[Cid]:
        """See `BlockStore.cids`: what any of them holds; memory grows with their number."""
        return iter({cid for store in self._stores for cid in store.cids()})

    def repair(self, cid: Cid) -> int:
        """Read a block in every store, and put it back where it is missing or damaged; how many copies were.

        Raises:
            BlockMissing, BlockCorrupt: no store has it whole.
            StoreUnavailable: a store does not answer, or does not take the block.
        """
        whole, lacking = b"", []
        for store in self._stores:
            try:
                whole = store.get(cid) or whole
            except (BlockMissing, BlockCorrupt):
                lacking.append(store)
        if len(lacking) == len(self._stores):
            self.get(cid)
        for store in lacking:
            store.put(cid, whole)
        return len(lacking)

    def _enough(self, use: Callable[[BlockStore], None]) -> None:
        """Do something in every store; success if as many as the factor did it."""
        _, failures = self._each(use)
        done = len(self._stores) - len(failures)
        if done < self._factor:
            raise StoreUnavailable(
                f"{done} of the {self._factor} stores that must have it took it",
                reason="too_few_copies",
                fix="See which store is down, and try again.",
            ) from failures[0]
        self.short += bool(failures)

    def _each(self, use: Callable[[BlockStore], T]) -> tuple[list[T], list[LedgerError]]:
        """What each store answers, and the failures of those that do not."""
        answers: list[T] = []
        failures: list[LedgerError] = []
        for store in self._stores:
            try:
                answers.append(use(store))
            except (Conflict, StoreUnavailable) as exc:
                failures.append(exc)
        return answers, failures


def _put_back(cid: Cid, data: bytes, stores: Sequence[BlockStore]) -> None:
    """Repair in passing: the reader has the block, so a store that cannot take it does not fail them."""
    for store in stores:
        try:
            store.put(cid, data)
        except StoreUnavailable:
            continue


def _worst(failures: Sequence[LedgerError]) -> LedgerError | None:
    """A store that did not answer may have the block; a damaged one says more than a missing one."""
    for kind in (StoreUnavailable, BlockCorrupt, BlockMissing):
        for failure in failures:
            if isinstance(failure, kind):
                return failure
    return None
