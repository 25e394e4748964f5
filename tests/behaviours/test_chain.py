"""How every client of the chain behaves, as far as we depend on it: facts, deploying, reading, following."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from contracts import CONTRACTS, artifact
from ledger.chain import calls
from ledger.chain.deploying import deploy
from ledger.chain.follower import Follower
from ledger.chain.index import ChainState
from ledger.chain.presence import first_block
from ledger.chain.reader import read_chain
from ledger.chain.sending import send
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.chain.verification import verify
from ledger.crypto.identity import Account
from ledger.errors import ChainUnreachable, Forbidden, InvalidInput
from ledger.ids import ConsentId, digest
from ledger.store.chain import ChainStore
from ledger.store.database import Database
from tests.behaviours.chains import OWNER
from tests.chain.conftest import ETHER, FAR, OnChain, account

NOBODY = account("nobody")
TERMS = sha256(b"terms").digest()


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def payer(any_chain: OnChain, request: pytest.FixtureRequest) -> Account:
    """An account of the test's own that has ether."""
    found = account(request.node.name)
    any_chain.fund(found.address, ETHER)
    return found


@pytest.fixture
def follow(any_chain: OnChain, database: Database) -> Callable[[], Follower]:
    return lambda: Follower(any_chain.rpc, any_chain.deployment, ChainStore(database), now)


def sent(chain: OnChain, key: Account, data: bytes) -> None:
    """One transaction to the registry, until it is in a block."""
    chain_id, to = chain.deployment.chain_id, bytes.fromhex(chain.deployment.registry[2:])
    chain.rpc.simulate(key.address, chain.deployment.registry, data)
    signed = sign_transaction(
        Transaction(
            chain_id=chain_id,
            nonce=chain.rpc.nonce(key.address, "pending"),
            fees=Fees.at(chain.rpc.fees(), urgent=True),
            gas=300_000,
            to=to,
            data=data,
        ),
        key,
    )
    chain.rpc.send_raw(signed.raw)
    until(chain, lambda: chain.rpc.receipt(signed.hash) is not None)


def until(chain: OnChain, holds: Callable[[], bool], blocks: int = 100) -> None:
    """Let blocks come until something holds."""
    for _ in range(blocks):
        if holds():
            return
        chain.mine()
    assert holds()


def record(payer: Account) -> bytes:
    """A recording by the payer, who is its own controller."""
    return calls.record(epoch=0, terms_hash=TERMS, until=FAR)


def consent_of(chain: OnChain, payer: Account) -> ConsentId:
    return chain.id(payer, TERMS)


def test_blocks_follow_each_other_and_are_found_by_number_and_tag(any_chain: OnChain) -> None:
    rpc = any_chain.rpc
    any_chain.mine()
    tip = rpc.block("latest")
    assert tip is not None
    assert rpc.block(tip.number) == tip
    first, second = rpc.blocks([tip.number - 1, tip.number])
    assert first is not None
    assert second == tip
    assert tip.parent == first.hash
    assert tip.timestamp >= first.timestamp
    assert rpc.block(tip.number + 1_000) is None


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_a_tag_names_no_block_above_the_head(any_chain: OnChain, tag: str) -> None:
    found, tip = any_chain.rpc.block(tag), any_chain.rpc.block("latest")
    assert tip is not None
    assert found is None or found.number <= tip.number


def test_accounts_and_code_are_as_they_were_left(any_chain: OnChain, payer: Account) -> None:
    rpc = any_chain.rpc
    assert rpc.chain_id() == any_chain.deployment.chain_id
    assert (rpc.balance(payer.address), rpc.nonce(payer.address)) == (ETHER, 0)
    assert (rpc.balance(NOBODY.address), rpc.nonce(NOBODY.address, "pending")) == (0, 0)
    assert all(rpc.code(address) for address in any_chain.deployment.addresses)
    assert rpc.code(NOBODY.address) == b""
    assert rpc.fees().base_fee > 0


def test_an_unknown_transaction_has_no_receipt_and_an_unknown_method_is_an_error(any_chain: OnChain) -> None:
    assert any_chain.rpc.receipt(digest(TERMS)) is None
    with pytest.raises(ChainUnreachable) as refused:
        any_chain.rpc.request("eth_nothing")
    assert refused.value.reason == "rpc_error"


