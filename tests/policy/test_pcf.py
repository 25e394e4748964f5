"""The example consents of IHE PCF: each has its cases, and is, element by element, what IHE wrote."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.policy.corpus import FOLDER

EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "pcf" / "examples.fsh"
needs_shared = pytest.mark.skipif(
    not EXAMPLES.is_file(), reason="IHE's examples are not beside the repository"
)

OURS = ("dateTime", "sourceReference", "sourceAttachment.title", "policy.uri")
"""What our closed rules want otherwise: a time with offset, the statement as source, a policy of ours."""

Element = tuple[str, str]


def instances() -> dict[str, list[Element]]:
    """The elements of each example consent, by its name: path without slices and indices, and value."""
    found = {}
    for block in EXAMPLES.read_text().split("\nInstance: ")[1:]:
        if re.search(r"^InstanceOf: \w*Consent$", block, re.MULTILINE):
            lines = re.findall(r"^\* (\S+) = (.+)$", block, re.MULTILINE)
            found[block.split()[0]] = [(re.sub(r"\[.*?\]", "", path), value_of(text)) for path, text in lines]
    return found


def value_of(text: str) -> str:
    """A code as ``system|code``, a reference as it is, a string or date without quotation marks."""
    reference = re.fullmatch(r"Reference\((.+)\)", text)
    if reference:
        return reference[1]
    coded = re.match(r"(\S*)#(\S+)", text)
    if coded:
        return "|".join(filter(None, coded.groups()))
    return text.strip('"')


def elements(value: Any, path: str = "") -> Iterator[Element]:  # noqa: ANN401
    """The same of a document in JSON."""
    if isinstance(value, list):
        for item in value:
            yield from elements(item, path)
    elif isinstance(value, str):
        yield path, value
    elif set(value) == {"reference"} and isinstance(value["reference"], str):
        yield path, value["reference"]
    elif set(value) == {"coding"}:
        yield from elements(value["coding"], path)
    elif set(value) == {"system", "code"}:
        yield path, f"{value['system']}|{value['code']}"
    else:
        for name, item in value.items():
            yield from elements(item, f"{path}.{name}" if path else name)


def documented(name: str) -> dict[str, Any]:
    content = json.loads((FOLDER / f"pcf-{name.removeprefix('ex-consent-')}.json").read_text())
    assert name in content["about"]
    (document,) = content["documents"]
    assert isinstance(document, dict)
    return document


@needs_shared
def test_every_example_has_its_cases_and_nothing_else_is_called_one() -> None:
    named = {f"ex-consent-{path.stem.removeprefix('pcf-')}" for path in FOLDER.glob("pcf-*.json")}
    assert named == set(instances())


@needs_shared
def test_every_example_is_written_as_ihe_has_it() -> None:
    for name, theirs in instances().items():
        ours = [item for item in elements(documented(name)) if item[0] not in (*OURS, "resourceType")]
        said = [
            (path, "http://terminology.hl7.org/CodeSystem/v3-ActReason|DSRCH" if "FooBar" in value else value)
            for path, value in theirs
            if path not in OURS
        ]
        assert sorted(ours) == sorted(said), name
        written = dict(theirs)["dateTime"]
        assert documented(name)["dateTime"].startswith(f"{written}T"), name
