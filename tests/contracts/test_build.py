"""The committed artifacts are what the sources give, by whichever of the two toolchains."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contracts import CONTRACTS as NAMES
from contracts import Artifact, artifact, build
from tests.contracts.tools import CONTRACTS, foundry


@pytest.fixture(scope="module")
def compiled() -> dict[str, Artifact]:
    return build.compile_contracts()


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What forge compiles from nothing, into a folder of the test's."""
    folder = tmp_path_factory.mktemp("forge")
    run = foundry(
        "forge", "build", "src", "--out", str(folder / "out"), "--cache-path", str(folder / "cache")
    )
    assert run.returncode == 0, run.stderr
    return {
        name: json.loads((folder / "out" / f"{name}.sol" / f"{name}.json").read_bytes()) for name in NAMES
    }


@pytest.fixture
def anchor_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy with one contract, quick to compile, for the build to look at instead."""
    for name in ("foundry.toml", "solc", "src/CheckpointAnchor.sol", "src/ICheckpointAnchor.sol"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CONTRACTS / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(CONTRACTS / "node_modules")
    (tmp_path / "artifacts").mkdir()
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "ARTIFACTS", tmp_path / "artifacts")
    monkeypatch.setattr(build, "CONTRACTS", ("CheckpointAnchor",))
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_artifact_is_byte_for_byte_what_py_solc_x_gives(name: str, compiled: dict[str, Artifact]) -> None:
    assert (CONTRACTS / "artifacts" / f"{name}.json").read_bytes() == compiled[name].to_json()


@pytest.mark.parametrize("name", NAMES)
def test_forge_gives_the_same_bytecode_and_interface(name: str, forged: dict[str, Any]) -> None:
    ours, theirs = artifact(name), forged[name]
    assert "0x" + ours.bytecode.hex() == theirs["bytecode"]["object"]
    assert "0x" + ours.deployed_bytecode.hex() == theirs["deployedBytecode"]["object"]
    assert sorted(map(_canonical, ours.abi)) == sorted(map(_canonical, theirs["abi"]))


def test_there_is_an_artifact_for_every_contract_and_no_other() -> None:
    interfaces = {path.stem[1:] for path in (CONTRACTS / "src").glob("I[A-Z]*.sol")}
    implementations = {name for name in interfaces if (CONTRACTS / "src" / f"{name}.sol").exists()}
    assert implementations == set(NAMES)
    assert {path.stem for path in (CONTRACTS / "artifacts").iterdir()} == set(NAMES)


def test_immutables_are_named_and_left_open_in_the_deployed_bytecode() -> None:
    found = artifact("ConsentRegistry")
    assert {"_cachedChainId", "_cachedThis", "_cachedDomainSeparator"} <= set(found.immutable_references)
    for places in found.immutable_references.values():
        for start, length in places:
            assert found.deployed_bytecode[start : start + length] == bytes(length)
    assert artifact("CheckpointAnchor").immutable_references == {}


def test_artifact_tells_compiler_settings_and_every_source() -> None:
    found = artifact("ConsentRegistry")
    assert found.compiler.startswith("0.8.37+commit.")
    assert found.settings == build.settings()
    assert set(found.sources) == set(build.sources())
    assert "node_modules/@openzeppelin/contracts/utils/cryptography/ECDSA.sol" in found.sources


def test_unknown_contract_has_no_artifact() -> None:
    with pytest.raises(KeyError):
        artifact("Imaginary")


def test_artifact_of_another_format_is_refused() -> None:
    raw = artifact("CheckpointAnchor").to_json().replace(b"artifact/1", b"artifact/2")
    with pytest.raises(ValueError, match="artifact/1"):
        Artifact.from_json(raw)


def test_artifact_in_another_spelling_is_refused() -> None:
    raw = artifact("CheckpointAnchor").to_json()
    with pytest.raises(ValueError, match="canonical"):
        Artifact.from_json(raw + b"\n")


def test_check_names_the_artifact_that_differs_and_writes_nothing(
    anchor_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = anchor_only / "artifacts" / "CheckpointAnchor.json"
    assert build.main([]) == 0
    before = path.read_bytes()
    edit(anchor_only / "src" / "CheckpointAnchor.sol", "2 ** 24", "2 ** 25")
    assert build.main(["--check"]) == 1
    assert "CheckpointAnchor.json" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_warning_fails_the_build(anchor_only: Path) -> None:
    edit(anchor_only / "src" / "CheckpointAnchor.sol", "        emit", "        uint256 idle;\n        emit")
    with pytest.raises(build.CompilationFailed, match="Unused local variable"):
        build.compile_contracts()


def test_an_error_fails_the_build(anchor_only: Path) -> None:
    edit(anchor_only / "src" / "CheckpointAnchor.sol", "emit Anchored", "emit Imagined")
    with pytest.raises(build.CompilationFailed, match="Imagined"):
        build.compile_contracts()


def test_a_missing_package_is_named_with_what_to_do(anchor_only: Path) -> None:
    edit(anchor_only / "src" / "CheckpointAnchor.sol", "import", 'import "@openzeppelin/a.sol";\nimport')
    (anchor_only / "node_modules").unlink()
    with pytest.raises(build.CompilerMissing, match="npm ci"):
        build.compile_contracts()


def test_a_missing_compiler_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(build.CompilerMissing, match="npm ci"):
        build.compile_contracts(tmp_path / "no-solc")


def test_compiler_wrapper_refuses_what_it_does_not_understand() -> None:
    run = subprocess.run([CONTRACTS / "solc", "--bin"], capture_output=True, check=False)  # noqa: S603
    assert run.returncode == 2
    assert run.stdout == b""


def test_foundry_launcher_passes_the_exit_code_on() -> None:
    assert foundry("forge", "test", "--no-such-option").returncode != 0
    assert foundry("imaginary").returncode == 2


def _canonical(item: dict[str, Any]) -> str:
    return json.dumps(item, sort_keys=True)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