def test_each_call_of_a_batch_has_its_own_answer_or_error(any_chain: OnChain) -> None:
    calls_ = [("eth_chainId", ()), ("eth_nothing", ()), ("eth_blockNumber", ())]
    good, bad, last = any_chain.rpc.batch([*calls_])
    assert good.value() == hex(any_chain.deployment.chain_id)
    assert bad.error is not None
    assert int(last.value(), 16) > 0


def test_what_is_deployed_is_verified_dated_and_not_sent_again(any_chain: OnChain) -> None:
    rpc, deployment = any_chain.rpc, any_chain.deployment
    references = {name: artifact(name) for name in CONTRACTS}
    found = verify(rpc, deployment, references, owner=OWNER.address)
    assert [check for check in found.checks if not check.ok] == []
    assert first_block(rpc, deployment.addresses) == deployment.block
    before = rpc.nonce(OWNER.address)
    assert deploy(rpc.urls[0], OWNER).addresses == deployment.addresses
    assert rpc.nonce(OWNER.address) == before


def test_what_the_contracts_refuse_is_understood_before_it_is_sent(
    any_chain: OnChain, payer: Account
) -> None:
    granting = calls.grant_role(role=calls.ACCREDITOR_ROLE, account=NOBODY.address)
    with pytest.raises(Forbidden):
        any_chain.rpc.simulate(NOBODY.address, any_chain.deployment.directory, granting)
    ended = calls.record(epoch=0, terms_hash=TERMS, until=1)
    with pytest.raises(InvalidInput, match="ended already"):
        send(
            any_chain.rpc,
            payer,
            chain_id=any_chain.deployment.chain_id,
            to=bytes.fromhex(any_chain.deployment.registry[2:]),
            data=ended,
            gas=300_000,
            patience=60.0,
        )
    assert any_chain.rpc.nonce(payer.address) == 0


def test_an_offer_may_be_raised_by_an_eighth(any_chain: OnChain, payer: Account) -> None:
    """At a nonce that waits for a lower one, so that no block takes it meanwhile."""
    rpc, fees = any_chain.rpc, Fees.at(any_chain.rpc.fees(), urgent=False)
    waiting = Transaction(
        chain_id=any_chain.deployment.chain_id,
        nonce=1,
        fees=fees,
        gas=300_000,
        to=bytes.fromhex(any_chain.deployment.registry[2:]),
        data=record(payer),
    )
    rpc.send_raw(sign_transaction(waiting, payer).raw)
    raised = sign_transaction(waiting.with_fees(fees.above(fees)), payer)
    rpc.send_raw(raised.raw)
    sent(any_chain, payer, calls.revoke_all())
    until(any_chain, lambda: rpc.receipt(raised.hash) is not None)
    assert rpc.nonce(payer.address) == 2


def test_a_consent_is_active_once_it_is_seen_and_ended_once_its_stop_is(
    any_chain: OnChain, payer: Account, follow: Callable[[], Follower]
) -> None:
    follower, consent = follow(), consent_of(any_chain, payer)
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.NONE
    sent(any_chain, payer, record(payer))
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.ACTIVE
    sent(any_chain, payer, calls.revoke(consent))
    follower.catch_up()
    assert follower.index.state(consent) is ChainState.ENDED
    assert follower.index.is_active(consent, follower.head().number, now()) is False


def test_following_reading_and_resuming_give_the_same_events(
    any_chain: OnChain, payer: Account, follow: Callable[[], Follower]
) -> None:
    follower = follow()
    follower.catch_up()
    sent(any_chain, payer, record(payer))
    sent(any_chain, payer, calls.revoke_all())
    follower.catch_up()
    fresh = read_chain(any_chain.rpc, any_chain.deployment)
    tip = follower.head().number
    assert [event for event in fresh.events() if event.number <= tip] == follower.index.events()
    assert fresh.epoch_of(payer.address) == follower.index.epoch_of(payer.address) == 1
    assert follow().index.events() == follower.index.events()


def test_what_was_seen_becomes_final(
    any_chain: OnChain, payer: Account, follow: Callable[[], Follower]
) -> None:
    follower, consent = follow(), consent_of(any_chain, payer)
    sent(any_chain, payer, record(payer))

    def is_final() -> bool:
        follower.step()
        return follower.index.state(consent, "final") is ChainState.ACTIVE

    until(any_chain, is_final)
    final = follower.index.finalized
    assert final is not None
    assert final.number <= follower.head().number
