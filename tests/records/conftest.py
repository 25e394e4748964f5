"""Fixtures of the record tests: an account, a compartment's key pair, a store and the sample bundle."""

from pathlib import Path

import pytest

from ledger.crypto.sealing import KeyPair
from ledger.ids import Did
from ledger.records.blocks import MemoryBlockStore
from ledger.records.bundle import read_bundle
from ledger.records.header import RecordHeader
from ledger.records.resources import Bundle
from ledger.records.samples import sample_bundle

PATIENT = Did("did:pkh:eip155:31337:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
SECRET = bytes(range(32))


@pytest.fixture
def patient() -> Did:
    return PATIENT


@pytest.fixture
def secret() -> bytes:
    return SECRET


@pytest.fixture(scope="session")
def public_key() -> bytes:
    return KeyPair.from_secret(SECRET).public


@pytest.fixture
def blocks() -> MemoryBlockStore:
    return MemoryBlockStore()


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return read_bundle(sample_bundle())


@pytest.fixture
def header() -> RecordHeader:
    return RecordHeader(
        kind="file",
        patient=PATIENT,
        record_class="30954-2",
        confidentiality="N",
        date="2024-05-01",
        media_type="application/octet-stream",
        name="scan.bin",
        compression="none",
        size=5,
    )


@pytest.fixture(scope="session")
def synthea() -> list[Path]:
    """The five bundles of the shared data; tests that need them are skipped where they are not."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "synthea-r4"
    found = [path for path in sorted(folder.glob("*.json")) if path.name != "practitioners.json"]
    if not found:
        pytest.skip("../shared is not here")
    return found
