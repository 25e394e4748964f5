"""Accounts that are contracts: whether one takes a signature, as ERC-1271 has it asked."""

from eth_abi.abi import encode

from ledger.chain.answers import octets
from ledger.chain.rpc import Rpc
from ledger.ids import Address
from ledger.keccak import keccak256

MAGIC = keccak256(b"isValidSignature(bytes32,bytes)")[:4]
MOST_GAS = 2_000_000
LONGEST = 4096


def takes(rpc: Rpc, wallet: Address, digest: bytes, signature: bytes) -> bool:
    """Whether the code at `wallet` takes `signature` for `digest` now; False where there is no code.

    A wallet that reverts, runs out of gas or answers anything but the magic value does not take it.

    Raises:
        ChainUnreachable: the node does not answer.
    """
    if len(signature) > LONGEST or not rpc.code(wallet):
        return False
    data = MAGIC + encode(["bytes32", "bytes"], [digest, signature])
    call = {"to": wallet, "data": "0x" + data.hex(), "gas": hex(MOST_GAS)}
    answer = rpc.batch([("eth_call", (call, "latest"))])[0]
    return answer.error is None and octets(answer.value()) == MAGIC + bytes(28)
