"""Every property in ``contracts/symbolic`` is proven for all inputs, by Halmos."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from contracts import CONTRACTS as NAMES
from contracts import artifact
from tests.contracts.analysis import analyse
from tests.contracts.tools import CONTRACTS

pytestmark = pytest.mark.timeout(1_100)

SYMBOLIC = CONTRACTS / "symbolic"
HARMLESS = {"parsing-error"}  # the same interface, compiled a second time with the other settings

PROPERTIES = sorted(
    f"{path.stem}.{name}"
    for path in SYMBOLIC.glob("*.sol")
    for name in re.findall(r"\bfunction (check_\w+)", path.read_text("utf-8"))
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of halmos left: its results by property, and what it said."""

    results: Mapping[str, dict[str, Any]]
    output: str


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Halmos on these contracts only: what was compiled once stays in its folder when its source is gone."""
    report = tmp_path_factory.mktemp("halmos") / "report.json"
    contracts = "|".join(sorted({name.partition(".")[0] for name in PROPERTIES}))
    halmos = analyse(
        "halmos",
        *("--no-status", "--match-contract", f"^({contracts})$", "--json-output", str(report)),
        FOUNDRY_PROFILE="symbolic",
    )
    output = re.sub(r"\x1b\[[\d;]*m", "", halmos.stdout + halmos.stderr)  # it knows no NO_COLOR
    assert report.is_file(), output
    results = {
        f"{contract.split(':')[1]}.{result['name'].split('(')[0]}": result
        for contract, found in json.loads(report.read_bytes())["test_results"].items()
        for result in found
    }
    return Run(results=results, output=output)


@pytest.mark.parametrize("name", PROPERTIES)
def test_property_holds_on_every_path(name: str, run: Run) -> None:
    assert name in run.results, run.output
    result = run.results[name]
    assert result["exitcode"] == 0, said_of(name, run)
    _, successful, stuck = result["num_paths"]
    assert (result["num_models"], stuck, result["num_bounded_loops"]) == (0, 0, 0), said_of(name, run)
    assert successful > 0, f"{name} is about nothing: every path reverts"


def test_there_are_twenty_properties_and_no_other_was_run(run: Run) -> None:
    assert len(PROPERTIES) >= 20
    assert set(run.results) == set(PROPERTIES)


def test_halmos_left_nothing_out(run: Run) -> None:
    warnings = re.findall(r"/wiki/warnings#([\w-]+)", re.sub(r"\s", "", run.output))
    assert set(warnings) <= HARMLESS, run.output
    assert "ERROR" not in run.output


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("run")
def test_what_is_proven_is_what_is_deployed(name: str) -> None:
    compiled = json.loads((CONTRACTS / "cache" / "symbolic" / f"{name}.sol" / f"{name}.json").read_bytes())
    assert compiled["bytecode"]["object"] == "0x" + artifact(name).bytecode.hex()


def said_of(name: str, run: Run) -> str:
    """What halmos printed up to the verdict on a property, from the verdict before."""
    _, _, function = name.partition(".")
    said: list[str] = []
    for line in run.output.splitlines():
        verdict = re.match(r"\[(?:PASS|FAIL|ERROR|TIMEOUT)\] (\w+)", line)
        said.append(line)
        if verdict and verdict[1] == function:
            return "\n".join(said)
        if verdict:
            said.clear()
    return run.output
