"""EIP-712: hashes of typed structured data, for the member types that this project signs.

A `Struct` is a frozen dataclass with the text of its type; the members are read from that text, so the text
that is hashed into the type hash and the bytes that are encoded cannot drift apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from ledger.errors import Bug, InvalidInput
from ledger.ids import Address, parse_address
from ledger.keccak import keccak256


class Struct:
    """A typed value that can be signed; `TYPE` is its EIP-712 ``encodeType`` text."""

    __slots__ = ()
    TYPE: ClassVar[str]

    def hash_struct(self) -> bytes:
        """``hashStruct(self)``, 32 bytes.

        Raises:
            InvalidInput: a member is not of its declared type or out of its range.
        """
        return hash_members(self.TYPE, {name: getattr(self, name) for _, name in members(self.TYPE)})

    def digest(self, domain: "Domain") -> bytes:
        """The 32 bytes to sign: ``keccak256(0x19 0x01 ‖ domain separator ‖ hashStruct(self))``.

        Raises:
            InvalidInput: a member of this value or of `domain` is not of its declared type.
        """
        return signing_digest(domain, self.hash_struct())


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What a signature is good for: one application, version, chain and, unless None, contract."""

    name: str
    version: str
    chain_id: int
    verifying_contract: Address | None = None

    def separator(self) -> bytes:
        """``hashStruct`` of the ``EIP712Domain``, 32 bytes."""
        return _separator(self)


def signing_digest(domain: Domain, struct_hash: bytes) -> bytes:
    """The 32 bytes to sign, for a struct of which only the hash is known."""
    return keccak256(b"\x19\x01" + domain.separator() + encode_word(struct_hash))


def hash_members(encoded_type: str, values: dict[str, object]) -> bytes:
    """``keccak256(typeHash ‖ encodeData)`` of the members named in `encoded_type`.

    A member that is a struct may be given as the `Struct` or, where only that is known, as its 32-byte hash.
    """
    encoded = [encode(kind, values[name]) for kind, name in members(encoded_type)]
    return keccak256(_type_hash(encoded_type) + b"".join(encoded))


@lru_cache(maxsize=128)
def members(encoded_type: str) -> tuple[tuple[str, str], ...]:
    """(type, name) of each member of the first struct in an ``encodeType`` text."""
    inside = encoded_type[encoded_type.index("(") + 1 : encoded_type.index(")")]
    pairs = (member.split(" ") for member in inside.split(","))
    return tuple((kind, name) for kind, name in pairs)


def encode(kind: str, value: object) -> bytes:
    """``encodeData`` of one value: always 32 bytes; strings, arrays and structs by their hash."""
    if kind.endswith("[]"):
        if not isinstance(value, (tuple, list)):
            raise _mistyped(kind)
        return keccak256(b"".join(encode(kind[:-2], item) for item in value))
    if kind[:1].isupper():
        return _encode_struct(kind, value)
    if kind.startswith("uint"):
        return _encode_uint(int(kind[4:]), value)
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        raise Bug(f"no encoding for the type {kind}")
    return encoder(value)


def encode_word(value: object) -> bytes:
    """A ``bytes32``."""
    if not isinstance(value, bytes) or len(value) != 32:
        raise _mistyped("bytes32")
    return value


def _encode_struct(kind: str, value: object) -> bytes:
    if isinstance(value, Struct):
        if not value.TYPE.startswith(f"{kind}("):
            raise _mistyped(kind)
        return value.hash_struct()
    return encode_word(value)


def _encode_uint(bits: int, value: object) -> bytes:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise _mistyped(f"uint{bits}")
    return value.to_bytes(32, "big")


def _encode_address(value: object) -> bytes:
    if not isinstance(value, str):
        raise _mistyped("address")
    return bytes(12) + bytes.fromhex(parse_address(value)[2:])


def _encode_string(value: object) -> bytes:
    if not isinstance(value, str):
        raise _mistyped("string")
    try:
        return keccak256(value.encode("utf-8"))
    except UnicodeEncodeError as exc:
        raise InvalidInput("a text to sign holds a lone surrogate", reason="not_utf8") from exc


_ENCODERS: dict[str, Callable[[object], bytes]] = {
    "address": _encode_address,
    "bytes32": encode_word,
    "string": _encode_string,
}


def _mistyped(kind: str) -> InvalidInput:
    return InvalidInput(f"a value to sign is not a {kind}", reason="bad_typed_value", type=kind)


@lru_cache(maxsize=128)
def _type_hash(encoded_type: str) -> bytes:
    return keccak256(encoded_type.encode("ascii"))


@lru_cache(maxsize=128)
def _separator(domain: Domain) -> bytes:
    values: dict[str, object] = {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": domain.verifying_contract,
    }
    contract = "" if domain.verifying_contract is None else ",address verifyingContract"
    return hash_members(f"EIP712Domain(string name,string version,uint256 chainId{contract})", values)
