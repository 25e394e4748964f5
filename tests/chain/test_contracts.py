"""Calls, events and index agree with the contracts themselves."""

from dataclasses import fields
from typing import Any

import pytest
from eth_abi.abi import decode as abi_decode
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from contracts import CONTRACTS, artifact
from ledger.chain import calls, events
from ledger.chain.events import Anchored, EncryptionKeySet, Skipped, decode
from ledger.chain.facts import RawLog
from ledger.chain.index import ChainIndex, ChainState, ParticipantState
from ledger.chain.reader import read_chain
from ledger.crypto.identity import Account
from ledger.crypto.typed import EncryptionKey, directory_domain
from ledger.errors import ChainUnreachable, InvalidInput
from ledger.ids import Address, ConsentId, digest, parse_word
from tests.chain.conftest import ETHER, FAR, Chain, account

PATIENT, PROVIDER = account("controller"), account("provider")
WORD = bytes(range(32))
SIGNATURE = bytes(65)
STATES = {0: ChainState.NONE, 1: ChainState.ACTIVE, 2: ChainState.ENDED}

who = PATIENT.address
signed = calls.SignedConsent(controller=who, epoch=3, terms_hash=WORD, until=FAR, signature=SIGNATURE)
ENCODED: list[tuple[bytes, str, str, list[Any]]] = [
    (calls.record(epoch=0, terms_hash=WORD, until=FAR), calls.REGISTRY, "record", [0, WORD, FAR]),
    (
        calls.record_signed(controller=who, epoch=3, terms_hash=WORD, until=FAR, signature=SIGNATURE),
        calls.REGISTRY,
        "recordSigned",
        [(who, 3, WORD, FAR, SIGNATURE)],
    ),
    (
        calls.record_batch([signed, signed]),
        calls.REGISTRY,
        "recordBatch",
        [[(who, 3, WORD, FAR, SIGNATURE), (who, 3, WORD, FAR, SIGNATURE)]],
    ),
    (calls.revoke(ConsentId("0x" + WORD.hex())), calls.REGISTRY, "revoke", [WORD]),
    (
        calls.revoke_signed(consent=ConsentId("0x" + WORD.hex()), signature=SIGNATURE),
        calls.REGISTRY,
        "revokeSigned",
        [WORD, SIGNATURE],
    ),
    (
        calls.revoke_with_preimage(controller=who, epoch=3, terms_hash=WORD, until=FAR, signature=SIGNATURE),
        calls.REGISTRY,
        "revokeWithPreimage",
        [who, 3, WORD, FAR, SIGNATURE],
    ),
    (calls.revoke_all(), calls.REGISTRY, "revokeAll", []),
    (
        calls.revoke_all_signed(controller=who, epoch=3, signature=SIGNATURE),
        calls.REGISTRY,
        "revokeAllSigned",
        [who, 3, SIGNATURE],
    ),
    (calls.admit(participant=who, roles=5, profile=WORD), calls.DIRECTORY, "admit", [who, 5, WORD]),
    (calls.suspend(who), calls.DIRECTORY, "suspend", [who]),
    (calls.reinstate(who), calls.DIRECTORY, "reinstate", [who]),
    (calls.set_key(key=WORD, version=9), calls.DIRECTORY, "setKey", [WORD, 9]),
    (
        calls.set_key_signed(participant=who, key=WORD, version=9, signature=SIGNATURE),
        calls.DIRECTORY,
        "setKeySigned",
        [who, WORD, 9, SIGNATURE],
    ),
    (calls.grant_role(role=WORD, account=who), calls.DIRECTORY, "grantRole", [WORD, who]),
    (calls.revoke_role(role=WORD, account=who), calls.DIRECTORY, "revokeRole", [WORD, who]),
    (
        calls.anchor(old_size=1, new_size=2, root=WORD),
        calls.ANCHOR,
        "anchor",
        [1, 2, WORD],
    ),
]


@pytest.mark.parametrize(("data", "contract", "function", "arguments"), ENCODED)
def test_calldata_is_what_web3_makes_of_the_abi(
    data: bytes, contract: str, function: str, arguments: list[Any]
) -> None:
    bound = Web3().eth.contract(abi=artifact(contract).abi)
    assert "0x" + data.hex() == bound.encode_abi(function, arguments)


def test_arguments_of_other_types_are_refused() -> None:
    with pytest.raises(InvalidInput):
        calls.record(epoch=0, terms_hash=bytes(33), until=FAR)
    with pytest.raises(InvalidInput):
        calls.record(epoch=0, terms_hash=WORD, until=FAR + 1)


