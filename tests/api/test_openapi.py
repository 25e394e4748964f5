"""The OpenAPI document is whole: every operation has a summary, answers, refusals and examples."""

import json
from pathlib import Path
from typing import Any

import pytest

import api
import ledger
from api.answers import ANSWERS
from api.app import create_app
from api.openapi import LINKS, operations
from api.problems import MEDIA_TYPE
from api.refusals import OWN, refused
from tests.api.conftest import Scene
from tests.databases import ONLY_SQLITE

pytestmark = ONLY_SQLITE  # what goes over the wire is no matter of the database


@pytest.fixture(scope="module")
def document(scene: Scene) -> dict[str, Any]:
    return create_app(scene.network.stack.server.gateway).openapi()


def all_operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(operations(document))


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for operation, shape in all_operations(document).items():
        assert len(shape["summary"].split()) >= 2, operation
        assert shape["description"].startswith(shape["summary"]), operation


def test_every_operation_answers_with_a_schema_and_an_example_or_with_nothing(
    document: dict[str, Any],
) -> None:
    for operation, shape in all_operations(document).items():
        if "204" in shape["responses"]:
            assert operation not in ANSWERS
            continue
        assert operation in ANSWERS, operation
        for content in shape["responses"]["200"]["content"].values():
            assert content["schema"], operation
            assert content["example"] is not None, operation
    assert ANSWERS.keys() <= all_operations(document).keys()


def test_every_body_and_parameter_has_an_example(document: dict[str, Any]) -> None:
    for operation, shape in all_operations(document).items():
        for content in shape.get("requestBody", {}).get("content", {}).values():
            assert content["example"], operation
        for parameter in shape.get("parameters", ()):
            assert parameter["example"] is not None, (operation, parameter["name"])


def test_every_refusal_is_a_problem_with_its_reasons(document: dict[str, Any]) -> None:
    for operation, shape in all_operations(document).items():
        refusals = {status: one for status, one in shape["responses"].items() if status >= "400"}
        assert "503" in refusals, operation
        assert ("401" in refusals) == ("security" in shape or (operation in OWN and 401 in OWN[operation]))
        for one in refusals.values():
            examples = one["content"][MEDIA_TYPE]["examples"]
            assert {name: example["value"]["reason"] for name, example in examples.items()} == {
                name: name for name in examples
            }
    assert OWN.keys() <= all_operations(document).keys()


def test_no_refusal_is_named_that_the_program_never_gives(document: dict[str, Any]) -> None:
    folders = (Path(api.__path__[0]), Path(ledger.__path__[0]))
    sources = [path for folder in folders for path in folder.rglob("*.py") if path.name != "refusals.py"]
    text = "".join(path.read_text() for path in sources)
    named = {
        reason
        for operation, shape in all_operations(document).items()
        for reasons in refused(operation, shape).values()
        for reason in reasons
    }
    assert {reason for reason in named if f'"{reason}"' not in text} == set()


def test_what_is_made_is_linked_to_what_is_done_with_it(document: dict[str, Any]) -> None:
    found = all_operations(document)
    for maker, name in LINKS.items():
        answer = found[maker]["responses"]["200"]
        assert name in answer["content"]["application/json"]["example"]
        assert len(answer["links"]) >= 2, maker
        for link in answer["links"].values():
            (linked,) = [one for one in found.values() if one["operationId"] == link["operationId"]]
            assert name in [one["name"] for one in linked["parameters"]]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"]
    text = json.dumps(document)
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in names


def test_examples_are_what_the_operations_take(document: dict[str, Any]) -> None:
    """A request example fails by what it names, if at all, never by its form."""
    for operation, shape in all_operations(document).items():
        for media, content in shape.get("requestBody", {}).get("content", {}).items():
            schema = content["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            assert set(schema.get("required", ())) <= content["example"].keys(), (operation, media)


def test_the_document_holds_nothing_of_anybody(scene: Scene, document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for person in (scene.alice, scene.clinic):
        assert person.identity.account.address not in text
    assert not {"birthDate", "ssn", "mrn"} & set(text.replace('"', " ").split())
