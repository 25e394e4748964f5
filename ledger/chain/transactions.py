"""EIP-1559 transactions, signed at home: the bytes to broadcast, and the hash that is decided by.

::

    raw = 0x02 ‖ rlp([chain id, nonce, tip, max fee, gas, to, value, data, [], y parity, r, s])
    hash = keccak256(raw);  signed digest = keccak256(0x02 ‖ rlp([... up to the access list]))
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from ledger.chain.facts import FeeMarket
from ledger.crypto.identity import Account
from ledger.errors import Bug
from ledger.ids import Digest, digest
from ledger.keccak import keccak256

_TYPE = b"\x02"

HURRY = 3 * 10**9
"""What an urgent transaction adds to the recommended tip at most, in wei per gas.

It has a bound because nodes recommend what was paid last: on a quiet chain that is what we paid ourselves.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """What a transaction offers, in wei per gas: at most ``max_fee``, of it ``tip`` to the builder."""

    max_fee: int
    tip: int

    @classmethod
    def at(cls, market: FeeMarket, *, urgent: bool) -> Self:
        """An offer that stands for some full blocks: twice the base fee, or four times with a higher tip."""
        tip = market.priority_fee + (min(market.priority_fee, HURRY) if urgent else 0)
        return cls(max_fee=market.base_fee * (4 if urgent else 2) + tip, tip=tip)

    def above(self, other: "Fees") -> "Fees":
        """At least these, and by both at least 12.5 % above `other`: what nodes ask of a replacement."""
        return Fees(max_fee=max(self.max_fee, _raised(other.max_fee)), tip=max(self.tip, _raised(other.tip)))

    def within(self, cap: int) -> "Fees":
        """The same, cut down to `cap` wei per gas."""
        return Fees(max_fee=min(self.max_fee, cap), tip=min(self.tip, cap))

    def replaces(self, other: "Fees") -> bool:
        """Whether nodes take these for a replacement of `other`: at least 12.5 % more in both fields."""
        return self.max_fee >= _raised(other.max_fee) and self.tip >= _raised(other.tip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What is to be signed; ``to`` has 20 bytes, ``value`` is in wei."""

    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    to: bytes
    data: bytes
    value: int = 0

    def with_fees(self, fees: Fees) -> "Transaction":
        """The same at other fees."""
        return replace(self, fees=fees)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A transaction that anyone may broadcast."""

    transaction: Transaction
    raw: bytes
    hash: Digest


def sign_transaction(transaction: Transaction, key: Account) -> SignedTransaction:
    """The transaction signed by `key`; the same bytes every time (RFC 6979)."""
    import rlp  # type: ignore[import-untyped]  # here, because it takes long to import

    fields = _fields(transaction)
    signature = key.sign(keccak256(_TYPE + rlp.encode(fields)))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    raw = _TYPE + rlp.encode([*fields, signature[64] - 27, r, s])
    return SignedTransaction(transaction=transaction, raw=raw, hash=hash_of(raw))


def read_transaction(raw: bytes) -> Transaction:
    """What `sign_transaction` has signed.

    Raises:
        Bug: bytes that it cannot have made.
    """
    import rlp

    parts = rlp.decode(raw[1:])
    if raw[:1] != _TYPE or len(parts) != 12 or parts[8]:
        raise Bug("stored bytes are no transaction of ours", reason="bad_transaction")
    chain_id, nonce, tip, max_fee, gas = (int.from_bytes(part, "big") for part in parts[:5])
    fees = Fees(max_fee=max_fee, tip=tip)
    return Transaction(
        chain_id=chain_id,
        nonce=nonce,
        fees=fees,
        gas=gas,
        to=parts[5],
        value=int.from_bytes(parts[6], "big"),
        data=parts[7],
    )


def hash_of(raw: bytes) -> Digest:
    """The hash by which a signed transaction is known."""
    return digest(keccak256(raw))


def _fields(transaction: Transaction) -> list[Any]:
    fees = transaction.fees
    head = [transaction.chain_id, transaction.nonce, fees.tip, fees.max_fee, transaction.gas]
    return [*head, transaction.to, transaction.value, transaction.data, []]


def _raised(fee: int) -> int:
    """One eighth more, rounded up, and at least one wei."""
    return fee + max(1, -(-fee // 8))
