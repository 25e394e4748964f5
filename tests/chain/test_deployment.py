"""A deployment is named exactly, and deploying puts all three contracts on chain."""

from dataclasses import replace

import pytest

from contracts import artifact
from ledger.chain.calls import ACCREDITOR_ROLE, ADMIN_ROLE, DIRECTORY, encode
from ledger.chain.deployment import Deployment, deploy
from ledger.errors import ChainUnreachable, InvalidInput
from tests.chain.conftest import ETHER, Chain, account

GOOD = {
    "chain_id": 31337,
    "registry": account("a").address,
    "directory": account("b").address,
    "anchor": account("c").address,
    "block": 1,
}


def test_json_goes_round() -> None:
    assert Deployment.from_json(GOOD).to_json() == GOOD


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        GOOD | {"more": 1},
        {key: value for key, value in GOOD.items() if key != "block"},
        GOOD | {"chain_id": True},
        GOOD | {"chain_id": "31337"},
        GOOD | {"chain_id": 0},
        GOOD | {"block": -1},
        GOOD | {"block": 1.0},
        GOOD | {"anchor": 7},
        GOOD | {"anchor": account("c").address.lower()},
    ],
)
def test_any_other_json_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        Deployment.from_json(value)


def test_the_code_on_chain_is_that_of_the_artifacts(chain: Chain) -> None:
    places = {
        "ConsentRegistry": chain.deployment.registry,
        "ParticipantDirectory": chain.deployment.directory,
        "CheckpointAnchor": chain.deployment.anchor,
    }
    for name, address in places.items():
        compiled, code = artifact(name), bytearray(chain.rpc.code(address))
        for where in compiled.immutable_references.values():
            for start, length in where:
                code[start : start + length] = bytes(length)
        assert bytes(code) == compiled.deployed_bytecode
    assert not chain.rpc.logs(0, chain.deployment.block - 1, chain.deployment.addresses)


def test_the_directory_belongs_to_whom_it_was_deployed_for(chain: Chain) -> None:
    chain.automine(True)
    other = deploy(chain.devnet.url, chain.owner, owner=account("council").address)
    held = [
        bool(
            int.from_bytes(
                chain.rpc.call(where.directory, encode(DIRECTORY, "hasRole", ADMIN_ROLE, who)), "big"
            )
        )
        for where in (chain.deployment, other)
        for who in (chain.owner.address, account("council").address)
    ]
    assert held == [True, False, False, True]
    role = chain.rpc.call(other.directory, encode(DIRECTORY, "ACCREDITOR_ROLE"))
    assert role == ACCREDITOR_ROLE
    assert other != replace(chain.deployment, block=other.block)


def test_who_cannot_pay_cannot_deploy(chain: Chain) -> None:
    chain.devnet.fund(account("pauper").address, 1)
    with pytest.raises(ChainUnreachable):
        deploy(chain.devnet.url, account("pauper"))


def test_a_chain_that_stands_still_is_given_up(chain: Chain) -> None:
    chain.devnet.fund(account("patient").address, ETHER)
    with pytest.raises(ChainUnreachable) as refused:
        deploy(chain.devnet.url, account("patient"), patience=0.2)
    assert refused.value.reason == "not_mined"
