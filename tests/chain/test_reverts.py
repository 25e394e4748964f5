"""Every Solidity error is an error of the ledger."""

import pytest

from contracts import CONTRACTS, artifact
from ledger.chain.reverts import MEANINGS, refused
from ledger.keccak import keccak256

ERRORS = {
    entry["name"]: ",".join(parameter["type"] for parameter in entry["inputs"])
    for contract in CONTRACTS
    for entry in artifact(contract).abi
    if entry["type"] == "error"
}


def test_the_map_is_total() -> None:
    assert set(MEANINGS) == set(ERRORS)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_revert_data_gives_its_error(name: str) -> None:
    selector = keccak256(f"{name}({ERRORS[name]})".encode())[:4]
    error = refused(selector + bytes(64))
    assert error is not None
    assert isinstance(error, MEANINGS[name][0])
    assert error.reason.replace("_", "") == name.lower()


@pytest.mark.parametrize("data", [b"", b"\x08\xc3\x79\xa0" + bytes(64), b"\x12\x34"])
def test_other_revert_data_is_no_error_of_ours(data: bytes) -> None:
    assert refused(data) is None
