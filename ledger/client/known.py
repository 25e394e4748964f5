"""What a patient has published already, so that nothing is published twice."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from ledger.client.context import Context
from ledger.client.own import own_records
from ledger.crypto.sealing import KeyPair
from ledger.errors import BlockCorrupt, BlockMissing, CapsuleInvalid, InvalidInput, RecordCorrupt
from ledger.ids import Cid
from ledger.records.framing import Source
from ledger.records.header import RecordHeader
from ledger.records.opening import plaintext_of
from ledger.records.publish import record_info


class AnyRecord(Protocol):
    """A record as it was published."""

    @property
    def root(self) -> Cid:
        """Its root."""

    @property
    def header(self) -> RecordHeader:
        """Its header."""

    @property
    def epoch(self) -> int:
        """The epoch of the key to which its own is sealed."""

    @property
    def capsule(self) -> bytes:
        """Its key, sealed."""


class Known(Protocol):
    """Tells whether a record is there already."""

    def find(self, header: RecordHeader, plaintext: Callable[[], Iterable[bytes]]) -> Cid | None:
        """The root of a whole record with the same header and the same plaintext, if there is one."""

    def add(self, records: Sequence[AnyRecord]) -> None:
        """From now on these are there, too."""


class NothingKnown:
    """The `Known` of those who cannot open what is there, or want it once more."""

    def find(self, header: RecordHeader, plaintext: Callable[[], Iterable[bytes]]) -> Cid | None:
        """See `Known.find`: none."""
        return None

    def add(self, records: Sequence[AnyRecord]) -> None:
        """See `Known.add`."""


class OwnRecords:
    """The `Known` of a patient: each record with an equal header is opened, and compared."""

    def __init__(self, context: Context) -> None:
        """Ask the gateway for the patient's records. Raises as `own.own_records`."""
        self._context = context
        self._records: defaultdict[bytes, list[AnyRecord]] = defaultdict(list)
        self._pairs: dict[tuple[bytes, int], KeyPair] = {}
        self.add(own_records(context))

    def find(self, header: RecordHeader, plaintext: Callable[[], Iterable[bytes]]) -> Cid | None:
        """See `Known.find`; a record that cannot be opened or fetched whole does not count."""
        for record in self._records.get(header.digest, ()):
            with suppress(BlockMissing, BlockCorrupt, RecordCorrupt, CapsuleInvalid, InvalidInput):
                if _same(plaintext(), self._opened(record)):
                    return record.root
        return None

    def add(self, records: Sequence[AnyRecord]) -> None:
        """See `Known.add`."""
        for record in records:
            self._records[record.header.digest].append(record)

    def _opened(self, record: AnyRecord) -> Iterator[bytes]:
        header, place = record.header, (record.header.compartment, record.epoch)
        if place not in self._pairs:
            self._pairs[place] = KeyPair.from_secret(self._context.identity.compartment_secret(*place))
        info = record_info(record.root, header, record.epoch)
        key = self._pairs[place].open(record.capsule, info)
        return plaintext_of(record.root, header, key, self._context.blocks)


def _same(left: Iterable[bytes], right: Iterable[bytes]) -> bool:
    source = Source(right)
    return all(source.take(len(piece)) == piece for piece in left) and not source.next(1)
