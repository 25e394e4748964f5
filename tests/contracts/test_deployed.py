"""The artifacts, deployed on a real chain."""

import time

import pytest
from eth_account import Account
from web3 import Web3
from web3.contract import Contract
from web3.logs import DISCARD

from contracts import Artifact, artifact

pytestmark = pytest.mark.chain

UNTIL = 2**40 - 1


def deploy(web3: Web3, name: str, *arguments: object) -> Contract:
    """The contract `name`, deployed by the chain's first account."""
    built, sender = artifact(name), web3.eth.accounts[0]
    factory = web3.eth.contract(abi=built.abi, bytecode=built.bytecode)
    receipt = web3.eth.wait_for_transaction_receipt(
        factory.constructor(*arguments).transact({"from": sender})
    )
    address = receipt["contractAddress"]
    assert address is not None
    return web3.eth.contract(abi=built.abi, address=address)


def without_immutables(code: bytes, built: Artifact) -> bytes:
    cleared = bytearray(code)
    for places in built.immutable_references.values():
        for start, length in places:
            cleared[start : start + length] = bytes(length)
    return bytes(cleared)


@pytest.mark.parametrize("name", ["ConsentRegistry", "ParticipantDirectory", "CheckpointAnchor"])
def test_deployed_code_is_the_artifacts_but_for_its_immutables(web3: Web3, name: str) -> None:
    arguments = [web3.eth.accounts[0]] if name == "ParticipantDirectory" else []
    code = bytes(web3.eth.get_code(deploy(web3, name, *arguments).address))
    built = artifact(name)
    assert without_immutables(code, built) == built.deployed_bytecode
    assert (code != built.deployed_bytecode) == bool(built.immutable_references)


def test_what_the_library_signs_is_recorded_by_a_stranger_and_revoked(web3: Web3) -> None:
    registry = deploy(web3, "ConsentRegistry")
    relayer = list(web3.eth.accounts)[1]
    controller = Account.from_key(Web3.keccak(text="controller"))
    terms = Web3.keccak(text="terms")
    digest = registry.functions.consentIdOf(controller.address, 0, terms, UNTIL).call()
    signature = controller.unsafe_sign_hash(digest).signature
    consent = (controller.address, 0, terms, UNTIL, signature)

    sent = registry.functions.recordBatch([consent, consent]).transact({"from": relayer})
    receipt = web3.eth.wait_for_transaction_receipt(sent)
    (recorded,) = registry.events.Recorded().process_receipt(receipt, errors=DISCARD)
    (skipped,) = registry.events.Skipped().process_receipt(receipt, errors=DISCARD)
    assert recorded["args"] == {"id": digest, "controller": controller.address, "epoch": 0, "until": UNTIL}
    assert skipped["args"]["index"] == 1
    assert skipped["args"]["reason"] == Web3.keccak(text="AlreadyRecorded(bytes32)")[:4]
    assert registry.functions.stateOf(digest).call() == 1

    domain = {"name": "Consent Ledger", "version": "1", "chainId": web3.eth.chain_id}
    signed = controller.sign_typed_data(
        {**domain, "verifyingContract": registry.address},
        {"Revocation": [{"name": "consent", "type": "bytes32"}]},
        {"consent": digest},
    )
    call = registry.functions.revokeWithPreimage(controller.address, 0, terms, UNTIL, signed.signature)
    web3.eth.wait_for_transaction_receipt(call.transact({"from": relayer}))
    assert registry.functions.stateOf(digest).call() == 2


@pytest.mark.parametrize(("act", "most"), [("record", 50_000), ("revoke", 29_000), ("preimage", 31_500)])
def test_a_receipt_shows_no_more_gas_than_promised(web3: Web3, act: str, most: int) -> None:
    registry, sender = deploy(web3, "ConsentRegistry"), web3.eth.accounts[0]
    terms, until = Web3.keccak(text=act), int(time.time()) + 10_000_000
    record = registry.functions.record(0, terms, until)
    digest = record.call({"from": sender})
    calls = {
        "record": record,
        "revoke": registry.functions.revoke(digest),
        "preimage": registry.functions.revokeWithPreimage(sender, 0, terms, until, b""),
    }
    if act != "record":
        web3.eth.wait_for_transaction_receipt(record.transact({"from": sender}))
    receipt = web3.eth.wait_for_transaction_receipt(calls[act].transact({"from": sender}))
    assert receipt["status"] == 1
    assert receipt["gasUsed"] <= most
