"""The shape of every ``--json`` answer: one object, named and versioned by its ``schema``.

The JSON schemas in ``cli/schemas`` are written from these classes by ``python -m cli.schemas``. A value that
is not there is a key that is not there, never null.
"""

from cli.shapes.base import Failure, FailureDetail, Part, Shape, schema_name

__all__ = ["Failure", "FailureDetail", "Part", "Shape", "schema_name"]
