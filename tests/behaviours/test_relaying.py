"""How the relayer gets on with every client of the chain, and with faults between it and the client."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from random import Random

import pytest

from ledger.chain import calls
from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.errors import ChainUnreachable
from ledger.ids import ConsentId
from ledger.store.database import Database
from ledger.store.relay import RelayStore, State
from tests.chain.conftest import ETHER, FAR, OnChain, account
from tests.chain.crashes import Crash, CrashingRpc
from tests.faults.acts import Acts
from tests.faults.faults import Sometimes
from tests.faults.proxy import FaultProxy

OPERATIONS = 24
SHARE = 0.3


class Office:
    """A relayer with an account of its own, that can be started anew."""

    def __init__(self, chain: OnChain, database: Database, name: str) -> None:
        self.chain, self.key, self._database = chain, account(name), database
        self.patient = account(f"{name}, patient")
        self.rpc = CrashingRpc(chain.rpc.urls[0])
        chain.fund(self.key.address, ETHER)
        self.restart()

    def restart(self) -> None:
        self.relayer = Relayer(
            self.rpc,
            RelayStore(self._database),
            self.key,
            self.chain.deployment.chain_id,
            lambda: datetime.now(UTC),
        )

    def record(self, name: str) -> ConsentId:
        terms, consent = self._consent(name)
        data = calls.record_signed(
            controller=self.patient.address,
            epoch=0,
            terms_hash=terms,
            until=FAR,
            signature=self.chain.consent(self.patient, terms).signature,
        )
        self._submit("recording", consent, data, urgent=False)
        return consent

    def stop(self, name: str) -> ConsentId:
        terms, consent = self._consent(name)
        data = calls.revoke_with_preimage(
            controller=self.patient.address,
            epoch=0,
            terms_hash=terms,
            until=FAR,
            signature=self.chain.revocation(self.patient, consent),
        )
        self._submit("revocation", consent, data, urgent=True)
        return consent

    def state(self, consent: ConsentId, kind: str = "recording") -> State | None:
        found = self.relayer.status(consent, kind)
        return None if found is None else found.state

    def reach(self, holds: Callable[[], bool], blocks: int = 100) -> None:
        """Steps and blocks by turns until something holds."""
        for _ in range(blocks):
            self.relayer.step()
            if holds():
                return
            self.chain.mine()
        assert holds()

    def events(self, consent: ConsentId) -> list[str]:
        """What happened to a consent, in order."""
        return [kind for kind, about in Acts.all_effects(self.chain) if about == consent]

    def sent(self) -> int:
        return self.chain.rpc.nonce(self.key.address)

    def _consent(self, name: str) -> tuple[bytes, ConsentId]:
        terms = sha256(name.encode()).digest()
        return terms, self.chain.id(self.patient, terms)

    def _submit(self, kind: str, subject: str, data: bytes, *, urgent: bool) -> None:
        to = self.chain.deployment.registry
        self.relayer.submit(None, kind=kind, subject=subject, to=to, data=data, urgent=urgent)


@pytest.fixture
def office(any_chain: OnChain, database: Database, request: pytest.FixtureRequest) -> Iterator[Office]:
    found = Office(any_chain, database, request.node.name)
    yield found
    found.rpc.close()


def test_an_act_is_sent_once_and_seen_where_its_receipt_says(office: Office) -> None:
    consent = office.record("a")
    office.reach(lambda: office.state(consent) in (State.SEEN, State.FINAL))
    status = office.relayer.status(consent)
    assert status is not None
    assert status.transaction is not None
    receipt = office.chain.rpc.receipt(status.transaction)
    assert receipt is not None
    assert (status.block, status.block_hash) == (receipt.number, receipt.block_hash)
    assert status.succeeded
    assert office.events(consent) == ["Recorded"]
    assert office.sent() == 1


def test_an_act_becomes_final(office: Office) -> None:
    consent = office.record("a")
    office.reach(lambda: office.state(consent) is State.FINAL)
    assert office.events(consent) == ["Recorded"]
    assert office.sent() == 1


@pytest.mark.parametrize("crash", ["before", "after"])
def test_a_crash_around_the_broadcast_costs_no_second_transaction(office: Office, crash: str) -> None:
    consent = office.record("a")
    office.rpc.crash = crash
    with pytest.raises(Crash):
        office.relayer.step()
    before = office.relayer.status(consent)
    office.rpc.crash = ""
    office.restart()
    office.reach(lambda: office.state(consent) in (State.SEEN, State.FINAL))
    after = office.relayer.status(consent)
    assert before is not None
    assert after is not None
    assert after.transaction == before.transaction
    assert office.sent() == 1


def test_a_stop_before_its_recording_leaves_nothing_to_revive(office: Office) -> None:
    consent = office.record("a")
    office.stop("a")
    office.reach(lambda: office.state(consent, "revocation") in (State.SEEN, State.FINAL))
    office.reach(lambda: office.state(consent) is not State.INTENDED)
    assert office.events(consent) == ["Revoked"]


def test_a_nonce_that_a_stranger_used_costs_no_act(office: Office) -> None:
    consent = office.record("a")
    office.rpc.crash = "before"
    with pytest.raises(Crash):
        office.relayer.step()
    office.rpc.crash = ""
    spend(office.chain, office.key)
    office.restart()
    office.reach(lambda: office.state(consent) in (State.SEEN, State.FINAL))
    assert office.events(consent) == ["Recorded"]
    assert office.sent() == 2


def test_whatever_a_third_of_all_requests_meet_no_act_is_lost_and_none_done_twice(
    any_chain: OnChain, database: Database, request: pytest.FixtureRequest
) -> None:
    dice = Random(OPERATIONS)  # noqa: S311 - a repeatable run
    key = account(request.node.name)
    any_chain.fund(key.address, ETHER)
    with FaultProxy(any_chain.rpc.urls[0]) as proxy:
        proxy.fault = Sometimes(SHARE, dice)
        rpc = Rpc(proxy.url, timeout=0.3, pause=lambda _: None)
        relayer = Relayer(
            rpc, RelayStore(database), key, any_chain.deployment.chain_id, lambda: datetime.now(UTC)
        )
        acts = Acts(any_chain, relayer, dice, settled=(State.SEEN, State.FINAL), name=request.node.name)
        for _ in range(OPERATIONS):
            acts.submit()
        for _ in range(40 * OPERATIONS):
            with suppress(ChainUnreachable):
                if not relayer.step():
                    any_chain.mine()
            if not acts.outstanding():
                break
        rpc.close()
    assert acts.outstanding() == []
    effects = Counter(Acts.all_effects(any_chain))
    assert {act.effect: effects[act.effect] for act in acts.done} == dict.fromkeys(
        (act.effect for act in acts.done), 1
    )


def spend(chain: OnChain, key: Account) -> None:
    """Use up a nonce."""
    rpc = chain.rpc
    signed = sign_transaction(
        Transaction(
            chain_id=chain.deployment.chain_id,
            nonce=rpc.nonce(key.address),
            fees=Fees.at(rpc.fees(), urgent=True),
            gas=100_000,
            to=bytes.fromhex(chain.deployment.registry[2:]),
            data=calls.revoke_all(),
        ),
        key,
    )
    rpc.send_raw(signed.raw)
    while rpc.receipt(signed.hash) is None:
        chain.mine()
