"""The clients of the chain under test, each with the contracts on a chain of its own."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.chain.deploying import deploy
from ledger.chain.devnet import Devnet
from ledger.chain.rpc import Rpc
from ledger.ids import Address
from tests.chain.conftest import ETHER, Chain, OnChain, account
from tests.nodes.geth import Geth

Client = Callable[[Path], AbstractContextManager[OnChain]]
OWNER = account("owner")


@dataclass(kw_only=True)
class GethChain(OnChain):
    """Geth's development chain, which has a block each second and no way to be hurried."""

    node: Geth

    def mine(self, blocks: int = 1) -> None:
        self.node.wait_blocks(blocks)

    def fund(self, address: Address, wei: int) -> None:
        self.node.fund(address, wei)


@contextmanager
def anvil(directory: Path) -> Iterator[OnChain]:
    with Devnet(directory, mining=False) as devnet:
        chain = Chain(devnet=devnet, rpc=Rpc(devnet.url), owner=OWNER)
        chain.fund(OWNER.address, ETHER)
        chain.automine(True)
        chain.deployment = deploy(devnet.url, OWNER)
        chain.automine(False)
        yield chain
        chain.rpc.close()


@contextmanager
def geth(directory: Path) -> Iterator[OnChain]:
    with Geth(directory) as node:
        chain = GethChain(node=node, rpc=node.rpc, owner=OWNER)
        chain.fund(OWNER.address, ETHER)
        chain.deployment = deploy(node.url, OWNER)
        yield chain
