"""Canonical texts: strict JSON in, RFC 8785 out, base64 that has one spelling.

What we hash or sign is parsed strictly (UTF-8, no duplicate keys, no NaN), written canonically (JCS,
RFC 8785) and, where it claims to be canonical already, compared with what we would have written.
"""

import base64
import binascii
import json
import re
from typing import Any, NoReturn

import rfc8785

from ledger.errors import InvalidInput, TooLarge

MAX_DOCUMENT = 1 << 20
MAX_DEPTH = 64

# Possessive, and content with the end of the text for the end of a string: linear whatever the bytes are.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(raw: bytes | str, *, limit: int = MAX_DOCUMENT, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401
    """The JSON value in `raw`.

    Raises:
        TooLarge: more than `limit` bytes.
        InvalidInput: not UTF-8, not JSON, a duplicate key, NaN or Infinity, nested deeper than `max_depth`.
    """
    data = raw.encode() if isinstance(raw, str) else raw
    if len(data) > limit:
        raise TooLarge(f"the JSON text has {len(data)} bytes; at most {limit} are accepted")
    if deeper_than(max_depth, data):
        raise InvalidInput(f"JSON nested deeper than {max_depth} levels", reason="json_too_deep")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"not UTF-8 at byte {exc.start}", reason="not_utf8") from exc
    except json.JSONDecodeError as exc:
        raise InvalidInput(
            f"not JSON: {exc.msg} at line {exc.lineno}, column {exc.colno}", reason="not_json"
        ) from exc
    except ValueError as exc:
        raise InvalidInput("not JSON: a number is too long", reason="not_json") from exc


def parse_object(raw: bytes | str, *, limit: int = MAX_DOCUMENT) -> dict[str, Any]:
    """`parse_json`, and the value is an object; else InvalidInput."""
    value = parse_json(raw, limit=limit)
    if not isinstance(value, dict):
        raise InvalidInput("a JSON object is expected here", reason="not_an_object")
    return value


def deeper_than(most: int, data: bytes) -> bool:
    """Whether brackets outside strings are nested deeper than `most`, without recursion."""
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > most:
            return True
    return False


def canonical(value: Any) -> bytes:  # noqa: ANN401
    """RFC 8785 (JCS) bytes of a JSON value.

    Raises:
        InvalidInput: the value has no canonical form (a lone surrogate, an integer beyond 2^53, NaN).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as exc:
        raise InvalidInput("the value has no canonical JSON form", reason="not_canonical") from exc


def b64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    """The bytes of a canonical standard base64 text; any other spelling is InvalidInput."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput("not base64", reason="bad_base64") from exc
    if b64(data) != text:
        raise InvalidInput("not canonical base64", reason="bad_base64")
    return data


def hexed(data: bytes) -> str:
    """``0x`` and lower-case hex."""
    return "0x" + data.hex()


def unhex(text: str) -> bytes:
    """The bytes of ``0x`` + lower-case hex of even length; any other spelling is InvalidInput."""
    try:
        data = bytes.fromhex(text[2:])
    except ValueError as exc:
        raise InvalidInput("not 0x and hexadecimal digits", reason="bad_hex") from exc
    if hexed(data) != text:
        raise InvalidInput("not canonical lower-case hexadecimal", reason="bad_hex")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidInput("an object has the same key twice", reason="duplicate_key")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidInput(f"{name} is not JSON", reason="not_json")
