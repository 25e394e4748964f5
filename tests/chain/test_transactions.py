"""Signed bytes are what the standard library of the ecosystem makes, and can be read back."""

import pytest
from eth_account import Account as EthAccount
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.facts import FeeMarket
from ledger.chain.transactions import Fees, Transaction, read_transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.errors import Bug

KEY = b"\x07" * 32
amounts = st.integers(0, 2**64)
transactions = st.builds(
    Transaction,
    chain_id=st.integers(1, 2**31),
    nonce=st.integers(0, 2**40),
    fees=st.builds(Fees, max_fee=amounts, tip=amounts),
    gas=st.integers(21_000, 30_000_000),
    to=st.binary(min_size=20, max_size=20),
    data=st.binary(max_size=200),
    value=amounts,
)


@given(transactions)
def test_bytes_and_hash_are_those_of_eth_account(transaction: Transaction) -> None:
    ours = sign_transaction(transaction, Account.from_key(KEY))
    theirs = EthAccount.sign_transaction(
        {
            "type": 2,
            "chainId": transaction.chain_id,
            "nonce": transaction.nonce,
            "maxFeePerGas": transaction.fees.max_fee,
            "maxPriorityFeePerGas": transaction.fees.tip,
            "gas": transaction.gas,
            "to": transaction.to,
            "value": transaction.value,
            "data": transaction.data,
        },
        KEY,
    )
    assert (ours.raw, ours.hash) == (bytes(theirs.raw_transaction), "0x" + bytes(theirs.hash).hex())
    assert read_transaction(ours.raw) == transaction


@given(amounts, amounts, st.builds(Fees, max_fee=amounts, tip=amounts), st.booleans())
def test_a_replacement_raises_both_fees_by_an_eighth(
    base_fee: int, tip: int, old: Fees, urgent: bool
) -> None:
    offer = Fees.at(FeeMarket(base_fee=base_fee, priority_fee=tip), urgent=urgent)
    new = offer.above(old)
    assert new.max_fee >= offer.max_fee
    assert new.tip >= offer.tip
    assert new.max_fee > old.max_fee
    assert new.max_fee * 8 >= old.max_fee * 9
    assert new.tip > old.tip
    assert new.tip * 8 >= old.tip * 9


def test_the_tip_of_an_offer_never_exceeds_its_maximum() -> None:
    offer = Fees.at(FeeMarket(base_fee=0, priority_fee=5), urgent=True)
    assert offer.tip <= offer.max_fee


def test_bytes_of_another_type_are_not_read() -> None:
    with pytest.raises(Bug):
        read_transaction(b"\x01\xc0")


def test_on_a_quiet_chain_stops_do_not_outbid_themselves_without_end() -> None:
    recommended = 10**9
    for _ in range(50):  # each time the node recommends what we paid last
        recommended = Fees.at(FeeMarket(base_fee=7, priority_fee=recommended), urgent=True).tip
    assert recommended < 200 * 10**9
    assert Fees.at(FeeMarket(base_fee=7, priority_fee=10**9), urgent=True).tip == 2 * 10**9
