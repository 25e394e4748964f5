"""Whatever a third of all requests meet, every act has its effect on chain exactly once."""

import os
from collections import Counter
from contextlib import suppress
from random import Random

from ledger.chain.relayer import Relayer
from ledger.chain.rpc import Rpc
from ledger.errors import ChainUnreachable
from ledger.store.database import Database
from ledger.store.relay import RelayStore
from tests.chain.conftest import ETHER, Chain, Clock, account
from tests.faults.acts import Acts
from tests.faults.conftest import SEED
from tests.faults.faults import FAULTS, Sometimes
from tests.faults.proxy import FaultProxy

OPERATIONS = int(os.environ.get("CONSENT_FAULT_OPERATIONS", "200"))
SHARE = 0.3
AT_ONCE = 5
PATIENCE = 0.25
KEY = account("relayer")


def test_no_act_is_lost_and_none_is_done_twice(chain: Chain, clock: Clock, database: Database) -> None:
    dice = Random(SEED)  # noqa: S311 - a repeatable run
    chain.devnet.fund(KEY.address, 100 * ETHER)
    faults = Sometimes(SHARE, dice)
    with FaultProxy(chain.devnet.url) as proxy:
        proxy.fault = faults
        rpc = Rpc(proxy.url, timeout=PATIENCE, pause=lambda _: None)
        relayer = Relayer(rpc, RelayStore(database), KEY, chain.deployment.chain_id, clock, window=64)
        acts = Acts(chain, relayer, dice)
        acts.admit(OPERATIONS // 10)
        for _ in range(20 * OPERATIONS):
            for _ in range(min(dice.randrange(AT_ONCE), OPERATIONS - len(acts.done))):
                acts.submit()
            with suppress(ChainUnreachable):
                relayer.step()
            chain.mine()
            clock.forward(3)
            if len(acts.done) == OPERATIONS and not acts.outstanding():
                break
        rpc.close()
    assert acts.outstanding() == []
    assert acts.effects() == Counter(act.effect for act in acts.done)
    assert set(faults.struck) == set(FAULTS)
    doubles = chain.rpc.nonce(KEY.address) - OPERATIONS
    print(f"{OPERATIONS} acts, {faults.requests} requests, {faults.struck.total()} faults")  # pytest -rP
    print(f"{doubles} transactions beyond one an act, {idle_gas(chain)} gas without effect")


def idle_gas(chain: Chain) -> int:
    """Gas of the relayer's transactions that changed nothing."""
    last = int(chain.rpc.request("eth_blockNumber"), 16)
    idle = 0
    for number in range(last + 1):
        for receipt in chain.rpc.request("eth_getBlockReceipts", hex(number)):
            is_ours = receipt["from"].lower() == KEY.address.lower()
            idle += int(receipt["gasUsed"], 16) if is_ours and not receipt["logs"] else 0
    return idle
