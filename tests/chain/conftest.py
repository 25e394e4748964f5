"""A devnet of one's own per test, with the contracts deployed; a block only when the test says so."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.chain.calls import SignedConsent
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment
from ledger.chain.devnet import Devnet
from ledger.chain.facts import Receipt
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation, RevokeAll, consent_digest, consent_domain
from ledger.ids import Address, ConsentId, consent_id
from ledger.store.database import Database
from tests.databases import made_at

ETHER = 10**18
FAR = 2**40 - 1


def account(name: str) -> Account:
    """An account that is the same in every run."""
    return Account.from_key(sha256(f"tests/chain {name}".encode()).digest())


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: datetime = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(kw_only=True)
class OnChain(ABC):
    """The contracts on a chain of any client, with what tests do to them."""

    rpc: Rpc
    owner: Account
    deployment: Deployment = field(init=False)

    @abstractmethod
    def mine(self, blocks: int = 1) -> None:
        """Let the chain have so many blocks more."""

    @abstractmethod
    def fund(self, address: Address, wei: int) -> None:
        """Let an account have so much."""

    def send(self, key: Account, to: Address, data: bytes) -> Receipt:
        """One transaction in one block."""
        signed = sign_transaction(
            Transaction(
                chain_id=self.rpc.chain_id(),
                nonce=self.rpc.nonce(key.address),
                fees=Fees.at(self.rpc.fees(), urgent=False),
                gas=1_000_000,
                to=bytes.fromhex(to[2:]),
                data=data,
            ),
            key,
        )
        self.rpc.send_raw(signed.raw)
        self.mine()
        receipt = self.rpc.receipt(signed.hash)
        assert receipt is not None
        return receipt

    def consent(
        self, controller: Account, terms: bytes, *, until: int = FAR, epoch: int = 0
    ) -> SignedConsent:
        digest = self.digest(controller, terms, until=until, epoch=epoch)
        return SignedConsent(
            controller=controller.address,
            epoch=epoch,
            terms_hash=terms,
            until=until,
            signature=controller.sign(digest),
        )

    def digest(self, controller: Account, terms: bytes, *, until: int = FAR, epoch: int = 0) -> bytes:
        return consent_digest(
            consent_domain(self.deployment.chain_id, self.deployment.registry),
            controller=controller.address,
            epoch=epoch,
            terms_hash=terms,
            until=until,
        )

    def id(self, controller: Account, terms: bytes, *, until: int = FAR, epoch: int = 0) -> ConsentId:
        return consent_id(self.digest(controller, terms, until=until, epoch=epoch))

    def revocation(self, controller: Account, consent: ConsentId) -> bytes:
        domain = consent_domain(self.deployment.chain_id, self.deployment.registry)
        return controller.sign(Revocation(consent=bytes.fromhex(consent[2:])).digest(domain))

    def stop_all(self, controller: Account, epoch: int) -> bytes:
        domain = consent_domain(self.deployment.chain_id, self.deployment.registry)
        return controller.sign(RevokeAll(controller=controller.address, epoch=epoch).digest(domain))


@dataclass(kw_only=True)
class Chain(OnChain):
    """A devnet with what tests do to it."""

    devnet: Devnet

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc.request("evm_mine")

    def fund(self, address: Address, wei: int) -> None:
        self.devnet.fund(address, wei)

    def automine(self, on: bool) -> None:
        self.rpc.request("evm_setAutomine", on)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses a chain needs anvil."""
    for item in items:
        if "chain" in getattr(item, "fixturenames", ()):
            item.add_marker("chain")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain that mines only on demand, with the contracts on it and two blocks on top."""
    with Devnet(tmp_path / "devnet", mining=False) as devnet:
        found = Chain(devnet=devnet, rpc=Rpc(devnet.url), owner=account("owner"))
        devnet.fund(found.owner.address, 100 * ETHER)
        found.automine(True)
        found.deployment = deploy(devnet.url, found.owner)
        found.automine(False)
        found.mine(2)
        yield found
        found.rpc.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """The same database, opened anew with each call, as after a restart."""
    url = made_at(tmp_path / "gateway.db")
    opened: list[Database] = []

    def reopen() -> Database:
        while opened:
            opened.pop().close()
        opened.append(Database(url))
        return opened[0]

    yield reopen
    while opened:
        opened.pop().close()
