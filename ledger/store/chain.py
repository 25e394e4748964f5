"""The chain as the follower last saw it: headers and raw events."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, insert, select

from ledger.chain.facts import BlockHeader, RawLog
from ledger.ids import digest, parse_word
from ledger.store.database import Database
from ledger.store.tables import chain_blocks, chain_events


class ChainStore:
    """Blocks and events of one deployment."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def load(self) -> tuple[list[BlockHeader], list[RawLog]]:
        """All headers and events in chain order.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with self._db.read() as connection:
            blocks = connection.execute(select(chain_blocks).order_by(chain_blocks.c.number)).all()
            order = (chain_events.c.number, chain_events.c.log_index)
            events = connection.execute(select(chain_events).order_by(*order)).all()
        headers = [
            BlockHeader(
                number=row.number,
                hash=digest(row.hash),
                parent=digest(row.parent),
                timestamp=row.timestamp,
            )
            for row in blocks
        ]
        hashes = {header.number: header.hash for header in headers}
        logs = [
            RawLog(
                number=row.number,
                block_hash=hashes[row.number],
                log_index=row.log_index,
                address=row.address,
                topics=row.topics,
                data=row.data,
                transaction=digest(row.transaction),
            )
            for row in events
        ]
        return headers, logs

    def apply(self, *, keep: int, headers: Sequence[BlockHeader], logs: Sequence[RawLog]) -> None:
        """Replace everything above block `keep`, in one transaction.

        Of several gateways each follows the chain for itself. What would not go on from the blocks that are
        stored, because another one saw another chain, is left out: it is read from the chain again.

        Raises:
            StoreUnavailable: nothing was changed.
        """
        with self._db.write() as connection:
            if not _goes_on(connection, keep, headers):
                return
            connection.execute(delete(chain_events).where(chain_events.c.number > keep))
            connection.execute(delete(chain_blocks).where(chain_blocks.c.number > keep))
            _insert(connection, chain_blocks, [_block_row(header) for header in headers])
            _insert(connection, chain_events, [_event_row(log) for log in logs])

    def prune(self, number: int) -> None:
        """Forget headers below `number` that have no events.

        Raises:
            StoreUnavailable: nothing was changed.
        """
        with_events = select(chain_events.c.number)
        old = (chain_blocks.c.number < number) & chain_blocks.c.number.not_in(with_events)
        with self._db.write() as connection:
            connection.execute(delete(chain_blocks).where(old))


def _goes_on(connection: Connection, keep: int, headers: Sequence[BlockHeader]) -> bool:
    """Whether `keep` is stored, if there is such a block, and is the parent of the next one."""
    below = select(chain_blocks).where(chain_blocks.c.number <= keep)
    last = connection.execute(below.order_by(chain_blocks.c.number.desc()).limit(1)).one_or_none()
    if last is None or last.number != keep:
        return keep < 0
    first = headers[0] if headers else None
    return first is None or first.number != keep + 1 or parse_word(first.parent) == last.hash


def _insert(connection: Connection, table: Table, rows: list[tuple[int | bytes, ...]]) -> None:
    """Add rows of numbers and bytes in the order of the table's columns.

    They go to the driver as they are: checking each value against its column takes longer than storing it.
    """
    if rows:
        statement = insert(table).compile(dialect=connection.dialect)
        names = table.columns.keys()
        given = rows if statement.positional else [dict(zip(names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(str(statement), given)


def _block_row(header: BlockHeader) -> tuple[int | bytes, ...]:
    return header.number, parse_word(header.hash), parse_word(header.parent), header.timestamp


def _event_row(log: RawLog) -> tuple[int | bytes, ...]:
    return log.number, log.log_index, log.address, log.topics, log.data, parse_word(log.transaction)
