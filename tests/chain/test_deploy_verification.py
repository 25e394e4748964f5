"""Verification finds every byte that is not what was compiled, also where a constructor wrote it."""

from dataclasses import replace

import pytest

from contracts import CONTRACTS, artifact
from ledger.chain.answers import Answer
from ledger.chain.calls import ADMIN_ROLE, grant_role, revoke_role
from ledger.chain.roles import holders
from ledger.chain.verification import Check, Verification, immutables, require_verified, verify
from ledger.crypto.typed import consent_domain, directory_domain
from ledger.errors import VerificationFailed
from ledger.ids import Address
from tests.chain.conftest import Chain, account

REFERENCES = {name: artifact(name) for name in CONTRACTS}
COUNCIL = account("council").address


def verified(chain: Chain, owner: Address | None = None) -> Verification:
    return verify(chain.rpc, chain.deployment, REFERENCES, owner=owner)


def failed(found: Verification) -> list[Check]:
    assert found.ok == all(check.ok for check in found.checks)
    return [check for check in found.checks if not check.ok]


def flip(chain: Chain, address: Address, place: int) -> None:
    """Change one bit of one byte of the code at an address."""
    code = bytearray(chain.rpc.code(address))
    code[place] ^= 0x01
    chain.rpc.request("anvil_setCode", address, "0x" + code.hex())


def test_what_was_deployed_is_what_was_compiled(chain: Chain) -> None:
    found = verified(chain, owner=chain.owner.address)
    assert failed(found) == []
    assert found.owners == [chain.owner.address]
    assert [len(one.code) for one in found.contracts] == [
        len(REFERENCES[one.name].deployed_bytecode) for one in found.contracts
    ]
    require_verified(found)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_changed_byte_of_code_is_found_and_named(chain: Chain, name: str) -> None:
    places = {
        "ConsentRegistry": chain.deployment.registry,
        "ParticipantDirectory": chain.deployment.directory,
        "CheckpointAnchor": chain.deployment.anchor,
    }
    last = len(REFERENCES[name].deployed_bytecode) - 1
    flip(chain, places[name], last)
    (check,) = failed(verified(chain))
    assert check.name == name
    assert f"the first at {last:,}" in check.detail
    with pytest.raises(VerificationFailed, match=name):
        require_verified(verified(chain))


@pytest.mark.parametrize("immutable", sorted(REFERENCES["ConsentRegistry"].immutable_references))
def test_a_changed_byte_within_an_immutable_is_found_and_named(chain: Chain, immutable: str) -> None:
    for name, address in (
        ("ConsentRegistry", chain.deployment.registry),
        ("ParticipantDirectory", chain.deployment.directory),
    ):
        ((start, length),) = REFERENCES[name].immutable_references[immutable]
        flip(chain, address, start + length - 1)
        (check,) = failed(verified(chain))
        assert check.name == f"{name} immutables"
        assert check.detail.startswith(f"{immutable} is 0x")
        flip(chain, address, start + length - 1)


def test_the_values_of_immutables_are_those_that_the_constructor_writes(chain: Chain) -> None:
    deployment = chain.deployment
    for name, domain in (
        ("ConsentRegistry", consent_domain(deployment.chain_id, deployment.registry)),
        ("ParticipantDirectory", directory_domain(deployment.chain_id, deployment.directory)),
    ):
        assert set(immutables(domain)) == set(REFERENCES[name].immutable_references)
        assert all(len(value) == 32 for value in immutables(domain).values())


def test_an_immutable_that_nobody_knows_is_a_finding(chain: Chain) -> None:
    registry = REFERENCES["ConsentRegistry"]
    strange = replace(
        registry, immutable_references={**registry.immutable_references, "_backdoor": ((0, 32),)}
    )
    found = verify(chain.rpc, chain.deployment, {**REFERENCES, "ConsentRegistry": strange})
    assert "_backdoor" in next(check for check in failed(found) if "immutables" in check.name).detail


def test_code_of_another_length_is_found(chain: Chain) -> None:
    code = chain.rpc.code(chain.deployment.anchor)
    chain.rpc.request("anvil_setCode", chain.deployment.anchor, "0x" + code.hex() + "00")
    (check,) = failed(verified(chain))
    assert check.detail == f"{len(code) + 1:,} bytes on chain, {len(code):,} were compiled"


def test_where_the_immutables_of_other_code_would_be_is_not_guessed(chain: Chain) -> None:
    chain.rpc.request("anvil_setCode", chain.deployment.registry, "0x00")
    (check,) = failed(verified(chain))
    assert (check.name, check.detail[:14]) == ("ConsentRegistry", "1 bytes on cha")


def test_no_code_is_found_and_said_with_the_address(chain: Chain) -> None:
    for address in chain.deployment.addresses:
        chain.rpc.request("anvil_setCode", address, "0x")
    details = {check.name: check.detail for check in failed(verified(chain))}
    assert details["ConsentRegistry"] == f"there is no code at {chain.deployment.registry}"
    assert set(details) == {*CONTRACTS, "owner"}


def test_contracts_in_each_others_place_are_found(chain: Chain) -> None:
    there = chain.deployment
    chain.deployment = replace(there, registry=there.directory, directory=there.registry)
    assert {"ConsentRegistry", "ParticipantDirectory", "owner"} <= {
        check.name for check in failed(verified(chain))
    }


