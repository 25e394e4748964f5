"""Deploying from the command line with geth; what else is the same as with anvil is in `tests/behaviours`."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as EthAccount

from ledger.chain.create2 import PROXY_CREATION
from ledger.chain.deployment import read
from ledger.chain.presence import first_block
from ledger.crypto.identity import Account
from ledger.crypto.web3keystore import Web3Keystore
from ledger.errors import ChainUnreachable
from ledger.keccak import keccak256
from tests.nodes.geth import CHAIN_ID, Geth

ETHER = 10**18
PAYER = Account.from_key(keccak256(b"payer"))
NAMES = ["ConsentRegistry", "ParticipantDirectory", "CheckpointAnchor"]


@pytest.fixture
def keystore(geth: Geth, tmp_path: Path) -> Path:
    """A wallet's keystore, of an account that has ether, and its passphrase beside it."""
    geth.fund(PAYER.address, ETHER)
    path = tmp_path / "payer.json"
    path.write_text(
        json.dumps(EthAccount.encrypt(keccak256(b"payer"), "secret", kdf="pbkdf2", iterations=10))
    )
    (tmp_path / "passphrase").touch(mode=0o600)
    (tmp_path / "passphrase").write_text("secret\n")
    return path


def command(keystore: Path, *words: str) -> list[str]:
    """`consent contracts …` as a command line, for a home in the keystore's folder."""
    there = keystore.parent
    given = ["--home", str(there / "home"), "--passphrase-file", str(there / "passphrase")]
    return [sys.executable, "-m", "cli", *given, "contracts", *words]


def deploying(geth: Geth, keystore: Path, *more: str) -> list[str]:
    words = ["deploy", "--network", geth.url, "--account", str(keystore)]
    return command(keystore, *words, "--output", str(deployed_file(keystore)), *more)


def deployed_file(keystore: Path) -> Path:
    return keystore.parent / "deployment.json"


def answer(words: list[str]) -> dict[str, Any]:
    """What a command answers that ends well."""
    ran = subprocess.run([*words, "--json"], capture_output=True, check=False, timeout=120)  # noqa: S603
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    found = json.loads(ran.stdout)
    assert isinstance(found, dict)
    return found


def test_deployed_verified_and_not_sent_again(geth: Geth, keystore: Path) -> None:
    planned = answer(deploying(geth, keystore, "--dry-run"))
    assert [step["name"] for step in planned["steps"]] == NAMES
    assert geth.rpc.nonce(PAYER.address) == 0
    first = answer(deploying(geth, keystore, "--yes"))
    assert first["deployment"]["chain_id"] == CHAIN_ID
    assert [one["address"] for one in planned["contracts"]] == [
        first["deployment"][role] for role in ("registry", "directory", "anchor")
    ]
    assert ETHER - geth.rpc.balance(PAYER.address) <= int(planned["most"])
    named = ["--deployment", str(deployed_file(keystore)), "--owner", PAYER.address]
    verified = answer(command(keystore, "verify", "--rpc", geth.url, "--artifacts", *named))
    assert verified["owners"] == [PAYER.address]
    assert len(verified["checks"]) == 8
    again = answer(deploying(geth, keystore))
    assert again == {**first, "sent": [], "written": False}
    assert geth.rpc.nonce(PAYER.address) == 3
    assert first_block(geth.rpc, read(deployed_file(keystore)).addresses) == first["deployment"]["block"]


@pytest.mark.parametrize("step", NAMES[:2])
def test_killed_as_soon_as_something_was_sent_it_goes_on(geth: Geth, keystore: Path, step: str) -> None:
    with subprocess.Popen(  # noqa: S603 - our own program
        deploying(geth, keystore, "--yes"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith(f"Sending: {step}") for line in process.stderr)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not deployed_file(keystore).exists()
    sent = answer(deploying(geth, keystore, "--yes"))["sent"]
    assert [one["step"] for one in sent] in (NAMES[NAMES.index(step) :], NAMES[NAMES.index(step) + 1 :])
    assert geth.rpc.nonce(PAYER.address) == 3


def test_the_keystore_of_the_node_itself_opens(geth: Geth) -> None:
    (path,) = geth.keystores
    keystore = Web3Keystore.parse(path.read_bytes())
    assert keystore.address is not None
    assert keystore.unlock("").address == keystore.address
    assert geth.rpc.balance(keystore.address) > ETHER


def test_it_takes_no_transaction_without_a_chain_id(geth: Geth) -> None:
    with pytest.raises(ChainUnreachable) as refused:
        geth.rpc.send_raw(PROXY_CREATION)
    assert refused.value.reason == "rpc_error"
