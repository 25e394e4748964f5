"""Signatures as they should be, and every way in which one is not."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from ledger.crypto.identity import Account
from ledger.crypto.signatures import ORDER
from ledger.crypto.typed import Domain
from ledger.keccak import keccak256
from tests.contracts.reference.signers import COUNTERFACTUAL

STRANGER = Account.from_key(keccak256(b"stranger"))

Message = Callable[[Domain], bytes]
"""The digest of what is signed, in a domain."""


def genuine(message: Message, domain: Domain, key: Account) -> bytes:
    return key.sign(message(domain))


def _by_a_stranger(message: Message, domain: Domain, key: Account) -> bytes:
    return STRANGER.sign(message(domain))


def _over_another_message(message: Message, domain: Domain, key: Account) -> bytes:
    return key.sign(keccak256(message(domain)))


def _for_another_chain(message: Message, domain: Domain, key: Account) -> bytes:
    return key.sign(message(replace(domain, chain_id=domain.chain_id + 1)))


def _for_another_contract(message: Message, domain: Domain, key: Account) -> bytes:
    return key.sign(message(replace(domain, verifying_contract=STRANGER.address)))


def _with_the_upper_s(message: Message, domain: Domain, key: Account) -> bytes:
    r, s, v = _parts(genuine(message, domain, key))
    return r + (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big") + bytes([55 - v])


def _with_the_other_v(message: Message, domain: Domain, key: Account) -> bytes:
    r, s, v = _parts(genuine(message, domain, key))
    return r + s + bytes([55 - v])


def _with_v_from_zero(message: Message, domain: Domain, key: Account) -> bytes:
    r, s, v = _parts(genuine(message, domain, key))
    return r + s + bytes([v - 27])


def _compact(message: Message, domain: Domain, key: Account) -> bytes:
    r, s, v = _parts(genuine(message, domain, key))
    return r + bytes([s[0] | (v - 27) << 7]) + s[1:]


def _with_zero_r(message: Message, domain: Domain, key: Account) -> bytes:
    return bytes(32) + genuine(message, domain, key)[32:]


def _with_zero_s(message: Message, domain: Domain, key: Account) -> bytes:
    r, _, v = _parts(genuine(message, domain, key))
    return r + bytes(32) + bytes([v])


def _too_short(message: Message, domain: Domain, key: Account) -> bytes:
    return genuine(message, domain, key)[:-1]


def _too_long(message: Message, domain: Domain, key: Account) -> bytes:
    return genuine(message, domain, key) + b"\0"


def _empty(message: Message, domain: Domain, key: Account) -> bytes:
    return b""


def _blank(message: Message, domain: Domain, key: Account) -> bytes:
    return bytes(65)


def _for_a_wallet_to_be(message: Message, domain: Domain, key: Account) -> bytes:
    return genuine(message, domain, key) + COUNTERFACTUAL


FORGERIES = (
    _by_a_stranger,
    _over_another_message,
    _for_another_chain,
    _for_another_contract,
    _with_the_upper_s,
    _with_the_other_v,
    _with_v_from_zero,
    _compact,
    _with_zero_r,
    _with_zero_s,
    _too_short,
    _too_long,
    _empty,
    _blank,
    _for_a_wallet_to_be,
)

"""Each changes one thing about a genuine signature."""


@dataclass(frozen=True, slots=True)
class Hand:
    """How something is signed: in which way, and with which of the keys that could."""

    way: Callable[[Message, Domain, Account], bytes]
    key: int

    def sign(self, message: Message, domain: Domain, keys: tuple[Account, ...]) -> bytes:
        return self.way(message, domain, keys[self.key % len(keys)])


def hands() -> st.SearchStrategy[Hand]:
    """Mostly genuine ones; among the others, that with a refusal of its own more often."""
    ways = st.sampled_from((*(genuine,) * (2 * len(FORGERIES)), *FORGERIES, *(_for_a_wallet_to_be,) * 8))
    return st.builds(Hand, ways, st.integers(0, 1))


def _parts(signature: bytes) -> tuple[bytes, bytes, int]:
    return signature[:32], signature[32:64], signature[64]
