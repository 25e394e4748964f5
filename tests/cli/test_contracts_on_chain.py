"""`consent contracts deploy` and `verify`, as a user runs them, on a chain of their own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from eth_account import Account as EthAccount

from cli import nodes
from contracts import artifact
from ledger.chain.blueprint import Blueprint
from ledger.chain.create2 import PROXY
from ledger.chain.deployment import Deployment, read
from ledger.chain.devnet import Devnet
from ledger.chain.planning import in_ether, make_plan
from ledger.chain.rpc import Rpc
from ledger.client.files import locked
from ledger.crypto.identity import Account
from ledger.keccak import keccak256
from tests.cli.support import Consent, Ran
from tests.network import eventually

pytestmark = pytest.mark.chain

ETHER = 10**18
PAYER = Account.from_key(keccak256(b"payer"))
COUNCIL = Account.from_key(keccak256(b"council")).address
PASSPHRASE = "correct horse battery staple"
NAMES = ["ConsentRegistry", "ParticipantDirectory", "CheckpointAnchor"]


class Shore:
    """A chain, a payer's keystore, and the commands between them."""

    def __init__(self, consent: Consent, devnet: Devnet, rpc: Rpc, directory: Path) -> None:
        self.consent, self.devnet, self.rpc = consent, devnet, rpc
        self.file = directory / "deployment.json"
        self.keystore = directory / "payer.json"
        self.keystore.write_text(
            json.dumps(EthAccount.encrypt(keccak256(b"payer"), PASSPHRASE, kdf="pbkdf2", iterations=10))
        )

    def words(self, *more: str | Path) -> list[str]:
        given = ["contracts", "deploy", "--network", self.devnet.url, "--account", self.keystore]
        return [str(word) for word in (*given, "--output", self.file, *more)]

    def deploy(self, *more: str | Path) -> Ran:
        return self.consent(*self.words(*more))

    def verify(self, *more: str | Path) -> Ran:
        return self.consent(
            "contracts", "verify", "--rpc", self.devnet.url, "--deployment", self.file, "--artifacts", *more
        )

    @property
    def sent(self) -> int:
        return self.rpc.nonce(PAYER.address)


@pytest.fixture
def shore(consent: Consent, tmp_path: Path) -> Iterator[Shore]:
    with Devnet(tmp_path / "chain", mining=False) as devnet, closing(Rpc(devnet.url)) as rpc:
        rpc.request("evm_setAutomine", True)
        devnet.fund(PAYER.address, ETHER)
        yield Shore(consent, devnet, rpc, tmp_path)


