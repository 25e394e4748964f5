"""What a contract answers with, as the bytes that it must be: events, refusals and static values.

Everything that the three contracts emit, throw or return is of static types, so a word each, by the ABI.
"""

from dataclasses import dataclass

from ledger.ids import Address
from ledger.keccak import keccak256

Value = int | bytes | Address
"""An unsigned integer or bool, a ``bytesN``, or an address."""


def word(value: Value) -> bytes:
    """The 32 bytes of a value: numbers and addresses to the right, ``bytesN`` to the left."""
    if isinstance(value, bytes):
        return value.ljust(32, b"\0")
    if isinstance(value, str):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    return value.to_bytes(32, "big")


def words(*values: Value) -> bytes:
    """Several values, one after the other."""
    return b"".join(map(word, values))


@dataclass(frozen=True, slots=True)
class Log:
    """An event as it stands in a receipt."""

    emitter: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """An event by its signature, with the arguments that are indexed and those that are not."""

    signature: str
    indexed: tuple[Value, ...]
    data: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]

    def log(self, emitter: Address) -> Log:
        topics = (keccak256(self.signature.encode()), *map(word, self.indexed))
        return Log(emitter, topics, words(*self.data))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A custom error by its signature; its arguments are None if the specification leaves them open."""

    signature: str
    arguments: tuple[Value, ...] | None

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]

    @property
    def selector(self) -> bytes:
        return keccak256(self.signature.encode())[:4]

    def agrees_with(self, thrown: bytes) -> bool:
        """Whether this is what was thrown."""
        if self.arguments is not None:
            return thrown == self.selector + words(*self.arguments)
        count = self.signature.count(",") + 1
        return thrown[:4] == self.selector and len(thrown) == 4 + 32 * count
