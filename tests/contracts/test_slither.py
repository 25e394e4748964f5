"""``contracts/slither.toml`` explains every finding of every detector of Slither, and nothing else."""

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from contracts import build
from tests.contracts.analysis import analyse
from tests.contracts.tools import CONTRACTS

pytestmark = pytest.mark.timeout(600)

HIDDEN = 1  # `backdoor`, Slither's example of a detector, runs with the others but is not listed


class Finding(NamedTuple):
    """A detector and the elements in our sources that it points to, by name."""

    detector: str
    elements: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of Slither left: descriptions of what it found in our sources, and what it said."""

    found: dict[Finding, str]
    output: str


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Slither's look at what the artifacts are compiled from, and compiled as they are.

    Through forge it would see libraries a second time, without the contracts that use them.
    """
    folder = tmp_path_factory.mktemp("slither")
    compilation, report, defaults = (folder / f"{name}.json" for name in ("input", "report", "defaults"))
    sources = build.sources()
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    contents = {name: {"content": text} for name, text in sources.items()}
    standard = {"language": "Solidity", "sources": contents, "settings": build.settings()}
    compilation.write_text(json.dumps(standard), "utf-8")
    defaults.write_text("{}")
    slither = analyse(
        "slither",
        *(compilation.name, "--compile-force-framework", "solc-json", "--solc", str(build.WRAPPER)),
        *("--show-ignored-findings", "--config-file", str(defaults), "--json", str(report)),
        folder=folder,
    )
    output = slither.stdout + slither.stderr
    assert report.is_file(), output
    answer = json.loads(report.read_bytes())
    assert answer["success"], answer["error"]
    found = [each for each in answer["results"].get("detectors", []) if is_ours(each)]
    return Run(found={named(each): each["description"] for each in found}, output=output)


@pytest.fixture(scope="module")
def explained() -> list[Finding]:
    return [
        Finding(entry["detector"], tuple(elements))
        for entry in tomllib.loads((CONTRACTS / "slither.toml").read_text("utf-8"))["explained"]
        for elements in entry["findings"]
    ]


def test_every_finding_is_explained(run: Run, explained: list[Finding]) -> None:
    unexplained = {finding: text for finding, text in run.found.items() if finding not in explained}
    assert not unexplained, "\n".join(unexplained.values())


def test_every_explanation_is_of_a_finding(run: Run, explained: list[Finding]) -> None:
    assert set(explained) <= set(run.found)


def test_nothing_is_explained_twice(explained: list[Finding]) -> None:
    assert len(explained) == len(set(explained))


def test_every_explanation_has_a_reason() -> None:
    for entry in tomllib.loads((CONTRACTS / "slither.toml").read_text("utf-8"))["explained"]:
        assert len(entry["reason"].split()) >= 5, entry["detector"]


def test_every_detector_ran(run: Run) -> None:
    offered = json.loads(analyse("slither", "--list-detectors-json").stdout)
    ran = re.search(r"analyzed \(\d+ contracts with (\d+) detectors\)", run.output)
    assert ran, run.output
    assert int(ran[1]) == len(offered) + HIDDEN


def test_no_comment_in_the_sources_silences_slither() -> None:
    for path in (CONTRACTS / "src").rglob("*.sol"):
        assert "slither-" not in path.read_text("utf-8"), path.name


def is_ours(finding: dict[str, Any]) -> bool:
    """Whether it points to anything in our sources, or to nothing in particular."""
    return not finding["elements"] or any(map(is_in_our_sources, finding["elements"]))


def is_in_our_sources(element: dict[str, Any]) -> bool:
    return bool(element["source_mapping"]["filename_relative"].startswith("src/"))


def named(finding: dict[str, Any]) -> Finding:
    names = [name_of(element) for element in finding["elements"] if is_in_our_sources(element)]
    return Finding(finding["check"], tuple(dict.fromkeys(names)))


def name_of(element: dict[str, Any]) -> str:
    """``Contract.function(types)`` as Solidity writes it; a statement as Slither does."""
    fields = element.get("type_specific_fields", {})
    name = fields.get("signature", element["name"]) or "assembly"
    parent = fields.get("parent") or {}
    return f"{parent['name']}.{name}" if parent.get("type") == "contract" else str(name)
