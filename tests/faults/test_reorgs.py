"""However the chain is reorganised, the index is that of a fresh reading, and no relayed act is lost."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from ledger.chain import calls
from ledger.chain.follower import Follower
from ledger.chain.index import ChainIndex
from ledger.chain.relayer import Relayer
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.ids import Address, ConsentId
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from ledger.store.relay import RelayStore
from tests.chain.conftest import ETHER, Chain, Clock, account
from tests.databases import made_at
from tests.faults.acts import Acts
from tests.faults.conftest import SEED
from tests.faults.reorgs import Reorganiser

REORGS = int(os.environ.get("CONSENT_FAULT_REORGS", "100"))
ROUND = 100
"""So many on one chain at most: anvil forgets the states of old blocks, to which a deep one goes back."""
DEEPEST = 64
KEY = account("relayer")
SENDERS = [account(f"sender {number}") for number in range(12)]
LEVELS = ("seen", "safe", "final")


class Turmoil:
    """People who act directly, a relayer, and a follower, on a chain that keeps changing its mind."""

    def __init__(self, chain: Chain, clock: Clock, database: Database, second: Database, number: int) -> None:
        self.chain, self.clock = chain, clock
        self.dice = dice = Random(SEED + number)  # noqa: S311 - a repeatable storm
        self.store, self.second = ChainStore(database), ChainStore(second)
        self.follower = Follower(chain.rpc, chain.deployment, self.store, clock)
        relayer = Relayer(chain.rpc, RelayStore(database), KEY, chain.deployment.chain_id, clock)
        self.acts = Acts(chain, relayer, dice)
        self.reorganiser = Reorganiser(
            chain=chain,
            dice=dice,
            keys={one.address: one for one in SENDERS},
            other_call=lambda: self._recording(f"replacement {dice.random()}"),
        )
        self.consents: set[ConsentId] = set()
        self.controllers: set[Address] = {one.address for one in SENDERS}

    def live(self) -> None:
        """A few blocks with acts, which the follower may or may not see before they are taken out again."""
        for _ in range(self.dice.randint(1, 4)):
            if self.dice.random() < 0.5:
                self.acts.submit()
            self.acts.relayer.step()
            if self.dice.random() < 0.5:
                self._act_directly()
            if self.dice.random() < 0.1:
                self.reorganiser.drop_waiting()
            self._mine(self.dice.randint(1, 3))
            self.clock.forward(3)
            if self.dice.random() < 0.7:
                self.follower.catch_up()

    def reorganise(self) -> None:
        """Another branch takes the place of the last blocks, and may be shorter."""
        height = int(self.chain.rpc.request("eth_blockNumber"), 16)
        depth = self.dice.randint(1, min(DEEPEST, height - self.chain.deployment.block))
        if self.dice.random() < 0.85:
            self.reorganiser.reorganise(depth)
            return
        snapshot = self.chain.rpc.request("evm_snapshot")
        self._act_directly()
        self._mine(depth)
        self.follower.catch_up()
        self.chain.rpc.request("evm_revert", snapshot)
        self.chain.rpc.request("evm_increaseTime", 60)
        self._mine(self.dice.randint(1, depth + 2))

    def require_fresh(self) -> None:
        """Fail unless follower and store hold what one finds that begins anew."""
        self.follower.catch_up()
        self.second.apply(keep=-1, headers=[], logs=[])
        fresh = Follower(self.chain.rpc, self.chain.deployment, self.second, self.clock)
        fresh.catch_up()
        assert self._answers(self.follower.index) == self._answers(fresh.index)
        headers, logs = self.store.load()
        fresh_headers, fresh_logs = self.second.load()
        assert logs == fresh_logs
        assert headers[-1] == fresh_headers[-1]
        assert set(fresh_headers) <= set(headers)

    def settle(self) -> None:
        """No more reorganisations: steps and blocks by turns until every act is final."""
        for _ in range(400):
            self.acts.relayer.step()
            self.chain.mine()
            self.clock.forward(3)
            if not self.acts.outstanding():
                return

    def _mine(self, blocks: int) -> None:
        self.chain.rpc.request("anvil_mine", hex(blocks))

    def _act_directly(self) -> None:
        """One of some accounts records or stops a consent of its own, or all of them."""
        sender = self.dice.choice(SENDERS)
        name = f"{sender.address} {self.dice.randrange(30)}"
        terms = sha256(name.encode()).digest()
        consent = self.chain.id(sender, terms, epoch=0)
        self.consents.add(consent)
        data = self.dice.choices(
            [self._recording(name), self._stop(sender, terms), calls.revoke_all()], [6, 3, 1]
        )[0]
        transaction = Transaction(
            chain_id=self.chain.deployment.chain_id,
            nonce=self.chain.rpc.nonce(sender.address, "pending"),
            fees=Fees.at(self.chain.rpc.fees(), urgent=False),
            gas=300_000,
            to=bytes.fromhex(self.chain.deployment.registry[2:]),
            data=data,
        )
        self.chain.rpc.send_raw(sign_transaction(transaction, sender).raw)

    def _recording(self, name: str) -> bytes:
        """A recording by whoever sends it; a fresh consent, or one that is there already."""
        return calls.record(epoch=0, terms_hash=sha256(name.encode()).digest(), until=2**40 - 1)

    def _stop(self, sender: Account, terms: bytes) -> bytes:
        consent = self.chain.id(sender, terms)
        return calls.revoke_with_preimage(
            controller=sender.address,
            epoch=0,
            terms_hash=terms,
            until=2**40 - 1,
            signature=self.chain.revocation(sender, consent),
        )

    def _answers(self, index: ChainIndex) -> dict[str, object]:
        """All that anybody asks of an index."""
        seen = {event.consent for event in index.events() if hasattr(event, "consent")}
        consents = self.consents | seen
        controllers = self.controllers | index.controllers_seen()
        return {
            "events": index.events(),
            "marks": [index.head(level) for level in LEVELS],
            "states": {one: [index.state(one, level) for level in LEVELS] for one in consents},
            "consents": {one: index.consent(one) for one in consents},
            "ends": {one: (index.ended_number(one), index.revocation(one)) for one in consents},
            "epochs": {one: index.epoch_of(one) for one in controllers},
            "anchors": index.anchors(KEY.address),
            "participants": index.participants(),
        }


@pytest.fixture
def turmoil(chain: Chain, clock: Clock, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Turmoil]:
    urls = [made_at(tmp_path / f"{name}.db") for name in ("first", "second")]
    first, second = (Database(url) for url in urls)
    for one in (KEY, *SENDERS):
        chain.rpc.request("anvil_setBalance", one.address, hex(100 * ETHER))
    chain.mine(DEEPEST)
    yield Turmoil(chain, clock, first, second, request.param)
    first.close()
    second.close()


@pytest.mark.parametrize("turmoil", range(-(-REORGS // ROUND)), indirect=True)
def test_after_every_reorganisation_the_index_is_that_of_a_fresh_reading(turmoil: Turmoil) -> None:
    reorgs = min(REORGS, ROUND)
    for _ in range(reorgs):
        turmoil.live()
        turmoil.reorganise()
        turmoil.require_fresh()
    fates = turmoil.reorganiser
    assert min(fates.moved, fates.dropped, fates.replaced) > reorgs // 10
    assert turmoil.follower.reorgs > reorgs // 2
    turmoil.settle()
    turmoil.require_fresh()
    assert turmoil.acts.outstanding() == []
    effects = turmoil.acts.effects()
    assert {act.effect: effects[act.effect] for act in turmoil.acts.done} == dict.fromkeys(
        (act.effect for act in turmoil.acts.done), 1
    )
