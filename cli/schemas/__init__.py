"""The JSON schemas of every ``--json`` answer and of every file that `consent policy` reads.

One file for each, written from `cli.shapes` and `ledger.policy.files`.

::

    python -m cli.schemas            writes cli/schemas/*.json
    python -m cli.schemas --check    writes nothing; names those that differ and exits with 1
"""

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import msgspec

from cli import shapes
from cli.shapes import Shape
from ledger.policy.files import FactsForm, Form, RequestForm

DIRECTORY = Path(__file__).parent
FORMS: tuple[type[Form], ...] = (RequestForm, FactsForm)


def all_kinds() -> list[type[Form] | type[Shape]]:
    """Every answer, and every form of a file, that has a schema."""
    return [*all_shapes(), *FORMS]


def all_shapes() -> list[type[Shape]]:
    """Every whole answer, by name."""
    for module in pkgutil.iter_modules(shapes.__path__):
        importlib.import_module(f"{shapes.__name__}.{module.name}")
    return sorted(Shape.__subclasses__(), key=lambda kind: kind.__name__)


def path_of(kind: type[Form] | type[Shape]) -> Path:
    """Where a schema is kept: ``consent-list.1.json``."""
    *_, name, version = _name(kind).split("/")
    return DIRECTORY / f"{name}.{version}.json"


def text_of(kind: type[Form] | type[Shape]) -> str:
    """The JSON schema, as its file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _name(kind),
        **_without_null(msgspec.json.schema(kind)),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _name(kind: type[Form] | type[Shape]) -> str:
    """The value by which a file or an answer says what it is."""
    return str(kind.__struct_config__.tag)


def _without_null(schema: Any) -> Any:  # noqa: ANN401
    """The same schema for answers in which what is not there is left out."""
    if isinstance(schema, list):
        return [_without_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {name: _without_null(part) for name, part in schema.items() if (name, part) != ("default", None)}
    kinds = [part for part in rest.get("anyOf", []) if part != {"type": "null"}]
    if len(kinds) == 1:
        del rest["anyOf"]
        rest.update(kinds[0])
    return rest
