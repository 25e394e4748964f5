"""Roots and hashes are those that real nodes compute."""

import pytest

from ledger.chain.answers import block_call
from ledger.chain.rlp import encode
from ledger.chain.sealed import proved_logs_in, receipts_call, sealed_header_in
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.chain.trie import ordered_root
from tests.chain.conftest import Chain

EMPTY = "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def test_the_root_of_nothing_is_the_known_one() -> None:
    assert ordered_root([]).hex() == EMPTY


@pytest.mark.parametrize(
    ("item", "encoded"),
    [
        (b"", "80"),
        (0, "80"),
        (15, "0f"),
        (1024, "820400"),
        (b"\x7f", "7f"),
        (b"\x80", "8180"),
        ([], "c0"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (b"a" * 56, "b838" + "61" * 56),
        ([b"a" * 55], "f838b7" + "61" * 55),
        (b"a" * 256, "b90100" + "61" * 256),
    ],
)
def test_items_are_encoded_as_the_yellow_paper_says(item: bytes | int | list[bytes], encoded: str) -> None:
    assert encode(item).hex() == encoded


@pytest.mark.parametrize("count", [0, 1, 2, 17, 140])
def test_receipts_of_a_real_block_give_its_root(chain: Chain, count: int) -> None:
    nonce, fees = chain.rpc.nonce(chain.owner.address), Fees.at(chain.rpc.fees(), urgent=True)
    for place in range(count):
        transaction = Transaction(
            chain_id=chain.deployment.chain_id,
            nonce=nonce + place,
            fees=fees,
            gas=50_000,
            to=bytes.fromhex(chain.deployment.registry[2:]),
            data=bytes.fromhex("ff"),
        )
        chain.rpc.send_raw(sign_transaction(transaction, chain.owner).raw)
    chain.mine()
    tip = chain.rpc.block("latest")
    assert tip is not None
    block, receipts = chain.rpc.batch([block_call(tip.number), receipts_call(tip.hash)])
    sealed = sealed_header_in(block, tip.number)
    assert sealed is not None
    assert len(receipts.result) == count
    assert proved_logs_in(receipts, sealed) == []
