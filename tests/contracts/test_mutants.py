"""Contracts with one fault each: the Foundry tests must turn red on every one of them.

A mutant is a patch in ``contracts/mutants``; above the diff stands what it breaks. The tests run with few
random inputs, for a fault that only luck finds is not caught, and on plainly compiled contracts, which takes
half the time; what a call costs is not looked at. Every third mutant of each source is tried, all of them
with CONSENT_MUTANTS=all (`make nightly`).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest

from tests.contracts.tools import CONTRACTS

Outcome = subprocess.CompletedProcess[str]


def mutated(patch: Path) -> str:
    """The source that a patch changes."""
    changed = re.findall(r"^\+\+\+ b/contracts/src/(\S+)$", patch.read_text(), re.MULTILINE)
    assert len(changed) == 1, f"{patch.name} changes {len(changed)} sources"
    return str(changed[0])


# By source, so that putting one back and changing the next is one compilation.
MUTANTS = sorted((CONTRACTS / "mutants").glob("*.patch"), key=lambda path: (mutated(path), path.name))
BY_SOURCE = [list(patches) for _, patches in groupby(MUTANTS, key=mutated)]
STEP = 1 if os.environ.get("CONSENT_MUTANTS") == "all" else 3
TRIED = [patch for patches in BY_SOURCE for patch in patches[::STEP]]
FEW = {
    "FOUNDRY_PROFILE": "default",  # others have more inputs for some tests than is said below
    "FOUNDRY_DENY": "never",  # a mutant may leave a variable unused
    "FOUNDRY_FUZZ_RUNS": "64",
    "FOUNDRY_INVARIANT_RUNS": "16",
}


class Checkout:
    """The contracts in a place of their own, compiled, with tests that pass."""

    def __init__(self, root: Path) -> None:
        self._root = root
        leave = shutil.ignore_patterns("node_modules", "mutants", "symbolic", ".*", "__pycache__")
        shutil.copytree(CONTRACTS, root / "contracts", ignore=leave)
        (root / "contracts" / "node_modules").symlink_to(CONTRACTS / "node_modules")
        (root / "tests").mkdir()
        (root / "tests" / "vectors").symlink_to(CONTRACTS.parent / "tests" / "vectors")
        settings = root / "contracts" / "foundry.toml"
        settings.write_text(settings.read_text().replace("via_ir = true", "via_ir = false"))
        outcome = self._test()
        assert outcome.returncode == 0, outcome.stdout

    def outcomes(self, patches: Iterable[Path]) -> dict[Path, Outcome]:
        """How the tests end on each mutant."""
        return {patch: self._with(patch) for patch in patches}

    def _with(self, patch: Path) -> Outcome:
        self._apply(patch)
        try:
            return self._test()
        finally:
            self._apply(patch, "--reverse")

    def _apply(self, patch: Path, *options: str) -> None:
        subprocess.run(["git", "apply", *options, str(patch)], cwd=self._root, check=True)  # noqa: S603, S607

    def _test(self) -> Outcome:
        folder = self._root / "contracts"
        return subprocess.run(  # noqa: S603
            [folder / "foundry", "forge", "test", "--fail-fast", "--no-match-contract", "^GasTest$"],
            cwd=folder,
            env={**os.environ, **FEW},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Outcome]:
    """How the tests end on each mutant: half of them in one checkout, half in another at the same time."""
    middle = len(TRIED) // 2

    def run(mutants: list[Path]) -> dict[Path, Outcome]:
        return Checkout(tmp_path_factory.mktemp("mutants")).outcomes(mutants)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, (TRIED[:middle], TRIED[middle:]))
    return {**first, **second}


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("mutant", TRIED, ids=lambda patch: patch.stem)
def test_a_mutant_is_caught(outcomes: dict[Path, Outcome], mutant: Path) -> None:
    outcome = outcomes[mutant]
    assert "\nRan " in outcome.stdout, f"the mutant does not compile: {outcome.stdout}{outcome.stderr}"
    assert outcome.returncode != 0
    assert "[FAIL" in outcome.stdout


def test_there_are_mutants_of_everything_that_acts() -> None:
    acting = {path.name for path in (CONTRACTS / "src").glob("*.sol")}
    acting -= {name for name in acting if re.match("I[A-Z]", name)}
    assert len(TRIED) >= 20
    assert {mutated(path) for path in TRIED} == acting


def test_every_mutant_says_what_it_breaks() -> None:
    assert [path.name for path in MUTANTS if len(path.read_text().split("\n\ndiff --git")[0]) < 20] == []
