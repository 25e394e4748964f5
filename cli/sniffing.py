"""Telling a FHIR bundle from any other file by what it holds, and whether its Patient has a name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ledger.errors import InvalidInput, NotFound, StoreUnavailable

JSON_SUFFIX = ".json"
_HEAD = 1 << 16
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, then what JSON has as white space
_BUNDLE = re.compile(rb'"resourceType"\s*:\s*"Bundle"')


class _Typed(msgspec.Struct, rename={"resource_type": "resourceType"}):
    resource_type: Any = None


def bundle_in(path: Path, *, expected: bool) -> bytes | None:
    """The bytes of a FHIR bundle, None for any other file; a bundle is one under any name.

    With `expected`, every ``.json`` is taken for one, so that what is wrong with it is said.

    Raises:
        NotFound: no such file.
        InvalidInput: a directory.
        StoreUnavailable: the file cannot be read.
    """
    from ledger.records.bundle import MAX_BUNDLE

    wanted = expected and path.suffix.lower() == JSON_SUFFIX
    try:
        with path.open("rb") as stream:
            raw = stream.read(_HEAD)
            if wanted or raw.lstrip(_BLANK)[:1] in (b"{", b""):
                raw += stream.read(MAX_BUNDLE + 1 - len(raw))
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.") from exc
    except IsADirectoryError as exc:
        raise InvalidInput(
            f"{path} is a directory", reason="not_a_file", fix="Name the files in it, one by one."
        ) from exc
    except OSError as exc:
        raise StoreUnavailable(f"{path} cannot be read: {exc.strerror}", reason="file_not_read") from exc
    return raw if wanted or _is_bundle(raw) else None


def lines_in(path: Path) -> bool:
    """Whether a file has FHIR resources one a line, as far as its beginning tells."""
    from ledger.records.bulk import is_fhir_lines

    try:
        with path.open("rb") as stream:
            return is_fhir_lines(stream.read(_HEAD), path.suffix)
    except OSError:
        return False


def is_same_name(name: str, typed: str) -> bool:
    """Whether somebody typed a name in full, whatever its capitals and blanks."""
    return _folded(name) == _folded(typed) != ""


def is_named(patient: dict[str, Any], name: str) -> bool:
    """Whether a FHIR Patient has this name in full; one without any name is known by id or identifier."""
    names = {_folded(one) for one in _names(patient)} - {""}
    ids = {_folded(one) for one in (patient.get("id"), *_identifiers(patient)) if isinstance(one, str)} - {""}
    return _folded(name) in (names or ids)


def _is_bundle(raw: bytes) -> bool:
    """Whether JSON says that it is a bundle; of what is no whole JSON, whether any of it says so."""
    if raw.lstrip(_BLANK)[:1] != b"{":
        return False
    try:
        return bool(msgspec.json.decode(raw, type=_Typed).resource_type == "Bundle")
    except msgspec.DecodeError:
        return bool(_BUNDLE.search(raw))


def _names(patient: dict[str, Any]) -> Iterator[str]:
    for one in _objects(patient.get("name")):
        given = one.get("given")
        parts = [*(given if isinstance(given, list) else []), one.get("family")]
        yield from (text for text in (one.get("text"),) if isinstance(text, str))
        yield " ".join(part for part in parts if isinstance(part, str))


def _identifiers(patient: dict[str, Any]) -> Iterator[object]:
    return (one.get("value") for one in _objects(patient.get("identifier")))


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
