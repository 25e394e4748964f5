"""Names of things: one spelling each."""

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from ledger import ids
from ledger.errors import InvalidInput

ADDRESS = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_spelled_as_eip_55_says(raw: bytes) -> None:
    expected = str(to_checksum_address(raw))
    assert str(ids.address_from_bytes(raw)) == expected
    assert str(ids.parse_address(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        ADDRESS.lower(),
        ADDRESS.upper(),
        ADDRESS[:-1],
        ADDRESS + "0",
        ADDRESS[2:],
        ADDRESS.replace("E", "e", 1),
        " " + ADDRESS,
        "",
    ],
)
def test_another_spelling_of_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        ids.parse_address(text)


@pytest.mark.parametrize("size", [0, 19, 21, 32])
def test_an_address_has_20_bytes(size: int) -> None:
    with pytest.raises(InvalidInput):
        ids.address_from_bytes(bytes(size))


def test_a_did_names_chain_and_account() -> None:
    did = ids.did_of(31337, ids.Address(ADDRESS))
    assert did == f"did:pkh:eip155:31337:{ADDRESS}"
    assert ids.parse_did(did) == (31337, ADDRESS)


@pytest.mark.parametrize(
    "text",
    [
        f"did:pkh:eip155:0:{ADDRESS}",
        f"did:pkh:eip155:031337:{ADDRESS}",
        f"did:pkh:eip155:31337:{ADDRESS.lower()}",
        f"did:pkh:eip155:+1:{ADDRESS}",
        f"did:pkh:eip155:٣:{ADDRESS}",
        f"did:pkh:solana:1:{ADDRESS}",
        f"did:pkh:eip155:1:{ADDRESS}\n",
    ],
)
def test_another_spelling_of_a_did_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        ids.parse_did(text)


@given(st.binary(min_size=32, max_size=32))
def test_32_bytes_have_one_text(raw: bytes) -> None:
    assert ids.parse_word(ids.word(raw)) == raw


@pytest.mark.parametrize(
    "text", ["0x" + "A" * 64, "0x" + "a" * 63, "a" * 64, "0x" + "a" * 65, "0x" + "g" * 64]
)
def test_another_spelling_of_32_bytes_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        ids.parse_consent_id(text)


@given(st.binary(min_size=17, max_size=17))
def test_a_request_id_parses_and_keeps_130_bits(entropy: bytes) -> None:
    request = ids.request_id(entropy)
    assert ids.parse_request_id(request) == request
    flipped = bytes([*entropy[:-1], entropy[-1] ^ 1])
    assert ids.request_id(flipped) != request


@pytest.mark.parametrize("text", ["rq_", "rq_" + "0" * 25, "rq_" + "i" * 26, "RQ_" + "0" * 26])
def test_another_spelling_of_a_request_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        ids.parse_request_id(text)
