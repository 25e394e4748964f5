"""What an entry is: canonical JSON, and the commitment to it that becomes a leaf.

::

    inner     = SHA-256(salt || entry)         salt: 32 random bytes
    leaf data = SHA-256(tag || inner)          tag: 20 bytes, the patient's erasure address
    leaf      = SHA-256(0x00 || leaf data)     RFC 6962, see `ledger.log.merkle`

Tag and inner stay when a patient is erased: they still give the leaf, and say nothing without the salt.

Entries are objects whose keys are ASCII and whose values are strings, integers within 2^53, booleans, arrays
and objects. Over that subset a fast encoder with sorted keys writes exactly the RFC 8785 bytes.
"""

from enum import StrEnum
from hashlib import sha256
from typing import Any

import msgspec

from ledger.canonical import deeper_than
from ledger.errors import InvalidInput

NO_PATIENT = bytes(20)
"""The tag of entries that belong to no patient; they are sealed under the log's own key."""

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64

_encoder = msgspec.json.Encoder(order="sorted")


class EntryKind(StrEnum):
    """What an entry records; the value of its ``kind``."""

    CONSENT_FILED = "consent.filed"
    CONSENT_REVOKED = "consent.revoked"
    REQUEST = "request"
    DECISION = "decision"
    RELEASE = "release"
    EMERGENCY_DECLARED = "emergency.declared"
    EMERGENCY_REVIEWED = "emergency.reviewed"
    RECORD_PUBLISHED = "record.published"
    RECORD_REFILED = "record.refiled"
    RECORD_ERASED = "record.erased"
    PATIENT_ERASED = "patient.erased"
    PATIENT_MOVED = "patient.moved"
    PATIENT_SUCCEEDED = "patient.succeeded"
    LOG_READ = "log.read"
    PARTICIPANT_CHANGED = "participant.changed"
    LOG_OPENED = "log.opened"


class TypedEntry(msgspec.Struct, kw_only=True):
    """An entry whose class says what its members are, so that `encode` need not look at each.

    Members are texts, booleans, integers within 2^53, and tuples, lists and dictionaries of such. One that is
    `msgspec.UNSET` is left out. ``time`` is the log's to set.
    """

    kind: str
    time: int = 0

    __repr__ = object.__repr__


def encode(entry: dict[str, Any] | TypedEntry) -> bytes:
    """The canonical (RFC 8785) bytes of an entry.

    Raises:
        InvalidInput: a float, null, any other type, a key that is not an ASCII string, an integer beyond
            2^53-1, a lone surrogate, nesting deeper than 64.
    """
    if not isinstance(entry, TypedEntry):
        _require_object(entry)
        _require(entry, MAX_DEPTH)
    try:
        return _encoder.encode(entry)
    except UnicodeEncodeError as exc:
        raise InvalidInput("a log entry holds text that is not Unicode", reason="bad_entry") from exc


def decode(raw: bytes) -> dict[str, Any]:
    """The entry in `raw`.

    Raises:
        InvalidInput: not JSON, or not exactly the bytes that `encode` writes.
    """
    brackets = raw.count(b"[") + raw.count(b"{")
    if brackets > MAX_DEPTH and deeper_than(MAX_DEPTH, raw):  # whatever the interpreter's own limit is
        raise InvalidInput(f"a log entry is nested deeper than {MAX_DEPTH} levels", reason="bad_entry")
    try:
        entry = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidInput("a log entry is not JSON", reason="bad_entry") from exc
    _require_object(entry)
    if encode(entry) != raw:
        raise InvalidInput("a log entry is not in canonical form", reason="bad_entry")
    return dict(entry)


def inner(salt: bytes, entry: bytes) -> bytes:
    """SHA-256 over the 32-byte `salt` and the canonical bytes of an entry."""
    _require_length(salt, 32, "a salt")
    return sha256(salt + entry).digest()


def leaf_data(tag: bytes, inner_hash: bytes) -> bytes:
    """The 32 bytes that are a leaf of the tree."""
    _require_length(tag, 20, "a tag")
    _require_length(inner_hash, 32, "an inner hash")
    return sha256(tag + inner_hash).digest()


def _require_object(entry: object) -> None:
    if type(entry) is not dict:
        raise InvalidInput("a log entry is a JSON object", reason="bad_entry")


def _require(value: object, depth: int) -> None:
    """Refuse what the fast encoder would write differently from RFC 8785, or coerce."""
    kind = type(value)
    if kind is dict or kind is list:
        if depth == 0:
            raise InvalidInput(f"a log entry is nested deeper than {MAX_DEPTH} levels", reason="bad_entry")
        if kind is dict:
            _require_keys(value)  # type: ignore[arg-type]
        for item in value.values() if kind is dict else value:  # type: ignore[attr-defined, union-attr]
            if type(item) is not str:  # which most are
                _require(item, depth - 1)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise InvalidInput("a log entry holds an integer beyond 2^53-1", reason="bad_entry")
    elif kind is not str and kind is not bool and not isinstance(value, StrEnum):
        raise InvalidInput(f"a log entry cannot hold a {kind.__name__}", reason="bad_entry")


def _require_keys(value: dict[Any, Any]) -> None:
    for key in value:
        if type(key) is not str or not key.isascii():
            raise InvalidInput("a log entry has a key that is not an ASCII string", reason="bad_entry")


def _require_length(value: bytes, length: int, what: str) -> None:
    if len(value) != length:
        raise InvalidInput(f"{what} has {length} bytes", reason="bad_entry")
