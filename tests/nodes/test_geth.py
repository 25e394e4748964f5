"""What reaches the chain works with geth as with anvil: deploying, verifying, relaying, following."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as EthAccount

from ledger.chain import calls
from ledger.chain.create2 import PROXY_CREATION
from ledger.chain.deploying import deploy
from ledger.chain.deployment import read
from ledger.chain.events import Recorded, Revoked
from ledger.chain.facts import Receipt
from ledger.chain.follower import Follower
from ledger.chain.index import ChainState
from ledger.chain.presence import first_block
from ledger.chain.reader import read_chain
from ledger.chain.relayer import Relayer
from ledger.chain.sending import send
from ledger.crypto.identity import Account
from ledger.crypto.typed import Revocation, consent_digest, consent_domain
from ledger.crypto.web3keystore import Web3Keystore
from ledger.errors import ChainUnreachable, Forbidden, InvalidInput
from ledger.ids import Address, consent_id
from ledger.keccak import keccak256
from ledger.store.chain import ChainStore
from ledger.store.database import Database, upgrade
from ledger.store.relay import RelayStore
from tests.network import eventually
from tests.nodes.geth import CHAIN_ID, Geth

ETHER = 10**18
PAYER = Account.from_key(keccak256(b"payer"))
CONTROLLER = Account.from_key(keccak256(b"controller"))
NAMES = ["ConsentRegistry", "ParticipantDirectory", "CheckpointAnchor"]
TERMS, UNTIL = keccak256(b"terms"), 2**40 - 1


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


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    upgrade(url)
    found = Database(url)
    yield found
    found.close()


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


def test_refusals_of_the_contracts_are_understood(geth: Geth) -> None:
    geth.fund(PAYER.address, ETHER)
    deployment = deploy(geth.url, PAYER)
    with pytest.raises(Forbidden):
        geth.rpc.simulate(
            CONTROLLER.address,
            deployment.directory,
            calls.grant_role(role=calls.ACCREDITOR_ROLE, account=CONTROLLER.address),
        )
    granting = calls.grant_role(role=calls.ACCREDITOR_ROLE, account=PAYER.address)
    assert sent(geth, deployment.directory, granting).succeeded
    with pytest.raises(InvalidInput, match="ended already"):
        sent(geth, deployment.registry, calls.record(epoch=0, terms_hash=TERMS, until=1))


def sent(geth: Geth, to: Address, data: bytes) -> Receipt:
    """One transaction by the payer."""
    there = bytes.fromhex(to[2:])
    return send(geth.rpc, PAYER, chain_id=CHAIN_ID, to=there, data=data, gas=300_000, patience=60.0)


def test_a_relayed_consent_becomes_active_then_final_and_is_stopped_for_good(
    geth: Geth, database: Database
) -> None:
    geth.fund(PAYER.address, ETHER)
    deployment = deploy(geth.url, PAYER)
    domain = consent_domain(CHAIN_ID, deployment.registry)
    signed = consent_digest(domain, controller=CONTROLLER.address, epoch=0, terms_hash=TERMS, until=UNTIL)
    consent = consent_id(signed)
    relayer = Relayer(geth.rpc, RelayStore(database), PAYER, CHAIN_ID, lambda: datetime.now(UTC))
    follower = Follower(geth.rpc, deployment, ChainStore(database), lambda: datetime.now(UTC))

    def reaches(state: ChainState, level: str) -> None:
        def holds() -> bool:
            relayer.step()
            follower.step()
            return follower.index.state(consent, level) is state

        eventually(holds)

    relayer.submit(
        None,
        kind="recording",
        subject=consent,
        to=deployment.registry,
        data=calls.record_signed(
            controller=CONTROLLER.address,
            epoch=0,
            terms_hash=TERMS,
            until=UNTIL,
            signature=CONTROLLER.sign(signed),
        ),
    )
    reaches(ChainState.ACTIVE, "seen")
    reaches(ChainState.ACTIVE, "final")
    revocation = Revocation(consent=bytes.fromhex(consent[2:])).digest(domain)
    relayer.submit(
        None,
        kind="revocation",
        subject=consent,
        to=deployment.registry,
        data=calls.revoke_with_preimage(
            controller=CONTROLLER.address,
            epoch=0,
            terms_hash=TERMS,
            until=UNTIL,
            signature=CONTROLLER.sign(revocation),
        ),
        urgent=True,
    )
    reaches(ChainState.ENDED, "seen")
    reaches(ChainState.ENDED, "final")
    events = read_chain(geth.rpc, deployment).events()
    assert [type(event) for event in events if isinstance(event, Recorded | Revoked)] == [Recorded, Revoked]
    assert geth.rpc.nonce(PAYER.address) == 5
