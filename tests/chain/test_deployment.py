"""A deployment is named exactly, and its file never loses another one."""

import stat
from pathlib import Path

import pytest

from ledger.chain.calls import ACCREDITOR_ROLE, ADMIN_ROLE, DIRECTORY, encode
from ledger.chain.deploying import deploy
from ledger.chain.deployment import Deployment, read, write
from ledger.errors import Conflict, InvalidInput, NotFound
from tests.chain.conftest import Chain, account

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
    assert other.directory != chain.deployment.directory
    assert (other.registry, other.anchor) == (chain.deployment.registry, chain.deployment.anchor)


def test_a_file_holds_what_was_written_and_may_be_read_by_anyone(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    assert write(path, Deployment.from_json(GOOD))
    assert read(path).to_json() == GOOD
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_bytes().endswith(b"}\n")


def test_the_same_content_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    write(path, Deployment.from_json(GOOD))
    before = path.stat()
    assert not write(path, Deployment.from_json(GOOD))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_earlier_first_block_is_written_and_a_later_one_only_if_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    write(path, Deployment.from_json(GOOD | {"block": 7}))
    assert write(path, Deployment.from_json(GOOD | {"block": 3}))
    with pytest.raises(Conflict) as refused:
        write(path, Deployment.from_json(GOOD | {"block": 4}))
    assert refused.value.reason == "earlier_block"
    assert read(path).block == 3
    assert write(path, Deployment.from_json(GOOD | {"block": 4}), replace=True)
    assert read(path).block == 4


@pytest.mark.parametrize("change", [{"registry": account("d").address}, {"chain_id": 5}])
def test_other_contracts_are_forgotten_only_if_asked_to(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "deployment.json"
    write(path, Deployment.from_json(GOOD))
    other = Deployment.from_json(GOOD | change)
    with pytest.raises(Conflict):
        write(path, other)
    assert read(path).to_json() == GOOD
    assert write(path, other, replace=True)
    assert read(path) == other


def test_a_file_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text('{"mine": 1}')
    with pytest.raises(InvalidInput):
        write(path, Deployment.from_json(GOOD))
    assert path.read_text() == '{"mine": 1}'


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{", b'{"mine": 1}', b"[" * 100])
def test_a_file_that_names_no_deployment_is_itself_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"notes\.json") as refused:
        read(path)
    assert refused.value.reason == "bad_deployment"


def test_a_directory_that_is_missing_or_in_the_files_place_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        write(tmp_path / "missing" / "deployment.json", Deployment.from_json(GOOD))
    assert refused.value.reason == "directory_missing"
    for attempt in (lambda: write(tmp_path, Deployment.from_json(GOOD)), lambda: read(tmp_path)):
        with pytest.raises(InvalidInput, match="is a directory"):
            attempt()
    with pytest.raises(NotFound):
        read(tmp_path / "missing" / "deployment.json")