def test_another_chain_is_found_by_its_id_and_in_the_immutables(chain: Chain) -> None:
    chain.deployment = replace(chain.deployment, chain_id=11155111)
    assert [check.name for check in failed(verified(chain))] == [
        "chain",
        "ConsentRegistry immutables",
        "ParticipantDirectory immutables",
    ]


def test_a_wrong_owner_is_found_and_the_right_one_named(chain: Chain) -> None:
    (check,) = failed(verified(chain, owner=COUNCIL))
    assert check.name == "owner"
    assert chain.owner.address in check.detail
    assert COUNCIL in check.detail


def test_a_second_owner_is_found_and_one_that_was_dismissed_is_none(chain: Chain) -> None:
    directory, mine = chain.deployment.directory, chain.owner.address
    chain.send(chain.owner, directory, grant_role(role=ADMIN_ROLE, account=COUNCIL))
    assert sorted(verified(chain).owners) == sorted([mine, COUNCIL])
    assert [check.name for check in failed(verified(chain, owner=mine))] == ["owner"]
    chain.send(chain.owner, directory, revoke_role(role=ADMIN_ROLE, account=mine))
    assert verified(chain, owner=COUNCIL).ok
    chain.devnet.fund(COUNCIL, 10**18)
    chain.send(account("council"), directory, revoke_role(role=ADMIN_ROLE, account=COUNCIL))
    assert verified(chain).owners == []
    assert [check.detail for check in failed(verified(chain))] == ["nobody names accreditors"]
    assert failed(verified(chain, owner=COUNCIL))


def span(asked: dict[str, str]) -> int:
    return int(asked["toBlock"], 16) - int(asked["fromBlock"], 16)


def test_roles_are_found_also_by_a_node_that_gives_few_blocks_at_once(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.mine(20)
    ask, refused = chain.rpc.batch, []

    def few(calls: list[tuple[str, tuple[dict[str, str], ...]]]) -> object:
        for method, params in calls:
            if method == "eth_getLogs" and span(params[0]) > 4:
                refused.append(method)
                return [Answer(error=-32005)]
        return ask(calls)

    monkeypatch.setattr(chain.rpc, "batch", few)
    directory = chain.deployment.directory
    assert holders(chain.rpc, directory, ADMIN_ROLE, 20) == [chain.owner.address]
    assert refused


def test_an_owner_from_before_the_first_block_that_a_file_names_is_found(chain: Chain) -> None:
    directory, mine = chain.deployment.directory, chain.owner.address
    chain.send(chain.owner, directory, grant_role(role=ADMIN_ROLE, account=COUNCIL))
    granted = chain.send(chain.owner, directory, revoke_role(role=ADMIN_ROLE, account=mine)).number
    assert verified(chain, owner=COUNCIL).ok
    chain.devnet.fund(COUNCIL, 10**18)
    chain.send(account("council"), directory, grant_role(role=ADMIN_ROLE, account=mine))
    later = chain.rpc.block("latest")
    assert later is not None
    for block in (granted, later.number, later.number + 7):
        chain.deployment = replace(chain.deployment, block=block)
        found = verified(chain, owner=mine)
        assert "owner" in [check.name for check in failed(found)]
        assert sorted(found.owners) == sorted([mine, COUNCIL])


def test_an_owner_is_not_believed_where_the_node_does_not_give_all_events(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = chain.rpc.batch

    def pruned(calls: list[tuple[str, tuple[dict[str, str], ...]]]) -> object:
        if any(method == "eth_getLogs" and int(params[0]["fromBlock"], 16) < 2 for method, params in calls):
            return [Answer(error=-32000)]
        return ask(calls)

    chain.mine(5)
    monkeypatch.setattr(chain.rpc, "batch", pruned)
    (check,) = failed(verified(chain, owner=chain.owner.address))
    assert check.name == "owner"
    assert "does not give the events of block 0" in check.detail
    unasked = verified(chain)
    assert unasked.ok
    assert "owner" not in [check.name for check in unasked.checks]
    assert "was not checked" in unasked.notes[0]


def test_a_first_block_that_is_too_late_is_found(chain: Chain) -> None:
    deployment = chain.deployment
    chain.deployment = replace(deployment, block=deployment.block + 3)
    assert [check.name for check in failed(verified(chain))] == ["first block"]
    chain.deployment = replace(deployment, block=10_000)
    assert any("has not got to block 10000" in check.detail for check in failed(verified(chain)))
    chain.deployment = replace(deployment, block=0)
    assert verified(chain).ok


def test_everything_is_read_as_of_one_block(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    head = chain.rpc.block("latest")
    asked: list[object] = []
    ask = chain.rpc.batch

    def spy(calls: list[tuple[str, tuple[object, ...]]]) -> object:
        asked.extend(params[-1] for method, params in calls if method in {"eth_getCode", "eth_call"})
        return ask(calls)

    monkeypatch.setattr(chain.rpc, "batch", spy)
    found = verified(chain)
    assert found.head == head
    assert set(asked) == {hex(found.head.number), hex(chain.deployment.block - 1)}
