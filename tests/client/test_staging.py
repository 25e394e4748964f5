"""What is staged: durable with its note, nothing without, and told to nobody."""

import errno
import os
import signal
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from ledger.canonical import canonical, parse_object
from ledger.client import staging
from ledger.client.atrest import Sealer
from ledger.client.staging import Batch, Staging
from ledger.client.undisturbed import undisturbed
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import KeyPair, open_capsule
from ledger.errors import InvalidInput, KeyLocked, StoreUnavailable
from ledger.ids import did_of
from ledger.records.header import RecordHeader
from ledger.records.manifest import CHUNK
from ledger.records.opening import plaintext_of
from ledger.records.publish import Place, record_info

WORDS = "abandon " * 23 + "art"
OTHER = "zoo " * 23 + "vote"
SECRET = bytes(range(32))
TEXT = b"the plaintext of a staged record"


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity.from_words(WORDS)


@pytest.fixture
def header(identity: Identity) -> RecordHeader:
    return RecordHeader(
        kind="file",
        patient=did_of(31337, identity.account.address),
        record_class="34109-9",
        confidentiality="N",
        media_type="text/plain",
        compression="none",
        size=len(TEXT),
    )


def place(epoch: int = 0) -> Place:
    return Place(epoch=epoch, public_key=KeyPair.from_secret(SECRET).public)


def filled(staged: Staging, header: RecordHeader, count: int = 2) -> Batch:
    batch = staged.begin()
    for _ in range(count):
        batch.add(header, [TEXT], place(), randomness=os.urandom)
    return batch


def test_a_kept_batch_comes_back_and_opens(tmp_path: Path, identity: Identity, header: RecordHeader) -> None:
    made = filled(Staging(tmp_path, identity), header)
    made.keep()
    (batch,) = Staging(tmp_path, identity).left(header.patient)
    for one, same in zip(batch.records, made.records, strict=True):
        assert (one.root, one.header, one.capsule, one.epoch) == (
            *(same.root, same.header, same.capsule),
            same.epoch,
        )
        key = open_capsule(SECRET, one.capsule, record_info(one.root, header, 0))
        assert b"".join(plaintext_of(one.root, header, key, batch.blocks)) == TEXT
    batch.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_batch_without_a_note_is_removed(tmp_path: Path, identity: Identity, header: RecordHeader) -> None:
    filled(Staging(tmp_path, identity), header)
    assert list(Staging(tmp_path, identity).left(header.patient)) == []
    assert list(tmp_path.iterdir()) == []


def test_the_kept_keys_are_sealed_to_a_new_place(
    tmp_path: Path, identity: Identity, header: RecordHeader
) -> None:
    batch = filled(Staging(tmp_path, identity), header)
    batch.keep()
    batch.seal_again(lambda _: place(epoch=4))
    (again,) = Staging(tmp_path, identity).left(header.patient)
    assert [one.epoch for one in again.records] == [4, 4]
    assert [one.capsule for one in again.records] == [one.capsule for one in batch.records]
    for one in again.records:
        assert len(open_capsule(SECRET, one.capsule, record_info(one.root, header, 4))) == 32


def test_another_identity_can_read_no_note(tmp_path: Path, identity: Identity, header: RecordHeader) -> None:
    filled(Staging(tmp_path, identity), header).keep()
    with pytest.raises(KeyLocked):
        list(Staging(tmp_path, Identity.from_words(OTHER)).left(header.patient))


@pytest.mark.parametrize(
    "content",
    [
        {"format": "consent-ledger/staged/2", "records": []},
        {"format": "consent-ledger/staged/1"},
        {"format": "consent-ledger/staged/1", "records": [{}]},
    ],
)
def test_a_note_of_another_form_is_refused(
    tmp_path: Path, identity: Identity, header: RecordHeader, content: dict[str, object]
) -> None:
    filled(Staging(tmp_path, identity), header).keep()
    (path,) = tmp_path.glob("*/note.sealed")
    path.write_bytes(Sealer(staging.SEALED, identity).seal(content))
    with pytest.raises(InvalidInput):
        list(Staging(tmp_path, identity).left(header.patient))


def test_a_profiles_state_is_no_note(tmp_path: Path, identity: Identity, header: RecordHeader) -> None:
    filled(Staging(tmp_path, identity), header).keep()
    (path,) = tmp_path.glob("*/note.sealed")
    sealed = parse_object(Sealer("consent-ledger/state-sealed/1", identity).seal({}))
    path.write_bytes(canonical({**sealed, "format": staging.SEALED}))
    with pytest.raises(KeyLocked):
        list(Staging(tmp_path, identity).left(header.patient))


def test_a_disk_that_fails_to_flush_is_told_before_there_is_a_note(
    tmp_path: Path, identity: Identity, header: RecordHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = filled(Staging(tmp_path, identity), header)

    def full(handle: int) -> None:
        os.close(handle)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(staging, "_sync", full)
    batch.add(header, [TEXT], place(), randomness=os.urandom)
    with pytest.raises(StoreUnavailable):
        batch.keep()
    assert list(tmp_path.glob("*/note.sealed")) == []


def large(header: RecordHeader) -> tuple[RecordHeader, list[bytes]]:
    """A record that is made in buffers which are used again, several times over."""
    pieces = [bytes([number]) * CHUNK for number in range(40)]
    return replace(header, size=40 * CHUNK), pieces


def test_a_large_record_opens(tmp_path: Path, identity: Identity, header: RecordHeader) -> None:
    header, pieces = large(header)
    batch = Staging(tmp_path, identity).begin()
    batch.add(header, pieces, place(), randomness=os.urandom)
    batch.keep()
    (one,) = batch.records
    key = open_capsule(SECRET, one.capsule, record_info(one.root, header, 0))
    assert b"".join(plaintext_of(one.root, header, key, batch.blocks)) == b"".join(pieces)
    batch.remove()


@pytest.mark.parametrize("failing", [0, 5, 30])
def test_a_disk_that_gets_full_under_a_large_record_is_told(
    tmp_path: Path, identity: Identity, header: RecordHeader, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    header, pieces = large(header)
    batch, turns, write = Staging(tmp_path, identity).begin(), count(), staging._written

    def full(path: Path, data: bytes) -> int:
        if next(turns) >= failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(staging, "_written", full)
    with pytest.raises(StoreUnavailable):
        batch.add(header, pieces, place(), randomness=os.urandom)
    assert batch.records == []
    batch.remove()


def interrupted(times: int, done: list[str]) -> None:
    with undisturbed():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
        done.append("all of it")


def test_an_interrupt_is_heard_when_the_work_is_done() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(1, done)
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_goes_through() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(2, done)
    assert done == []