def test_every_event_of_ours_is_in_the_abi_and_every_other_is_known_to_be_left_out() -> None:
    declared = {
        f"{item['name']}({','.join(entry['type'] for entry in item['inputs'])})"
        for contract in CONTRACTS
        for item in artifact(contract).abi
        if item["type"] == "event"
    }
    assert declared - set(events.SIGNATURES) == {
        "EIP712DomainChanged()",
        "RoleAdminChanged(bytes32,bytes32,bytes32)",
        "RoleGranted(bytes32,address,address)",
        "RoleRevoked(bytes32,address,address)",
    }
    assert set(events.SIGNATURES) <= declared


def raw(signature: str, topics: list[bytes], data: bytes) -> RawLog:
    return RawLog(
        number=1,
        block_hash=digest(bytes(32)),
        log_index=0,
        address=bytes(20),
        topics=b"".join([bytes(Web3.keccak(text=signature)), *topics]),
        data=data,
        transaction=digest(bytes(32)),
    )


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ([WORD], bytes(64)),
        ([WORD, bytes(32)], bytes(32)),
        ([WORD, bytes(32)], bytes(96)),
        ([WORD, b"\x01" + bytes(31)], bytes(64)),
        ([WORD, bytes(32)], (1 << 16).to_bytes(32, "big") + bytes(32)),
        ([WORD, bytes(32)], bytes(32) + (1 << 40).to_bytes(32, "big")),
    ],
    ids=["topic missing", "word missing", "word too many", "no address", "epoch too big", "until too big"],
)
def test_an_event_that_the_contract_cannot_have_emitted_is_refused(topics: list[bytes], data: bytes) -> None:
    with pytest.raises(ChainUnreachable):
        decode(raw("Recorded(bytes32,address,uint16,uint40)", topics, data))


@given(st.binary(max_size=160), st.binary(max_size=160))
def test_no_bytes_make_the_decoder_fail_otherwise(topics: bytes, data: bytes) -> None:
    log = raw("Anchored(address,uint64,uint64,bytes32)", [topics], data)
    try:
        found = decode(log)
    except ChainUnreachable:
        return
    assert isinstance(found, Anchored)


def view(chain: Chain, contract: str, address: Address, function: str, *arguments: object) -> tuple[Any, ...]:
    entry = next(item for item in artifact(contract).abi if item.get("name") == function)
    answer = chain.rpc.call(address, calls.encode(contract, function, *arguments))
    return abi_decode([output["type"] for output in entry["outputs"]], answer)


def state_of(chain: Chain, consent: ConsentId) -> ChainState:
    registry = chain.deployment.registry
    return STATES[view(chain, calls.REGISTRY, registry, "stateOf", parse_word(consent))[0]]


