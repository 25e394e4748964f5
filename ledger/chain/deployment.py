"""Where the three contracts are, and how they got there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ledger.chain.rpc import Rpc
from ledger.chain.sending import send
from ledger.crypto.identity import Account
from ledger.errors import InvalidInput
from ledger.ids import Address, address_from_bytes, parse_address
from ledger.imports import recursion_limit_kept

_KEYS = {"chain_id", "registry", "directory", "anchor", "block"}
_DEPLOY_GAS = 6_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One set of contracts; ``block`` is the first in which any of them can have emitted an event."""

    chain_id: int
    registry: Address
    directory: Address
    anchor: Address
    block: int

    @property
    def addresses(self) -> tuple[Address, Address, Address]:
        """All three contracts."""
        return self.registry, self.directory, self.anchor

    def to_json(self) -> dict[str, Any]:
        """As network and deployment files carry it."""
        return {
            "chain_id": self.chain_id,
            "registry": self.registry,
            "directory": self.directory,
            "anchor": self.anchor,
            "block": self.block,
        }

    @classmethod
    def from_json(cls, value: object) -> Self:
        """The deployment in a JSON object.

        Raises:
            InvalidInput: other keys, or values that are not addresses and numbers.
        """
        if not isinstance(value, Mapping) or set(value) != _KEYS:
            raise InvalidInput(
                f"a deployment has the keys {', '.join(sorted(_KEYS))}", reason="bad_deployment"
            )
        numbers, names = (value["chain_id"], value["block"]), ("registry", "directory", "anchor")
        if any(type(number) is not int for number in numbers) or value["chain_id"] < 1 or value["block"] < 0:
            raise InvalidInput("chain_id and block of a deployment are numbers", reason="bad_deployment")
        if not all(isinstance(value[name], str) for name in names):
            raise InvalidInput("the contracts of a deployment are addresses", reason="bad_deployment")
        registry, directory, anchor = (parse_address(value[name]) for name in names)
        return cls(
            chain_id=value["chain_id"],
            registry=registry,
            directory=directory,
            anchor=anchor,
            block=value["block"],
        )


def deploy(rpc_url: str, key: Account, *, owner: Address | None = None, patience: float = 60.0) -> Deployment:
    """Put new contracts on chain and wait until they are there. `key` pays; run twice, it deploys twice.

    Args:
        rpc_url: the node to use.
        key: the account that sends the transactions.
        owner: who names accreditors in the directory; `key` itself if absent.
        patience: seconds to wait for each transaction.

    Raises:
        ChainUnreachable: the node does not answer, or the transactions do not get into blocks (``not_mined``)
            or fail there (``deployment_failed``).
    """
    rpc = Rpc(rpc_url)
    try:
        chain_id = rpc.chain_id()
        creations = {
            "registry": _creation("ConsentRegistry"),
            "directory": _creation("ParticipantDirectory", owner or key.address),
            "anchor": _creation("CheckpointAnchor"),
        }
        receipts = {
            name: send(
                rpc,
                key,
                chain_id=chain_id,
                to=b"",
                data=data,
                gas=_DEPLOY_GAS,
                patience=patience,
                refused="deployment_failed",
            )
            for name, data in creations.items()
        }
    finally:
        rpc.close()
    found = {name: address_from_bytes(receipt.contract or b"") for name, receipt in receipts.items()}
    block = min(receipt.number for receipt in receipts.values())
    return Deployment(chain_id=chain_id, block=block, **found)


def _creation(name: str, *arguments: Address) -> bytes:
    """Creation code with its constructor's arguments."""
    from contracts import artifact

    with recursion_limit_kept():
        from web3 import Web3

    compiled = artifact(name)
    contract = Web3().eth.contract(abi=compiled.abi, bytecode=compiled.bytecode)
    return bytes.fromhex(str(contract.constructor(*arguments).data_in_transaction)[2:])
