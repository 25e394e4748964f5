"""FHIR R4 bundles in and out: read with every check, written with the exact bytes of their resources."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from ledger.canonical import canonical, parse_json
from ledger.errors import BundleRejected, InvalidInput, NotFound, StoreUnavailable, TooLarge
from ledger.records.patient import require_one_patient
from ledger.records.resources import Bundle, Resource

MAX_BUNDLE = 128 << 20
TYPES = ("batch", "collection", "document", "searchset", "transaction")

_CONTAINERS = ("Bundle", "Parameters")
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{0,63}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,2048}")


class _Entry(msgspec.Struct, rename={"full_url": "fullUrl"}):
    resource: msgspec.Raw = msgspec.Raw()
    full_url: str | None = None


class _Entries(msgspec.Struct):
    entry: list[_Entry]


def read_bundle(source: Path | bytes) -> Bundle:
    """The bundle in a file or text, checked.

    Raises:
        BundleRejected: ``not_json``, ``not_a_bundle``, ``bundle_type`` (not one of `TYPES`), ``bad_entry``,
            ``duplicate_full_url``, ``no_patient``, ``several_patients``, ``other_patient`` (a resource whose
            subject cannot be this patient); an entry at fault is counted from 0 in the field ``entry``, and a
            file is named in the field ``file``.
        TooLarge: more than 128 MiB.
        NotFound: no such file.
        InvalidInput: a directory.
        StoreUnavailable: the file cannot be read.
    """
    if isinstance(source, bytes):
        return _read(source)
    try:
        return _read(_read_file(source))
    except (BundleRejected, TooLarge) as exc:
        exc.fields["file"] = source.name
        raise


def _read(raw: bytes) -> Bundle:
    value = _parse(raw)
    if not isinstance(value, dict) or value.get("resourceType") != "Bundle":
        raise BundleRejected("this is JSON, but not a FHIR Bundle", reason="not_a_bundle")
    if value.get("type") not in TYPES:
        raise BundleRejected(f"a bundle of type {', '.join(TYPES)} is expected", reason="bundle_type")
    resources = _resources(raw, value)
    patient = require_one_patient(resources)
    return Bundle(type=value["type"], patient=patient, resources=resources)


def write_entries(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A ``collection`` bundle of full URLs and resources, these byte for byte, in this order."""
    texts = (b'{"fullUrl":%b,"resource":%b}' % (canonical(full_url), raw) for full_url, raw in entries)
    return b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % b",".join(texts)


def extract_resources(plaintext: bytes) -> list[tuple[str, bytes]]:
    """Full URL and exact bytes of each resource of a bundle that `write_entries` wrote.

    Raises:
        BundleRejected: (``not_a_bundle``) anything else.
    """
    try:
        entries = msgspec.json.decode(plaintext, type=_Entries).entry
    except msgspec.DecodeError as exc:
        raise BundleRejected("not the bundle of a segment", reason="not_a_bundle") from exc
    found = [(one.full_url, bytes(one.resource)) for one in entries if one.full_url is not None]
    if len(found) != len(entries) or not all(raw for _, raw in found):
        raise BundleRejected("not the bundle of a segment", reason="not_a_bundle")
    return [(full_url, raw) for full_url, raw in found if full_url is not None]


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BUNDLE + 1)
    except FileNotFoundError as exc:
        raise NotFound(f"there is no file {path}", reason="file_missing", fix="Check its name.") from exc
    except IsADirectoryError as exc:
        raise InvalidInput(
            f"the path {path} is a directory", reason="not_a_file", fix="Name a file."
        ) from exc
    except OSError as exc:
        raise StoreUnavailable(
            f"the file {path} cannot be read", reason="file_not_read", fix="Check who may read it."
        ) from exc
    return raw


def _parse(raw: bytes) -> object:
    try:
        return parse_json(raw, limit=MAX_BUNDLE)
    except TooLarge as exc:
        raise TooLarge(f"a bundle has at most {MAX_BUNDLE} bytes", fix="split it") from exc
    except InvalidInput as exc:
        raise BundleRejected(f"this cannot be read: {exc.message}", reason="not_json") from exc


def _resources(raw: bytes, value: dict[str, Any]) -> tuple[Resource, ...]:
    if not isinstance(value.get("entry"), list) or not value["entry"]:
        raise BundleRejected("the bundle has no entries", reason="no_patient")
    for index, entry in enumerate(value["entry"]):
        if not isinstance(entry, dict) or not isinstance(entry.get("resource"), dict):
            raise _bad_entry(index, "has no resource")
    try:
        entries = msgspec.json.decode(raw, type=_Entries).entry
    except msgspec.ValidationError as exc:
        raise BundleRejected("the bundle has a fullUrl that is no text", reason="bad_entry") from exc
    except msgspec.DecodeError as exc:
        raise BundleRejected("the bundle has a text that is not Unicode", reason="not_json") from exc
    found = tuple(
        _resource(index, entry, value["entry"][index]["resource"]) for index, entry in enumerate(entries)
    )
    seen: set[str] = set()
    for one in found:
        if one.full_url in seen:
            why = f"entry {one.index} has the fullUrl of an earlier one"
            raise BundleRejected(why, reason="duplicate_full_url", entry=one.index)
        seen.add(one.full_url)
    return found


def _resource(index: int, entry: _Entry, value: dict[str, Any]) -> Resource:
    kind, identity = value.get("resourceType"), value.get("id")
    if not isinstance(kind, str) or not _TYPE_NAME.fullmatch(kind):
        raise _bad_entry(index, "has a resource without a resourceType")
    if kind in _CONTAINERS:
        raise _bad_entry(index, f"is a {kind}, which may hold resources of other patients")
    if identity is not None and not (isinstance(identity, str) and _NAME.fullmatch(identity)):
        raise _bad_entry(index, "has a resource whose id is no text")
    full_url = entry.full_url or (f"{kind}/{identity}" if identity else "")
    if entry.full_url == "" or not _NAME.fullmatch(full_url):
        raise _bad_entry(index, "has neither a fullUrl nor an id")
    return Resource(
        index=index, type=kind, id=identity, full_url=full_url, raw=bytes(entry.resource), value=value
    )


def _bad_entry(index: int, why: str) -> BundleRejected:
    return BundleRejected(f"entry {index} {why}", reason="bad_entry", entry=index)