def test_the_index_says_of_consents_what_the_registry_says(chain: Chain) -> None:
    registry = chain.deployment.registry
    other = account("other controller")
    soon = int(chain.rpc.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 100
    terms = [bytes([number]) * 32 for number in range(7)]
    ids = [chain.id(PATIENT, word) for word in terms[:4]]
    ids += [
        chain.id(PATIENT, terms[4], until=soon),
        chain.id(other, terms[5]),
        chain.id(other, terms[6], epoch=1),
    ]
    items = [chain.consent(PATIENT, word) for word in terms[:2]]
    items += [chain.consent(PATIENT, terms[4], until=soon), chain.consent(other, terms[5])]

    def check() -> list[ChainState]:
        index = read_chain(chain.rpc, chain.deployment)
        expected = [state_of(chain, consent) for consent in ids]
        assert [index.state(consent) for consent in ids] == expected
        for controller in (PATIENT, other):
            epoch = view(chain, calls.REGISTRY, registry, "epochOf", controller.address)[0]
            assert index.epoch_of(controller.address) == epoch
        return expected

    none, active, ended = ChainState.NONE, ChainState.ACTIVE, ChainState.ENDED
    assert check() == [none] * 7
    chain.send(chain.owner, registry, calls.record_batch([*items, items[0]]))
    assert check() == [active, active, none, none, active, active, none]
    revoked, tombstone = ids[1], ids[2]
    signature = chain.revocation(PATIENT, revoked)
    chain.send(chain.owner, registry, calls.revoke_signed(consent=revoked, signature=signature))
    preimage = calls.revoke_with_preimage(
        controller=PATIENT.address,
        epoch=0,
        terms_hash=terms[2],
        until=FAR,
        signature=chain.revocation(PATIENT, tombstone),
    )
    chain.send(chain.owner, registry, preimage)
    chain.send(chain.owner, registry, preimage)
    stop = calls.revoke_all_signed(controller=other.address, epoch=0, signature=chain.stop_all(other, 0))
    chain.send(chain.owner, registry, stop)
    chain.send(chain.owner, registry, calls.record_batch([chain.consent(other, terms[6], epoch=1)]))
    assert check() == [active, ended, ended, none, active, ended, active]
    chain.rpc.request("evm_increaseTime", 200)
    chain.mine()
    assert check() == [active, ended, ended, none, ended, ended, active]
    skipped = [
        event for event in read_chain(chain.rpc, chain.deployment).events() if isinstance(event, Skipped)
    ]
    assert [(event.index, event.consent) for event in skipped] == [(4, ids[0])]
    assert skipped[0].reason == bytes(Web3.keccak(text="AlreadyRecorded(bytes32)"))[:4]


def participant_of(chain: Chain, account_: Account) -> ParticipantState:
    words = view(chain, calls.DIRECTORY, chain.deployment.directory, "participantOf", account_.address)
    return ParticipantState(
        **dict(zip((field.name for field in fields(ParticipantState)), words, strict=True))
    )


def test_the_index_says_of_participants_what_the_directory_says(chain: Chain) -> None:
    directory, who = chain.deployment.directory, PROVIDER.address
    chain.devnet.fund(who, ETHER)
    claim = EncryptionKey(participant=who, key=WORD, version=7)
    domain = directory_domain(chain.deployment.chain_id, directory)
    steps = [
        (chain.owner, calls.grant_role(role=calls.ACCREDITOR_ROLE, account=chain.owner.address)),
        (chain.owner, calls.admit(participant=who, roles=1, profile=WORD)),
        (PROVIDER, calls.set_key(key=bytes([1]) * 32, version=1)),
        (
            chain.owner,
            calls.set_key_signed(
                participant=who, key=WORD, version=7, signature=PROVIDER.sign(claim.digest(domain))
            ),
        ),
        (chain.owner, calls.suspend(who)),
        (chain.owner, calls.reinstate(who)),
        (chain.owner, calls.admit(participant=who, roles=3, profile=bytes([2]) * 32)),
        (chain.owner, calls.suspend(who)),
    ]
    seen: list[ParticipantState | None] = []
    for key, data in steps:
        assert chain.send(key, directory, data).succeeded
        index = read_chain(chain.rpc, chain.deployment)
        seen.append(index.participant(who))
        assert (
            seen[-1]
            or ParticipantState(roles=0, suspended=False, profile=bytes(32), key=bytes(32), key_version=0)
        ) == participant_of(chain, PROVIDER)
    assert seen[0] is None
    assert len(set(seen)) == len(steps) - 1
    keys = [event for event in index.events() if isinstance(event, EncryptionKeySet)]
    assert [event.version for event in keys] == [1, 7]


def test_the_index_says_of_anchors_what_the_contract_says(chain: Chain) -> None:
    anchor = chain.deployment.anchor
    for old, new in ((0, 5), (5, 9), (5, 11)):
        chain.send(chain.owner, anchor, calls.anchor(old_size=old, new_size=new, root=bytes([new]) * 32))
    found = read_chain(chain.rpc, chain.deployment).anchors(chain.owner.address)
    assert [(item.old_size, item.new_size) for item in found] == [(0, 5), (5, 9)]
    size, number, root = view(chain, calls.ANCHOR, anchor, "latestOf", chain.owner.address)
    assert (size, number, root) == (found[-1].new_size, found[-1].number, found[-1].root)


def test_an_older_reading_is_the_state_of_then(chain: Chain) -> None:
    registry = chain.deployment.registry
    receipt = chain.send(chain.owner, registry, calls.record_batch([chain.consent(PATIENT, WORD)]))
    chain.mine(3)
    before: ChainIndex = read_chain(chain.rpc, chain.deployment, receipt.number - 1)
    after = read_chain(chain.rpc, chain.deployment, receipt.number)
    consent = chain.id(PATIENT, WORD)
    assert before.consent(consent) is None
    assert before.head("final") == before.tip
    found = after.consent(consent)
    assert found is not None
    assert (found.recorded_number, found.recorded_hash, found.transaction) == (
        receipt.number,
        receipt.block_hash,
        receipt.transaction,
    )
    between = after.header(receipt.number - 1)
    assert between is not None
    assert between.hash == chain.rpc.block(receipt.number).parent  # type: ignore[union-attr]
