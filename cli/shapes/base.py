"""What all shapes have in common, and the one with which any command may fail."""

import msgspec


def _schema_name(class_name: str) -> str:
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in class_name)
    return f"consent-ledger/cli/{words.removeprefix('-')}/1"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of an answer."""


class Shape(Part, frozen=True, kw_only=True, tag_field="schema", tag=_schema_name):
    """A whole answer."""


def schema_name(shape: type[Shape]) -> str:
    """The value of ``schema`` in answers of this shape."""
    return str(shape.__struct_config__.tag)


class FailureDetail(Part, frozen=True, kw_only=True):
    """Why a command failed: a stable code, a sentence, and what to do next."""

    code: str
    reason: str
    message: str
    fix: str
    where: str


class Failure(Shape, frozen=True, kw_only=True):
    """A command that failed."""

    error: FailureDetail
