"""A FHIR bundle is known by what it holds, whatever it is called; its Patient by the name in full."""

from pathlib import Path
from typing import Any

import pytest

from cli.sniffing import bundle_in, is_named
from ledger.errors import InvalidInput, NotFound
from ledger.records.bundle import MAX_BUNDLE

ZOE = {"name": [{"use": "official", "family": "Sampleton", "given": ["Zoë", "Ida"]}], "id": "1"}
NAMELESS = {"id": "one", "identifier": [{"system": "https://a.example", "value": "CL-0001"}], "name": []}


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.json", b'{"resourceType":"Bundle"}'),
        ("a.fhir", b'{"resourceType":"Bundle"}'),
        ("a", b' \r\n\t{"type":"collection","resourceType" : "Bundle"}'),
        ("a.txt", b'\xef\xbb\xbf{"resourceType":"Bundle"}'),
        ("a.txt", b" " * 100_000 + b'{"resourceType":"Bundle"}'),
        ("cut.txt", b'{"resourceType":"Bundle","entry":['),
        ("latin.txt", b'{"resourceType":"Bundle","name":"\xe9"}'),
    ],
)
def test_a_bundle_is_one_under_any_name(tmp_path: Path, name: str, raw: bytes) -> None:
    (tmp_path / name).write_bytes(raw)
    assert bundle_in(tmp_path / name, expected=False) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"%PDF",
        b"{",
        b'["Bundle"]',
        b'{"resourceType":"Patient"}',
        b'{"resourceType":"Parameters","parameter":[{"resource":{"resourceType":"Bundle"}}]}',
    ],
)
def test_any_other_file_is_none(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(raw)
    assert bundle_in(path, expected=False) is None
    assert bundle_in(path, expected=True) == raw
    assert bundle_in(path.rename(tmp_path / "a.pdf"), expected=True) is None


def test_a_bundle_that_is_too_large_is_still_one(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as stream:
        stream.write(b'{"resourceType":"Bundle"')
        stream.truncate(MAX_BUNDLE + 100)
    found = bundle_in(path, expected=False)
    assert found is not None
    assert len(found) == MAX_BUNDLE + 1


def test_what_is_no_file_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nope\.json"):
        bundle_in(tmp_path / "nope.json", expected=True)
    with pytest.raises(InvalidInput, match="is a directory"):
        bundle_in(tmp_path, expected=True)


@pytest.mark.parametrize(
    ("patient", "name", "same"),
    [
        (ZOE, "Zoë Ida Sampleton", True),
        (ZOE, " zoë  ida SAMPLETON ", True),
        (ZOE, "Sampleton", False),
        (ZOE, "Zoë Sampleton", False),
        (ZOE, "1", False),
        (ZOE, "", False),
        ({"name": [{"text": "Dr. Zoë"}]}, "dr. zoë", True),
        (NAMELESS, "CL-0001", True),
        (NAMELESS, "one", True),
        (NAMELESS, "", False),
        ({"name": "odd", "identifier": {"value": "x"}}, "", False),
    ],
)
def test_a_name_counts_only_in_full(patient: dict[str, Any], name: str, same: bool) -> None:
    assert is_named(patient, name) is same
