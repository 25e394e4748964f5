"""FORMATS.md and the vectors say what the code does."""

import base64
import hashlib
import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger.canonical import canonical, hexed, unb64, unhex
from ledger.crypto.sealing import SUITE
from ledger.ids import Cid
from ledger.records.blocks import MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.header import RecordHeader
from ledger.records.manifest import Manifest, store
from ledger.records.opening import open_record
from ledger.records.publish import record_info

VECTORS = Path(__file__).parents[1] / "vectors" / "record.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text())["cases"]


@pytest.fixture(scope="module")
def text() -> str:
    return files(ledger).joinpath("FORMATS.md").read_text()


@pytest.fixture(params=CASES, ids=[case["name"] for case in CASES])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def section(text: str, title: str) -> str:
    start = text.index(f"\n## {title}\n")
    return text[start : text.find("\n## ", start + 1)]


def example(text: str, title: str) -> str:
    found = re.search(r"^```\w+\n(.*?)\n```$", section(text, title), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_what_follows_from_the_header_is_as_in_the_vector(case: dict[str, Any]) -> None:
    header = RecordHeader.from_bytes(case["header"].encode())
    assert hexed(header.digest) == case["headerDigest"]
    assert hexed(header.compartment) == case["compartment"]
    assert record_info(case["root"], header, case["epoch"]).decode() == case["info"]


def test_the_ciphertext_has_the_manifest_and_root_of_the_vector(case: dict[str, Any]) -> None:
    blocks = MemoryBlockStore()
    assert store([unb64(case["ciphertext"])], blocks) == case["root"]
    assert blocks.get(case["root"]) == unb64(case["manifest"])
    assert Manifest.from_bytes(unb64(case["manifest"])).to_bytes() == unb64(case["manifest"])


def test_the_record_of_the_vector_opens(case: dict[str, Any]) -> None:
    blocks, sink = MemoryBlockStore(), io.BytesIO()
    store([unb64(case["ciphertext"])], blocks)
    open_record(
        case["root"],
        RecordHeader.from_bytes(case["header"].encode()),
        unb64(case["capsule"]),
        secret=unhex(case["secret"]),
        epoch=case["epoch"],
        blocks=blocks,
        sink=sink,
    )
    assert sink.getvalue() == unb64(case["plaintext"])


def test_the_examples_are_those_of_the_first_vector(text: str) -> None:
    first = CASES[0]
    assert example(text, "Record header") == first["header"]
    assert example(text, "Capsule") == first["info"]
    compartment = example(text, "Compartment")
    assert canonical(json.loads(compartment)).decode() == compartment
    assert hexed(hashlib.sha256(compartment.encode()).digest()) == first["compartment"]
    for named in (first["root"], first["compartment"], SUITE):
        assert named in text


def test_the_dump_of_the_manifest_is_the_manifest(text: str) -> None:
    dump = re.sub(r'(map of|").*', "", example(text, "Manifest"))
    encoded = bytes.fromhex(dump)
    assert base64.b64encode(encoded).decode() == CASES[0]["manifest"]
    assert cid_of(Codec.DAG_CBOR, encoded) == Cid(CASES[0]["root"])


def test_every_member_of_a_header_is_described(text: str) -> None:
    table, _, _ = section(text, "Record header").partition("### Segment attributes")
    described = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    written = {name for case in CASES for name in json.loads(case["header"])}
    assert described == written
