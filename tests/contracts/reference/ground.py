"""Where every sequence begins: the three contracts on a chain, and accounts of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import solcx
from eth_abi.abi import encode

from contracts import artifact, build
from ledger.chain.calls import encode as calldata
from ledger.crypto.identity import Account
from ledger.ids import Address
from ledger.keccak import keccak256
from tests.contracts.reference.chain import Chain
from tests.contracts.reference.directory import NOBODY
from tests.contracts.reference.forgeries import STRANGER
from tests.contracts.reference.signers import Signers

CHAIN_ID = 31337
START = 2_000_000
"""The time of the block before a sequence."""

LATE_EPOCH = 65533
_EPOCHS_SLOT = 3
_WALLETS = "test/Wallets.sol"

OWNER, ANN, BEN, DORA, ELDER, WENDY = (
    Account.from_key(keccak256(name)) for name in (b"owner", b"ann", b"ben", b"dora", b"elder", b"wendy")
)


PARTIES = ("owner", "ann", "ben", "dora", "elder", "wallet", "deaf", "nobody")
"""Who acts and is acted upon.

The wallet is a contract that takes WENDY's signature, and DORA's account is delegated to it under EIP-7702.
The deaf one is a contract that takes nobody's. ELDER has revoked all `LATE_EPOCH` times. Nobody is at address
zero, and cannot send.
"""

SENDERS = PARTIES[:-1]


@dataclass(frozen=True, slots=True)
class Party:
    """An address, and the keys that sign for it; for one that nobody can sign for, a stranger's."""

    address: Address
    keys: tuple[Account, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What is on the chain when a sequence begins."""

    chain: Chain
    registry: Address
    directory: Address
    anchor: Address
    wallet: Address
    deaf: Address

    @property
    def parties(self) -> Mapping[str, Party]:
        """By their names in `PARTIES`."""
        persons = {"owner": OWNER, "ann": ANN, "ben": BEN, "elder": ELDER}
        return {
            **{name: Party(account.address, (account,)) for name, account in persons.items()},
            "dora": Party(DORA.address, (DORA, WENDY)),
            "wallet": Party(self.wallet, (WENDY,)),
            "deaf": Party(self.deaf, (STRANGER,)),
            "nobody": Party(NOBODY, (STRANGER,)),
        }

    @property
    def signers(self) -> Signers:
        return Signers({self.wallet: WENDY.address, DORA.address: WENDY.address, self.deaf: None})


def prepare(chain: Chain) -> Ground:
    """Deploys everything."""
    wallet = _deploy(
        chain, _wallet_bytecode("OwnedWallet"), encode(["address", "uint256"], [WENDY.address, 0])
    )
    registry = _deploy(chain, artifact("ConsentRegistry").bytecode)
    directory = _deploy(
        chain, artifact("ParticipantDirectory").bytecode, encode(["address"], [OWNER.address])
    )
    anchor = _deploy(chain, artifact("CheckpointAnchor").bytecode)
    chain.ask("anvil_setCode", DORA.address, "0xef0100" + wallet[2:])
    _set_epoch(chain, registry, ELDER.address, LATE_EPOCH)
    chain.keep()
    return Ground(
        chain=chain,
        registry=registry,
        directory=directory,
        anchor=anchor,
        wallet=wallet,
        deaf=anchor,
    )


def _deploy(chain: Chain, bytecode: bytes, arguments: bytes = b"") -> Address:
    deployed = chain.send(OWNER.address, None, bytecode + arguments, gas=5_000_000, time=START - 1)
    assert deployed.created is not None
    assert deployed.succeeded
    return deployed.created


def _set_epoch(chain: Chain, registry: Address, controller: Address, epoch: int) -> None:
    slot = keccak256(encode(["address", "uint256"], [controller, _EPOCHS_SLOT]))
    chain.ask("anvil_setStorageAt", registry, "0x" + slot.hex(), f"0x{epoch:064x}")
    (answer,) = chain.views(registry, [calldata("ConsentRegistry", "epochOf", controller)])
    assert int.from_bytes(answer, "big") == epoch


@cache
def _wallet_bytecode(name: str) -> bytes:
    """The creation code of a contract in contracts/test/Wallets.sol."""
    texts = {**build.sources(), _WALLETS: (build.ROOT / _WALLETS).read_text("utf-8")}
    standard = {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in texts.items()},
        "settings": {
            **build.settings(),
            "viaIR": False,
            "outputSelection": {_WALLETS: {name: ["evm.bytecode.object"]}},
        },
    }
    output = solcx.compile_standard(standard, solc_binary=build.WRAPPER)
    return bytes.fromhex(output["contracts"][_WALLETS][name]["evm"]["bytecode"]["object"])
