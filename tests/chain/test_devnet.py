"""The devnet keeps its state over restarts and kills, dies with its owner, and is not shared by accident."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.chain import guard
from ledger.chain.deploying import deploy
from ledger.chain.devnet import CHAIN_ID, Devnet
from ledger.chain.rpc import Rpc
from ledger.errors import StoreUnavailable
from tests.chain.conftest import account

pytestmark = pytest.mark.chain

ETHER = 10**18


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Ask again and again, until it holds or the time is up."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return held


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_restart_keeps_blocks_events_balances_and_the_port(tmp_path: Path) -> None:
    owner = account("owner")
    devnet = Devnet(tmp_path / "chain")
    with devnet:
        url = devnet.url
        devnet.fund(owner.address, ETHER)
        deployment = deploy(url, owner)
        before = Rpc(url).block(deployment.block)
    with devnet:
        rpc = Rpc(devnet.url)
        assert devnet.url == url
        assert rpc.chain_id() == CHAIN_ID
        assert rpc.block(deployment.block) == before
        assert all(rpc.code(address) for address in deployment.addresses)
        head = rpc.block("latest")
        assert head is not None
        assert rpc.logs(0, head.number, [deployment.directory])
        assert 0 < rpc.balance(owner.address) < ETHER


def test_what_is_put_on_chain_becomes_final_without_anybody_mining(tmp_path: Path) -> None:
    with Devnet(tmp_path / "chain") as devnet:
        devnet.fund(account("owner").address, ETHER)
        block = deploy(devnet.url, account("owner")).block
        rpc = Rpc(devnet.url)

        def is_final() -> bool:
            found = rpc.block("finalized")
            return found is not None and found.number >= block

        assert wait_until(is_final)


def test_a_kill_of_anvil_loses_no_block_that_was_on_disk(tmp_path: Path) -> None:
    devnet = Devnet(tmp_path / "chain")
    with devnet:
        devnet.fund(account("owner").address, ETHER)
        deployment = deploy(devnet.url, account("owner"))
        known = Rpc(devnet.url).block(deployment.block)
        assert known is not None
        state = tmp_path / "chain" / guard.STATE
        assert wait_until(lambda: state.exists() and known.hash[2:] in state.read_text())
        os.kill(devnet.pid, signal.SIGKILL)
        assert wait_until(lambda: not devnet.alive)
    with devnet:
        assert Rpc(devnet.url).block(deployment.block) == known


def test_a_state_torn_by_a_kill_is_replaced_by_the_last_whole_one(tmp_path: Path) -> None:
    directory = tmp_path / "chain"
    with Devnet(directory) as devnet:
        devnet.fund(account("owner").address, ETHER)
        deployment = deploy(devnet.url, account("owner"))
        known = Rpc(devnet.url).block(deployment.block)
    whole = (directory / guard.STATE).read_bytes()
    (directory / guard.PREVIOUS).write_bytes(whole)
    for torn in (b"", whole[: len(whole) // 2]):
        (directory / guard.STATE).write_bytes(torn)
        with Devnet(directory) as devnet:
            assert Rpc(devnet.url).block(deployment.block) == known


def test_a_chain_without_any_whole_state_is_not_begun_anew_by_itself(tmp_path: Path) -> None:
    (tmp_path / guard.STATE).write_text('{"blocks": [')
    with pytest.raises(StoreUnavailable, match="whole"):
        Devnet(tmp_path).start()


def test_copies_are_only_made_of_whole_states(tmp_path: Path) -> None:
    source, target = tmp_path / "a.json", tmp_path / "b.json"
    source.write_text('{"n": 1}')
    guard.copy(source, target)
    source.write_text('{"n": 2')
    guard.copy(source, target)
    assert target.read_text() == '{"n": 1}'


def test_two_chains_never_share_a_directory(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as mine, (tmp_path / "lock").open("w") as other:
        assert guard.locked(mine, 0)
        assert not guard.locked(other, 0)


def test_anvil_ends_and_saves_its_state_when_its_owner_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from ledger.chain.devnet import Devnet\n"
        "devnet = Devnet(Path(sys.argv[1]), mining=False).start()\n"
        "from ledger.chain.rpc import Rpc; Rpc(devnet.url).request('anvil_mine', '0x7')\n"
        "print(devnet.pid, flush=True); time.sleep(60)\n"
    )
    owner = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program, str(tmp_path / "chain")], stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        anvil = int(owner.stdout.readline())
        owner.kill()
    assert wait_until(lambda: is_gone(anvil))
    with Devnet(tmp_path / "chain", mining=False) as devnet:
        assert int(Rpc(devnet.url).request("eth_blockNumber"), 16) == 7
