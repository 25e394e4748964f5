"""Transactions that were signed, kept before any of them is broadcast.

Whoever is killed in the middle finds here what may be on its way, and hands in the same bytes again instead
of signing others. A file of one sender on one chain; nothing in it is secret::

    {"format":"consent-ledger/intents/1","genesis":"0x…","transactions":["0x02…"]}
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ledger import durable
from ledger.canonical import canonical, hexed, parse_object, unhex
from ledger.chain.transactions import SignedTransaction, hash_of, read_transaction
from ledger.errors import InvalidInput, LedgerError, StoreUnavailable
from ledger.ids import Address, Digest

FORMAT = "consent-ledger/intents/1"


@dataclass(slots=True)
class Intents:
    """What one sender has signed on the chain that begins with `genesis`; without a file, only in memory."""

    genesis: Digest
    _path: Path | None = None
    _raws: tuple[bytes, ...] = ()

    @classmethod
    def open(cls, path: Path, genesis: Digest) -> Self:
        """What the file holds; nothing if there is none, or if it is of a chain that was begun anew since.

        Raises:
            InvalidInput: not a file of this format (``bad_intents``).
            StoreUnavailable: it cannot be read.
        """
        import rlp  # type: ignore[import-untyped]

        try:
            begins, raws = _content(path.read_bytes())
        except FileNotFoundError:
            return cls(genesis, path)
        except OSError as exc:
            raise StoreUnavailable(f"the file {path} cannot be read", reason="file_not_read") from exc
        except (LedgerError, KeyError, TypeError, ValueError, rlp.exceptions.RLPException) as exc:
            raise InvalidInput(
                f"the file {path} does not hold transactions that this program has signed",
                reason="bad_intents",
                fix="Once nothing of this account is waiting on the chain any more, remove the file.",
            ) from exc
        return cls(genesis, path, raws if begins == genesis else ())

    def __iter__(self) -> Iterator[SignedTransaction]:
        """Oldest first."""
        for raw in self._raws:
            yield SignedTransaction(transaction=read_transaction(raw), raw=raw, hash=hash_of(raw))

    def calling(self, to: Address, data: bytes) -> list[SignedTransaction]:
        """Those that call an address with some data."""
        where = bytes.fromhex(to[2:])
        return [one for one in self if (one.transaction.to, one.transaction.data) == (where, data)]

    def add(self, signed: SignedTransaction) -> None:
        """Keep one more, durably.

        Raises:
            StoreUnavailable: the disk is full, or the directory cannot be written.
        """
        self._raws = (*self._raws, signed.raw)
        if self._path is not None:
            value = {
                "format": FORMAT,
                "genesis": self.genesis,
                "transactions": [hexed(raw) for raw in self._raws],
            }
            with durable.appearing(self._path) as file:
                file.write(canonical(value))

    def forget(self) -> None:
        """Nothing of it is needed any more."""
        self._raws = ()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _content(raw: bytes) -> tuple[str, tuple[bytes, ...]]:
    """The genesis and the transactions of a file; any error if it is none."""
    value = parse_object(raw)
    if value["format"] != FORMAT or not isinstance(value["transactions"], list):
        raise ValueError(FORMAT)
    signed = tuple(unhex(one) for one in value["transactions"])
    for one in signed:
        read_transaction(one)
    return str(value["genesis"]), signed
