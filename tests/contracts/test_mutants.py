"""Contracts with one fault each: the Foundry tests must turn red on every one of them.

A mutant is a patch in ``contracts/mutants``; above the diff stands what it breaks. The tests run with few
random inputs, for a fault that only luck finds is not caught, and on plainly compiled contracts, which takes
half the time; what a call costs is not looked at.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.tools import CONTRACTS


def mutated(patch: Path) -> str:
    """The source that a patch changes."""
    changed = re.findall(r"^\+\+\+ b/contracts/src/(\S+)$", patch.read_text(), re.MULTILINE)
    assert len(changed) == 1, f"{patch.name} changes {len(changed)} sources"
    return str(changed[0])


# By source, so that putting one back and changing the next is one compilation.
MUTANTS = sorted((CONTRACTS / "mutants").glob("*.patch"), key=lambda path: (mutated(path), path.name))
INTERFACES = {"ICheckpointAnchor.sol", "IConsentRegistry.sol", "IParticipantDirectory.sol"}
FEW = {
    "FOUNDRY_DENY": "never",  # a mutant may leave a variable unused
    "FOUNDRY_FUZZ_RUNS": "64",
    "FOUNDRY_INVARIANT_RUNS": "4",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contracts in a checkout of their own, compiled, with tests that pass."""
    root = tmp_path_factory.mktemp("mutants")
    leave = shutil.ignore_patterns("node_modules", "mutants", "symbolic", ".*", "__pycache__")
    shutil.copytree(CONTRACTS, root / "contracts", ignore=leave)
    (root / "contracts" / "node_modules").symlink_to(CONTRACTS / "node_modules")
    settings = root / "contracts" / "foundry.toml"
    settings.write_text(settings.read_text().replace("via_ir = true", "via_ir = false"))
    (root / "tests").mkdir()
    (root / "tests" / "vectors").symlink_to(CONTRACTS.parent / "tests" / "vectors")
    outcome = forge_test(root)
    assert outcome.returncode == 0, outcome.stdout
    return root


@pytest.fixture
def mutant(copy: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The copy with the patch applied; as it was afterwards."""
    patch = str(request.param)
    subprocess.run(["git", "apply", patch], cwd=copy, check=True)  # noqa: S603, S607
    yield copy
    subprocess.run(["git", "apply", "--reverse", patch], cwd=copy, check=True)  # noqa: S603, S607


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda patch: patch.stem, indirect=True)
def test_a_mutant_is_caught(mutant: Path) -> None:
    outcome = forge_test(mutant)
    assert "\nRan " in outcome.stdout, f"the mutant does not compile: {outcome.stdout}{outcome.stderr}"
    assert outcome.returncode != 0
    assert "[FAIL" in outcome.stdout


def test_there_are_mutants_of_everything_that_acts() -> None:
    acting = {path.name for path in (CONTRACTS / "src").glob("*.sol")} - INTERFACES
    assert len(MUTANTS) >= 20
    assert {mutated(path) for path in MUTANTS} == acting


def test_every_mutant_says_what_it_breaks() -> None:
    assert [path.name for path in MUTANTS if len(path.read_text().split("\n\ndiff --git")[0]) < 20] == []


def forge_test(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [root / "contracts" / "foundry", "forge", "test", "--fail-fast", "--no-match-contract", "GasTest"],
        cwd=root / "contracts",
        env={**os.environ, **FEW},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
