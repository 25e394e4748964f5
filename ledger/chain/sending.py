"""One transaction, sent and waited for: for accreditors; the relayer and deployments have their own ways."""

import time
from collections.abc import Callable

from ledger.chain.facts import Receipt
from ledger.chain.rpc import Rpc
from ledger.chain.transactions import Fees, Transaction, sign_transaction
from ledger.crypto.identity import Account
from ledger.errors import ChainUnreachable
from ledger.ids import address_from_bytes

_PAUSE = 0.05


def send(
    rpc: Rpc,
    key: Account,
    *,
    chain_id: int,
    to: bytes,
    data: bytes,
    gas: int,
    patience: float,
) -> Receipt:
    """Sign with the account's next nonce, send, and wait for the receipt.

    Raises:
        LedgerError: what the contract refuses the call with, before anything is sent.
        ChainUnreachable: the node does not answer, the transaction gets into no block within `patience`
            seconds (``not_mined``), or it fails there (``call_failed``).
    """
    rpc.simulate(key.address, address_from_bytes(to), data)
    signed = sign_transaction(
        Transaction(
            chain_id=chain_id,
            nonce=rpc.nonce(key.address, "pending"),
            fees=Fees.at(rpc.fees(), urgent=True),
            gas=gas,
            to=to,
            data=data,
        ),
        key,
    )
    rpc.send_raw(signed.raw)
    receipt = _wait(lambda: rpc.receipt(signed.hash), patience)
    if receipt is None:
        raise ChainUnreachable(
            "a transaction did not get into a block in time",
            reason="not_mined",
            fix="Look whether the chain moves, then run the command again.",
        )
    if not receipt.succeeded:
        raise ChainUnreachable("the chain refused a transaction", reason="call_failed")
    return receipt


def _wait(ask: Callable[[], Receipt | None], patience: float) -> Receipt | None:
    deadline = time.monotonic() + patience
    while (found := ask()) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return found
