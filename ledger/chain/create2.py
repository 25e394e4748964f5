"""Addresses that follow from the code alone (EIP-1014), through a proxy that is the same on every chain.

::

    address = keccak256(0xff ‖ creator ‖ salt ‖ keccak256(init code))[12:]

The creator is the deterministic deployment proxy: it takes ``salt ‖ init code`` as calldata, creates with
CREATE2 and passes a failure on. It has no owner and no state. Nobody holds a key that could put another one
at its address: its creation is a transaction without a chain id whose signature was made up, not computed.
Nobody has the key of the sender that is recovered from it, and it works once on every chain, whoever hands it
in and pays its sender's gas.
"""

from ledger.errors import InvalidInput, VerificationFailed
from ledger.ids import Address, address_from_bytes
from ledger.keccak import keccak256

PROXY = Address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
PROXY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)

PROXY_CREATOR = Address("0x3fAB184622Dc19b6109349B94811493BF2a45362")
PROXY_CREATION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
    "1ba02222222222222222222222222222222222222222222222222222222222222222"
    "a02222222222222222222222222222222222222222222222222222222222222222"
)
"""A legacy transaction: nonce 0, 100,000 gas at 100 gwei, r = s = 0x2222…22, v 27."""

PROXY_PRICE = 100_000 * 100 * 10**9
"""Wei that `PROXY_CREATOR` must hold for it."""


def create2_address(creator: Address, salt: bytes, init_code: bytes) -> Address:
    """Where CREATE2 puts the contract that `init_code` creates; `salt` has 32 bytes."""
    if len(salt) != 32:
        raise InvalidInput("a salt has 32 bytes", reason="bad_salt")
    preimage = b"\xff" + bytes.fromhex(creator[2:]) + salt + keccak256(init_code)
    return address_from_bytes(keccak256(preimage)[12:])


def require_proxy(code: bytes) -> None:
    """Refuse code at `PROXY` that is not the proxy's.

    Raises:
        VerificationFailed: (``foreign_proxy``).
    """
    if code != PROXY_CODE:
        raise VerificationFailed(
            f"the code at {PROXY} is not that of the deterministic deployment proxy",
            reason="foreign_proxy",
            fix="Do not deploy here: on this chain addresses would not follow from the code.",
        )
