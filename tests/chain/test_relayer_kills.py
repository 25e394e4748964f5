"""Whenever the relayer is killed, whoever takes up its database brings every act on chain once.

`CONSENT_RELAYER_KILLS` says how often it is killed at each point.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.reader import read_chain
from ledger.ids import Address
from ledger.store.acts import OPEN
from ledger.store.database import Database
from ledger.store.relay import RelayStore
from tests.chain.conftest import ETHER, Chain, Clock
from tests.chain.killed import POINTS
from tests.chain.test_traffic import KEY, Traffic

pytestmark = [pytest.mark.chain, pytest.mark.timeout(1200)]

KILLS = int(os.environ.get("CONSENT_RELAYER_KILLS", "4"))
HERE = Path(__file__).parents[2]


class Noted:
    """Takes acts as a relayer does, and only notes them."""

    def __init__(self) -> None:
        self.acts: list[dict[str, Any]] = []

    def submit(self, _: None, *, to: Address, data: bytes, lane: bytes, **act: Any) -> int:  # noqa: ANN401
        self.acts.append({**act, "to": to, "data": data.hex(), "lane": lane.hex()})
        return 0


def killed_at(point: str, order: dict[str, Any]) -> None:
    """Run a relayer until it is killed there; it must get there."""
    ran = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.chain.killed", point],
        input=json.dumps(order),
        text=True,
        capture_output=True,
        cwd=HERE,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr


@pytest.mark.parametrize("point", POINTS)
def test_a_relayer_that_is_killed_loses_and_doubles_nothing(
    chain: Chain, clock: Clock, database: Callable[[], Database], tmp_path: Path, point: str
) -> None:
    chain.devnet.fund(KEY.address, 100 * ETHER)
    traffic = Traffic(chain, clock, database(), "final")
    relayer, expected = traffic.relayer, set()
    for kill in range(KILLS):
        traffic.relayer = noted = Noted()  # type: ignore[assignment]
        for n in range(3):
            expected.add(("Recorded", traffic.record(f"{kill} {n}", f"lane {kill} {n}")))
        expected.add(("Revoked", traffic.stop(f"{kill} stopped", f"lane {kill} stop")))
        killed_at(
            point,
            {
                "database": f"sqlite:///{tmp_path / 'gateway.db'}",
                "rpc": chain.devnet.url,
                "chain_id": chain.deployment.chain_id,
                "acts": noted.acts,
            },
        )
        chain.mine(kill % 2)
    traffic.relayer = relayer
    clock.forward(10**8)
    traffic.settle(12)
    store = RelayStore(traffic.database)
    happened = Counter((kind, consent) for kind, consent, _ in traffic.events())
    assert happened == Counter(expected)
    assert store.count(*OPEN) == 0
    assert len(read_chain(chain.rpc, chain.deployment).events()) == len(expected), "nothing was passed over"
    nonce = chain.rpc.nonce(KEY.address)
    assert store.used_nonces(0, nonce + 100) == set(range(nonce))
