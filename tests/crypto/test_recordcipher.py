"""Records open whole, under their own header and key, and in constant memory; everything else is corrupt."""

import hashlib
import itertools
import os
import tracemalloc
from collections.abc import Iterator

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.crypto.recordcipher import SLACK, ciphertext_size, decrypt, encrypt, encrypt_into
from ledger.errors import InvalidInput, RecordCorrupt
from ledger.records.buffers import Buffers

KEY = hashlib.sha256(b"a record key").digest()
HEADER = b'{"format":"consent-ledger/record/1"}'
CHUNK = 16 * 1024
BODY = bytes(range(256)) * 200
SEALED = b"".join(encrypt(KEY, HEADER, [BODY]))


def opened(ciphertext: bytes, *, key: bytes = KEY, header: bytes = HEADER) -> bytes:
    return b"".join(decrypt(key, header, [ciphertext]))


def flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def cut(data: bytes, pieces: list[int]) -> Iterator[bytes]:
    """`data` in pieces of the given sizes, then the rest."""
    start = 0
    for size in pieces:
        yield data[start : start + size]
        start += size
    yield data[start:]


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=300).map(lambda part: part * 200),
    header=st.binary(max_size=200),
    pieces=st.lists(st.integers(0, 40_000), max_size=6),
)
def test_round_trip_whatever_the_pieces(body: bytes, header: bytes, pieces: list[int]) -> None:
    sealed = b"".join(encrypt(KEY, header, cut(body, pieces)))
    assert len(sealed) == ciphertext_size(len(body))
    assert b"".join(decrypt(KEY, header, cut(sealed, pieces))) == body


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=300).map(lambda part: part * 2000),
    pieces=st.lists(st.integers(0, 600_000), max_size=6),
    size=st.sampled_from([100, CHUNK, CHUNK + 16, 1 << 17]),
)
def test_parts_made_in_the_same_memory_are_full_and_open(body: bytes, pieces: list[int], size: int) -> None:
    buffers = Buffers(2, size + SLACK)
    found = []
    for part in encrypt_into(KEY, HEADER, cut(body, pieces), buffers.take, size):
        found.append(bytes(part))
        buffers.give_back(part)
    assert {len(part) for part in found[:-1]} <= {size}
    assert 0 < len(found[-1]) <= size
    sealed = b"".join(found)
    assert len(sealed) == ciphertext_size(len(body))
    assert opened(sealed) == body


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 1 << 20])
def test_size_is_known_beforehand(size: int) -> None:
    sealed = b"".join(encrypt(KEY, HEADER, [bytes(size)]))
    assert len(sealed) == ciphertext_size(size)
    assert opened(sealed) == bytes(size)


def test_an_empty_body_still_has_a_ciphertext() -> None:
    sealed = b"".join(encrypt(KEY, HEADER, []))
    assert len(sealed) == 72
    assert opened(sealed) == b""


def test_encrypting_twice_gives_two_ciphertexts() -> None:
    assert b"".join(encrypt(KEY, HEADER, [BODY])) != SEALED


def test_the_format_is_cobblestone_256_with_the_header_as_context() -> None:
    theirs = Cobblestone256Decryptor(KEY, HEADER)
    assert theirs.update(SEALED) + theirs.finalize() == BODY


@pytest.mark.parametrize(
    ("defect", "ciphertext"),
    [
        ("flipped bit in the salt", flip(SEALED, 0)),
        ("flipped bit in the key commitment", flip(SEALED, 55)),
        ("flipped bit in the first chunk", flip(SEALED, 56)),
        ("flipped bit in a middle chunk", flip(SEALED, 56 + CHUNK + 20)),
        ("flipped bit in the last tag", flip(SEALED, len(SEALED) - 1)),
        ("last byte cut", SEALED[:-1]),
        ("last chunk cut", SEALED[: 56 + 3 * (CHUNK + 16)]),
        ("only the first chunk", SEALED[: 56 + CHUNK + 16]),
        ("only the head", SEALED[:56]),
        ("part of the head", SEALED[:20]),
        ("empty", b""),
        ("prolonged by one byte", SEALED + b"\x00"),
        ("prolonged by another record", SEALED + SEALED),
        (
            "first two chunks exchanged",
            SEALED[:56]
            + SEALED[56 + CHUNK + 16 : 56 + 2 * (CHUNK + 16)]
            + SEALED[56 : 56 + CHUNK + 16]
            + SEALED[56 + 2 * (CHUNK + 16) :],
        ),
        ("a chunk left out", SEALED[: 56 + CHUNK + 16] + SEALED[56 + 2 * (CHUNK + 16) :]),
        ("head of another record", b"".join(encrypt(KEY, HEADER, [BODY]))[:56] + SEALED[56:]),
    ],
)
def test_an_altered_record_is_corrupt(defect: str, ciphertext: bytes) -> None:
    with pytest.raises(RecordCorrupt):
        opened(ciphertext)


@settings(max_examples=60, deadline=None)
@given(bit=st.integers(0, len(SEALED) * 8 - 1))
def test_no_flipped_bit_opens(bit: int) -> None:
    altered = bytearray(SEALED)
    altered[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(RecordCorrupt):
        opened(bytes(altered))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, len(SEALED) - 1))
def test_no_truncation_opens(size: int) -> None:
    with pytest.raises(RecordCorrupt):
        opened(SEALED[:size])


@pytest.mark.parametrize("header", [b"", HEADER + b" ", HEADER[:-1], HEADER.replace(b"1", b"2")])
def test_does_not_open_under_another_header(header: bytes) -> None:
    with pytest.raises(RecordCorrupt):
        opened(SEALED, header=header)


def test_does_not_open_with_another_key() -> None:
    with pytest.raises(RecordCorrupt):
        opened(SEALED, key=flip(KEY, 0))


def test_what_comes_before_a_bad_end_is_yielded_but_never_finishes() -> None:
    pieces = decrypt(KEY, HEADER, [SEALED[:-1]])
    first = next(pieces)
    assert BODY.startswith(first)
    with pytest.raises(RecordCorrupt):
        list(pieces)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_not_of_32_bytes_is_refused_before_anything_is_read(size: int) -> None:
    def never() -> Iterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    for run in (encrypt, decrypt):
        with pytest.raises(InvalidInput):
            run(bytes(size), HEADER, never())


def test_an_error_of_the_source_passes_through() -> None:
    def failing() -> Iterator[bytes]:
        yield SEALED[:1000]
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        list(decrypt(KEY, HEADER, failing()))


def test_memory_does_not_grow_with_the_record() -> None:
    piece = os.urandom(1 << 16)
    pieces = 512

    def through() -> int:
        sealed = encrypt(KEY, HEADER, itertools.repeat(piece, pieces))
        return sum(len(part) for part in decrypt(KEY, HEADER, sealed))

    tracemalloc.start()
    try:
        total = through()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == pieces * len(piece)
    assert peak < 16 * len(piece)
