"""FHIR resources one a line (NDJSON), as bulk exports have them: together they are a bundle."""

import msgspec

SUFFIXES = (".ndjson", ".jsonl")

_MARK = b"\xef\xbb\xbf"


class _Typed(msgspec.Struct, rename={"resource_type": "resourceType"}):
    resource_type: str


def is_fhir_lines(head: bytes, suffix: str) -> bool:
    """Whether a text begins with resources one a line: two of them, or one if it is named as such a file."""
    lines = [line for line in head.removeprefix(_MARK).splitlines() if line.strip()]
    wanted = 1 if suffix.lower() in SUFFIXES else 2
    return len(lines) >= wanted and all(_is_resource(line) for line in lines[:wanted])


def bundle_of_lines(texts: list[bytes]) -> bytes:
    """A ``collection`` bundle of the resources in texts of one resource a line, these byte for byte."""
    lines = (line.strip() for text in texts for line in text.removeprefix(_MARK).split(b"\n"))
    entries = b",".join(b'{"resource":%b}' % line for line in lines if line)
    return b'{"resourceType":"Bundle","type":"collection","entry":[%b]}' % entries


def _is_resource(line: bytes) -> bool:
    try:
        return msgspec.json.decode(line, type=_Typed).resource_type != "Bundle"
    except msgspec.DecodeError:
        return False
