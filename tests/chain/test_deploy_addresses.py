"""Addresses follow from code and owner; and the proxy that makes them is the one that everybody knows."""

import pytest
import rlp  # type: ignore[import-untyped]

from ledger.chain.blueprint import Blueprint
from ledger.chain.create2 import (
    PROXY,
    PROXY_CODE,
    PROXY_CREATION,
    PROXY_CREATOR,
    PROXY_PRICE,
    create2_address,
    require_proxy,
)
from ledger.chain.networks import NETWORKS, network_named, network_of
from ledger.crypto.signatures import recover
from ledger.errors import InvalidInput, VerificationFailed
from ledger.ids import address_from_bytes
from ledger.keccak import keccak256
from tests.chain.conftest import account

ZERO = "00" * 20
DEAD = "deadbeef" + "00" * 16
BEEF = "00" * 16 + "deadbeef"
FEED = "00" * 12 + "feed" + "00" * 18
CAFE = "00" * 28 + "cafebabe"


@pytest.mark.parametrize(
    ("creator", "salt", "init_code", "address"),
    [
        (ZERO, "00" * 32, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        (DEAD, "00" * 32, "00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"),
        (DEAD, FEED, "00", "0xD04116cDd17beBE565EB2422F2497E06cC1C9833"),
        (ZERO, "00" * 32, "deadbeef", "0x70f2b2914A2a4b783FaEFb75f459A580616Fcb5e"),
        (BEEF, CAFE, "deadbeef", "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7"),
        (BEEF, CAFE, "deadbeef" * 11, "0x1d8bfDC5D46DC4f61D6b6115972536eBE6A8854C"),
        (ZERO, "00" * 32, "", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"),
    ],
)
def test_the_examples_of_eip_1014(creator: str, salt: str, init_code: str, address: str) -> None:
    sender = address_from_bytes(bytes.fromhex(creator))
    assert create2_address(sender, bytes.fromhex(salt), bytes.fromhex(init_code)) == address


def test_a_salt_has_32_bytes() -> None:
    with pytest.raises(InvalidInput):
        create2_address(PROXY, b"short", b"")


def test_the_proxys_creation_recovers_to_its_creator_and_creates_the_proxy_for_its_price() -> None:
    nonce, price, gas, to, value, data, v, r, s = rlp.decode(PROXY_CREATION)
    unsigned = rlp.encode([nonce, price, gas, to, value, data])
    assert recover(keccak256(unsigned), r + s + v) == PROXY_CREATOR
    creator = bytes.fromhex(PROXY_CREATOR[2:])
    assert address_from_bytes(keccak256(rlp.encode([creator, nonce]))[12:]) == PROXY
    assert (nonce, to, value) == (b"", b"", b"")
    assert int.from_bytes(price, "big") * int.from_bytes(gas, "big") == PROXY_PRICE
    assert r == s == b"\x22" * 32
    assert data.endswith(PROXY_CODE)


def test_the_proxys_code_is_known_by_its_hash() -> None:
    known = "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    assert keccak256(PROXY_CODE).hex() == known
    require_proxy(PROXY_CODE)
    for other in (b"", PROXY_CODE + b"\0", b"\x60" + PROXY_CODE[1:]):
        with pytest.raises(VerificationFailed):
            require_proxy(other)


def test_only_the_directory_depends_on_the_owner_and_all_depend_on_the_salt() -> None:
    mine, yours = (Blueprint.of(account(name).address) for name in ("mine", "yours"))
    assert mine == Blueprint.of(account("mine").address)
    assert [a == b for a, b in zip(mine.addresses, yours.addresses, strict=True)] == [True, False, True]
    assert not set(mine.addresses) & set(Blueprint.of(account("mine").address, salt=bytes(32)).addresses)


def test_networks_have_different_names_and_chains() -> None:
    assert {network.name: network.chain_id for network in NETWORKS} == {
        "devnet": 31337,
        "sepolia": 11155111,
        "hoodi": 560048,
    }
    for network in NETWORKS:
        assert network_named(network.name) is network_of(network.chain_id, "whatever") is network
        assert network.public == (network.settles == "final")


def test_a_chain_without_a_name_counts_as_public_and_need_not_be_final() -> None:
    found = network_of(1337, "chain 1337")
    assert (found.name, found.public, found.settles) == ("chain 1337", True, "seen")
    with pytest.raises(InvalidInput, match="mainnet"):
        network_named("mainnet")
