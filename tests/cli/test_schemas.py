"""The committed JSON schemas are those of the answers and of the files that are read."""

import json

import pytest

from cli.schemas import DIRECTORY, all_kinds, path_of, text_of
from cli.shapes import Shape
from ledger.policy.files import Form


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.__name__)
def test_the_committed_schema_is_the_kinds_own(kind: type[Form] | type[Shape]) -> None:
    assert path_of(kind).read_text("utf-8") == text_of(kind), "run: python -m cli.schemas"


def test_there_is_no_other_schema() -> None:
    assert {path_of(kind) for kind in all_kinds()} == set(DIRECTORY.glob("*.json"))


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.__name__)
def test_a_schema_is_closed_and_knows_no_null(kind: type[Form] | type[Shape]) -> None:
    schema = json.loads(text_of(kind))
    for name, part in schema["$defs"].items():
        assert part["additionalProperties"] is False, name
    assert not any(value == "null" for value in _values(schema))


def _values(part: object) -> list[object]:
    if isinstance(part, dict):
        return [found for value in part.values() for found in _values(value)]
    if isinstance(part, list):
        return [found for value in part for found in _values(value)]
    return [part]
