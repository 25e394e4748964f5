"""The JSON schemas of every ``--json`` answer, one file per shape, written from `cli.shapes`.

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
from cli.shapes import Shape, schema_name

DIRECTORY = Path(__file__).parent


def all_shapes() -> list[type[Shape]]:
    """Every whole answer, by name."""
    for module in pkgutil.iter_modules(shapes.__path__):
        importlib.import_module(f"{shapes.__name__}.{module.name}")
    return sorted(Shape.__subclasses__(), key=lambda kind: kind.__name__)


def path_of(kind: type[Shape]) -> Path:
    """Where the schema of a shape is kept: ``consent-list.1.json``."""
    *_, name, version = schema_name(kind).split("/")
    return DIRECTORY / f"{name}.{version}.json"


def text_of(kind: type[Shape]) -> str:
    """The JSON schema of a shape, as its file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_name(kind),
        **_without_null(msgspec.json.schema(kind)),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


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