def test_a_dry_run_shows_everything_asks_for_no_passphrase_and_changes_nothing(
    shore: Shore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONSENT_PASSPHRASE_FILE")
    ran = shore.deploy("--dry-run", "--json")
    assert ran.code == 0, ran.err
    plan = ran.answer
    assert plan["schema"] == "consent-ledger/cli/deployment-planned/1"
    assert [one["name"] for one in plan["contracts"] if not one["there"]] == NAMES
    assert [step["name"] for step in plan["steps"]] == NAMES
    assert 0 < int(plan["cost"]) < int(plan["most"]) < int(plan["balance"]) == ETHER
    assert plan["affordable"]
    assert plan["sender"] == plan["owner"] == PAYER.address
    assert shore.sent == 0
    assert not shore.file.exists()
    text = shore.deploy("--dry-run").out
    assert all(one["address"] in text for one in plan["contracts"])
    assert "1 ether" in text
    assert "Nothing was sent." in text


def test_what_was_deployed_is_written_and_verifies(shore: Shore) -> None:
    ran = shore.deploy("--yes", "--json")
    assert ran.code == 0, ran.err
    deployed = ran.answer
    assert deployed["written"]
    assert read(shore.file).to_json() == deployed["deployment"]
    assert [one["step"] for one in deployed["sent"]] == NAMES
    assert all(one["transaction"] in ran.err for one in deployed["sent"])
    verified = shore.verify("--owner", PAYER.address, "--json")
    assert verified.code == 0, verified.out
    answer = verified.answer
    assert answer["ok"]
    assert all(check["ok"] for check in answer["checks"])
    assert answer["owners"] == [PAYER.address]
    assert answer["compared_with"] == "artifacts"


def test_a_second_time_nothing_is_sent_asked_or_changed(
    shore: Shore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shore.deploy("--yes", "--json").answer
    before = shore.file.stat().st_mtime_ns
    monkeypatch.delenv("CONSENT_PASSPHRASE_FILE")
    again = shore.deploy("--json").answer
    assert again == {**first, "sent": [], "written": False}
    assert shore.sent == 3
    assert shore.file.stat().st_mtime_ns == before


def test_verify_compiles_the_sources_unless_told_otherwise(shore: Shore) -> None:
    assert shore.deploy("--yes").code == 0
    ran = shore.consent("contracts", "verify", "--rpc", shore.devnet.url, "--deployment", shore.file)
    assert ran.code == 0, ran.err
    verdict, *rest = ran.out.splitlines()
    assert verdict == "OK. What is deployed on chain 31337 is what the sources give."
    assert rest.index("Proof") > 7
    assert "sources, compiled by solc 0.8." in ran.out


def test_a_missing_compiler_is_said_with_both_ways_out(shore: Shore, monkeypatch: pytest.MonkeyPatch) -> None:
    from contracts import build

    def missing() -> None:
        raise build.CompilerMissing("solc does not start")

    assert shore.deploy("--yes").code == 0
    monkeypatch.setattr(build, "compile_contracts", missing)
    ran = shore.consent(
        "contracts", "verify", "--rpc", shore.devnet.url, "--deployment", shore.file, "--json"
    )
    assert ran.code == 3
    assert ran.answer["error"]["reason"] == "compiler_missing"
    assert "make setup" in ran.answer["error"]["fix"]
    assert "--artifacts" in ran.answer["error"]["fix"]


@pytest.mark.parametrize("immutable", [False, True], ids=["in the code", "in an immutable"])
def test_one_changed_byte_ends_verify_with_10_and_a_precise_finding(shore: Shore, immutable: bool) -> None:
    places = artifact("ConsentRegistry").immutable_references["_cachedChainId"]
    place = places[0][0] if immutable else 0
    assert shore.deploy("--yes").code == 0
    registry = read(shore.file).registry
    code = bytearray(shore.rpc.code(registry))
    code[place] ^= 1
    shore.rpc.request("anvil_setCode", registry, "0x" + code.hex())
    ran = shore.verify()
    assert ran.code == 10
    assert ran.out.startswith("FAILED. 1 of 8 checks did not hold.")
    (finding,) = (line for line in ran.out.splitlines() if line.startswith("  NO"))
    assert "ConsentRegistry" in finding
    assert ("_cachedChainId" if immutable else "the first at 0") in finding


def test_a_wrong_owner_ends_verify_with_10(shore: Shore) -> None:
    assert shore.deploy("--yes", "--owner", COUNCIL).code == 0
    assert shore.verify("--owner", COUNCIL).code == 0
    ran = shore.verify("--owner", PAYER.address)
    assert ran.code == 10
    assert f"{COUNCIL} names accreditors, not {PAYER.address} alone" in ran.out


def test_verify_finds_the_deployment_that_is_kept_for_the_nodes_chain(
    shore: Shore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "kept_file", lambda chain_id: tmp_path / f"{chain_id}.json")
    words = ["contracts", "verify", "--rpc", shore.devnet.url, "--artifacts"]
    unknown = shore.consent(*words, "--json")
    assert unknown.code == 2
    assert unknown.answer["error"]["reason"] == "no_deployment"
    shore.file = tmp_path / "31337.json"
    assert shore.deploy("--yes").code == 0
    assert shore.consent(*words).code == 0


def test_the_profiles_network_is_verified_if_it_is_on_the_nodes_chain(
    shore: Shore, home: Path, network: Path
) -> None:
    assert shore.deploy("--yes").code == 0
    content = json.loads(network.read_text())
    (home / "stack").mkdir(parents=True)
    content |= {"rpc": shore.devnet.url, "deployment": read(shore.file).to_json()}
    (home / "stack" / "network.json").write_text(json.dumps(content))
    assert shore.consent("contracts", "verify", "--artifacts").code == 0
    words = shore.words("--dry-run")
    words[words.index("--network") + 1] = "devnet"
    assert shore.consent(*words).code == 0


def test_the_steps_that_put_a_missing_proxy_there_are_shown_before(shore: Shore) -> None:
    shore.rpc.request("anvil_setCode", PROXY, "0x")
    shown = shore.deploy("--dry-run").out.splitlines()
    steps = shown[shown.index("To be sent:") + 1 :]
    assert steps[0].startswith("  funding of the proxy's creator")
    assert steps[0].endswith("21,000 gas and 0.01 ether")
    assert "deployment proxy" in steps[1]
    assert "public knowledge" in steps[1]
    assert shore.deploy("--yes").code == 0
    assert shore.sent == 4


def test_who_cannot_pay_is_told_how_much_is_missing_and_nothing_is_sent(shore: Shore) -> None:
    shore.devnet.fund(PAYER.address, 10**15)
    ran = shore.deploy("--yes", "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "insufficient_funds"
    assert "NOT ENOUGH" in ran.err
    assert shore.sent == 0
    planned = shore.deploy("--dry-run", "--json")
    assert planned.code == 0
    assert not planned.answer["affordable"]
    lacking = in_ether(int(planned.answer["most"]) - 10**15)
    assert planned.answer["notes"] == [f"Send {lacking} ether to {PAYER.address} first."]
    assert f"Note: Send {lacking} ether" in shore.deploy("--dry-run").out


def test_a_wrong_passphrase_sends_nothing(shore: Shore, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("incorrect horse\n")
    ran = shore.deploy("--yes", "--passphrase-file", wrong)
    assert ran.code == 4
    assert "KeyLocked" not in ran.err
    assert shore.sent == 0
    assert not shore.file.exists()


def test_without_a_terminal_nothing_is_sent_unless_agreed_to(shore: Shore) -> None:
    ran = shore.deploy()
    assert ran.code == 5
    assert "--yes" in ran.err
    assert Blueprint.of(PAYER.address).registry.address in ran.err
    assert shore.sent == 0


def test_a_named_network_is_refused_on_a_node_of_another_chain(shore: Shore) -> None:
    words = shore.words("--yes", "--rpc", shore.devnet.url, "--json")
    words[words.index("--network") + 1] = "sepolia"
    ran = shore.consent(*words)
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "wrong_chain"
    assert "sepolia is chain 11155111" in ran.answer["error"]["message"]
    words[words.index("sepolia")] = "devnet"
    assert shore.consent(*words).code == 0


@pytest.mark.parametrize(
    ("network", "more", "reason"),
    [
        ("mainnet", [], "unknown_network"),
        ("sepolia", [], "no_node"),
        ("devnet", [], "no_node"),
        ("ftp://127.0.0.1", [], "bad_url"),
        ("http://127.0.0.1:9", ["--rpc", "http://127.0.0.1:9"], "two_nodes"),
        ("http://127.0.0.1:9", [], "no_answer"),
    ],
)
def test_what_cannot_be_a_network_is_refused(
    shore: Shore, network: str, more: list[str], reason: str
) -> None:
    words = shore.words("--yes", "--json", *more)
    words[words.index("--network") + 1] = network
    ran = shore.consent(*words)
    assert ran.code == (3 if reason == "no_answer" else 2)
    assert ran.answer["error"]["reason"] == reason


def test_other_keystores_are_refused(shore: Shore) -> None:
    shore.keystore.write_text('{"format":"consent-ledger/keystore/1"}')
    ran = shore.deploy("--yes", "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "bad_keystore"
    shore.keystore.unlink()
    assert shore.deploy("--yes", "--json").answer["error"]["reason"] == "file_missing"


def test_a_keystore_that_does_not_name_its_account_is_unlocked_first(shore: Shore) -> None:
    content = json.loads(shore.keystore.read_text())
    del content["address"]
    shore.keystore.write_text(json.dumps(content))
    planned = shore.deploy("--dry-run", "--json")
    assert planned.answer["sender"] == PAYER.address
    assert "payer.json does not say whose key it holds" in planned.err
    assert shore.deploy("--yes").code == 0


def test_a_file_that_names_other_contracts_is_kept_unless_they_may_be_forgotten(shore: Shore) -> None:
    assert shore.deploy("--yes", "--owner", COUNCIL).code == 0
    before = shore.file.read_bytes()
    ran = shore.deploy("--yes", "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "other_deployment"
    planned = shore.deploy("--dry-run", "--json")
    assert planned.code == 0
    assert "names other contracts" in planned.answer["notes"][0]
    assert shore.sent == 3
    assert shore.file.read_bytes() == before
    assert shore.deploy("--yes", "--replace").code == 0
    assert shore.sent == 4
    assert shore.file.read_bytes() != before


def test_where_no_file_can_be_nothing_is_sent(shore: Shore) -> None:
    kept = shore.file
    for file, reason in (
        (kept.parent / "missing" / "one.json", "directory_missing"),
        (kept.parent, "is_a_directory"),
    ):
        shore.file = file
        ran = shore.deploy("--yes", "--json")
        assert ran.code == 2
        assert ran.answer["error"]["reason"] == reason
    assert shore.sent == 0


def test_a_broken_file_of_what_was_signed_is_named(shore: Shore, home: Path) -> None:
    path = home / "deploying" / f"31337-{PAYER.address}.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    ran = shore.deploy("--yes", "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "bad_intents"
    assert str(path) in ran.answer["error"]["message"]
    assert shore.sent == 0


def test_two_deployments_from_one_account_do_not_run_at_once(shore: Shore, home: Path) -> None:
    lock = home / "deploying" / f"31337-{PAYER.address}.lock"
    lock.parent.mkdir(parents=True)
    with locked(lock, patience=0, clock=time.monotonic, pause=time.sleep):
        ran = shore.deploy("--yes", "--json")
    assert ran.code == 3
    assert ran.answer["error"]["reason"] == "deployment_busy"
    assert "another 'consent contracts deploy'" in ran.answer["error"]["message"]
    assert shore.sent == 0


@pytest.mark.parametrize("silent", [True, False], ids=["where nobody answers", "where no node answers"])
def test_the_path_of_a_nodes_url_is_never_shown(shore: Shore, silent: bool) -> None:
    url = "http://127.0.0.1:9/v3/hidden" if silent else f"{shore.devnet.url}/v3/hidden"
    deploy = [url if word == shore.devnet.url else word for word in shore.words()]
    verify = ["contracts", "verify", "--rpc", url, "--deployment", shore.file, "--artifacts"]
    for words in (deploy, verify):
        ran = shore.consent(*words, "-v")
        assert ran.code == 3
        assert "Traceback" in ran.err
        assert "hidden" not in ran.out + ran.err


def test_in_a_checkout_the_file_is_that_of_the_chain_elsewhere_it_must_be_named(
    shore: Shore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in shore.words("--dry-run", "--json") if word not in ("--output", str(shore.file))]
    assert shore.consent(*words).answer["file"].endswith("contracts/deployments/31337.json")
    monkeypatch.setattr(nodes, "kept_file", lambda chain_id: tmp_path / "a" / "b" / f"{chain_id}.json")
    assert shore.consent(*words).answer["error"]["reason"] == "output_needed"


def test_contracts_that_somebody_else_has_deployed_are_taken_over_with_their_first_block(
    shore: Shore,
) -> None:
    first = shore.deploy("--yes", "--json").answer["deployment"]
    shore.file.unlink()
    shore.rpc.request("anvil_mine", "0x14")
    again = shore.deploy("--json").answer
    assert (again["deployment"], again["sent"]) == (first, [])
    assert "notes" not in again or not again["notes"]


def test_where_the_node_cannot_tell_the_first_block_it_is_0_or_what_is_said(shore: Shore) -> None:
    first = shore.deploy("--yes", "--json").answer["deployment"]
    shore.rpc.request("anvil_mine", hex(400))
    known = shore.deploy("--json").answer
    assert known["deployment"] == first
    assert "--block" in known["notes"][0]
    late = shore.deploy("--block", "200", "--json")
    assert (late.code, late.answer["error"]["reason"]) == (2, "earlier_block")
    assert read(shore.file).to_json() == first
    shore.file.unlink()
    assert shore.deploy("--json").answer["deployment"]["block"] == 0
    said = shore.deploy("--block", "1", "--replace", "--json").answer
    assert said["deployment"]["block"] == read(shore.file).block == 1
    assert "before block 1 was not checked" in said["notes"][0]
    notes = shore.verify("--json").answer["notes"]
    assert "was not checked" in notes[0]


def test_an_earlier_block_in_the_file_stays_unless_it_may_be_forgotten(shore: Shore) -> None:
    first = shore.deploy("--yes", "--json").answer["deployment"]
    shore.file.write_text(json.dumps({**first, "block": 0}))
    kept = shore.deploy("--json").answer
    assert kept["deployment"]["block"] == read(shore.file).block == 0
    assert f"although {first['block']} would do" in kept["notes"][0]
    assert shore.deploy("--replace", "--json").answer["deployment"] == first


def test_final_is_waited_for_if_asked_to(shore: Shore) -> None:
    shore.rpc.request("evm_setIntervalMining", 1)
    ran = shore.deploy("--yes", "--wait", "final", "--json")
    assert ran.code == 0, ran.err
    assert ran.answer["final"]
    final = shore.rpc.block("finalized")
    assert final is not None
    assert final.number >= ran.answer["deployment"]["block"]


def test_a_multisig_is_recommended_on_any_chain_but_ones_own(consent: Consent, tmp_path: Path) -> None:
    with Devnet(tmp_path / "chain") as devnet, closing(Rpc(devnet.url)) as rpc:
        shore = Shore(consent, devnet, rpc, tmp_path)
        devnet.fund(PAYER.address, ETHER)
        assert "Note:" not in shore.deploy("--dry-run").out
        assert "Note:" not in shore.deploy("--dry-run", "--owner", COUNCIL).out
        rpc.request("anvil_setChainId", 560048)
        assert "--owner ADDRESS" in shore.deploy("--dry-run").out
        person = shore.deploy("--dry-run", "--owner", COUNCIL).out
        assert f"Note: No contract at {COUNCIL} on this chain: a person's key, not a multisig." in person
        rpc.request("anvil_setCode", COUNCIL, "0x00")
        assert "Note:" not in shore.deploy("--dry-run", "--owner", COUNCIL).out


@pytest.mark.parametrize(
    ("owner", "reason"),
    [("0x" + "00" * 20, "zero_owner"), (COUNCIL.lower(), "bad_address"), ("", "bad_address")],
)
def test_who_cannot_own_the_directory_is_refused_before_anything_else(
    consent: Consent, tmp_path: Path, owner: str, reason: str
) -> None:
    nobody = "http://127.0.0.1:9"
    deploy = ["deploy", "--network", nobody, "--account", tmp_path / "missing.json"]
    for words in (deploy, ["verify", "--rpc", nobody]):
        ran = consent("contracts", *words, "--owner", owner, "--json")
        assert ran.code == 2
        assert ran.answer["error"]["reason"] == reason
        assert ran.answer["error"]["message"].startswith("--owner: ")


def running(shore: Shore) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "cli", *shore.words("--yes")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def next_sent(process: subprocess.Popen[str]) -> str:
    """The step that the process says it has sent next."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Sending: "):
            return line.removeprefix("Sending: ").partition(",")[0]
    raise AssertionError("it has sent nothing more")


def test_killed_between_contracts_it_goes_on_with_what_it_had_signed(shore: Shore) -> None:
    shore.rpc.request("evm_setAutomine", False)
    with running(shore) as process:
        assert next_sent(process) == NAMES[0]
        mined_when_pending(shore, 0)
        assert next_sent(process) == NAMES[1]
        pending(shore, 1)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not shore.file.exists()
    shore.rpc.request("evm_mine")
    shore.rpc.request("evm_setAutomine", True)
    ran = shore.deploy("--yes", "--json")
    assert ran.code == 0, ran.err
    assert [one["step"] for one in ran.answer["sent"]] == NAMES[2:]
    assert shore.sent == 3
    assert read(shore.file).block == first_with_code(shore, read(shore.file))
    assert shore.verify().code == 0


def pending(shore: Shore, count: int) -> None:
    """Wait until the node has the payer's next transaction."""
    eventually(lambda: shore.rpc.nonce(PAYER.address, "pending") > count)


def mined_when_pending(shore: Shore, count: int) -> None:
    pending(shore, count)
    shore.rpc.request("evm_mine")


def first_with_code(shore: Shore, deployment: Deployment) -> int:
    plan = make_plan(
        shore.rpc, sender=PAYER.address, blueprint=Blueprint.of(PAYER.address), owner=PAYER.address
    )
    assert plan.steps == ()
    number = 0
    while shore.rpc.request("eth_getCode", deployment.registry, hex(number)) == "0x":
        number += 1
    return number
