"""The three contracts as they are to be: creation code, and the address that follows from it.

The same compiler output and the same owner give the same addresses on every chain. Whoever else deploys them
only saves others the gas: there is nothing in them that depends on who sent the transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts import artifact
from ledger.chain.calls import ANCHOR, DIRECTORY, REGISTRY
from ledger.chain.create2 import PROXY, create2_address
from ledger.chain.deployment import Deployment
from ledger.ids import Address
from ledger.keccak import keccak256

SALT = keccak256(b"consent-ledger/contracts/1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One contract at its address-to-be; ``call`` is what the proxy must be called with."""

    name: str
    init_code: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @property
    def address(self) -> Address:
        """Where it is, or will be."""
        return create2_address(PROXY, self.salt, self.init_code)

    @property
    def call(self) -> bytes:
        """Calldata for the proxy."""
        return self.salt + self.init_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """All three contracts."""

    registry: Target
    directory: Target
    anchor: Target

    @classmethod
    def of(cls, owner: Address, salt: bytes = SALT) -> "Blueprint":
        """From the committed artifacts, with `owner` as the directory's; another salt, other addresses."""
        return cls(
            registry=Target(name=REGISTRY, init_code=artifact(REGISTRY).bytecode, salt=salt),
            directory=Target(
                name=DIRECTORY, init_code=artifact(DIRECTORY).bytecode + _word(owner), salt=salt
            ),
            anchor=Target(name=ANCHOR, init_code=artifact(ANCHOR).bytecode, salt=salt),
        )

    @property
    def targets(self) -> Sequence[Target]:
        """In the order in which they are deployed."""
        return self.registry, self.directory, self.anchor

    @property
    def addresses(self) -> list[Address]:
        """In the same order."""
        return [target.address for target in self.targets]

    def deployment(self, chain_id: int, block: int) -> Deployment:
        """Where they are on a chain."""
        return Deployment(
            chain_id=chain_id,
            registry=self.registry.address,
            directory=self.directory.address,
            anchor=self.anchor.address,
            block=block,
        )


def _word(address: Address) -> bytes:
    """An address as a constructor's argument."""
    return bytes(12) + bytes.fromhex(address[2:])
