"""The body of a record: what goes in comes out, and nothing else does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput, RecordCorrupt
from ledger.ids import Did
from ledger.records.framing import frame, padme, unframe
from ledger.records.header import RecordHeader

COMPRESSIONS = ["none", "zstd"]


def header_for(plaintext: bytes, compression: str) -> RecordHeader:
    return RecordHeader(
        kind="file",
        patient=Did("did:pkh:eip155:31337:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        record_class="other",
        confidentiality="N",
        media_type="text/csv",
        compression=compression,
        size=len(plaintext),
    )


def body_of(header: RecordHeader, payload: bytes, padding: int | None = None) -> bytes:
    """A body as somebody with the key could write it."""
    head = header.to_bytes()
    whole = len(head).to_bytes(4, "big") + head + payload
    return whole + bytes(padme(len(whole)) - len(whole) if padding is None else padding)


def in_steps(data: bytes, step: int) -> Iterator[bytes]:
    return (data[start : start + step] for start in range(0, len(data), step))


def unframed(header: RecordHeader, body: bytes) -> bytes:
    return b"".join(unframe(header, [body]))


@given(st.binary(max_size=5000), st.sampled_from(COMPRESSIONS), st.integers(1, 6000), st.integers(1, 6000))
def test_every_plaintext_comes_back_however_it_is_cut(
    plaintext: bytes, compression: str, written: int, read: int
) -> None:
    header = header_for(plaintext, compression)
    body = b"".join(frame(header, in_steps(plaintext, written)))
    assert len(body) == padme(len(body))
    assert b"".join(unframe(header, in_steps(body, read))) == plaintext


@given(st.integers(2, 1 << 60))
def test_padded_lengths_cost_little_and_say_little(length: int) -> None:
    padded = padme(length)
    assert length <= padded <= length * 1.12
    assert padme(padded) == padded
    exponent = padded.bit_length() - 1
    assert padded % (1 << max(0, exponent - exponent.bit_length())) == 0


@pytest.mark.parametrize(("length", "padded"), [(0, 0), (1, 1), (9, 10), (1025, 1088), (1 << 20, 1 << 20)])
def test_padme_of_known_lengths(length: int, padded: int) -> None:
    assert padme(length) == padded


def test_texts_of_similar_length_have_bodies_of_one_length() -> None:
    sizes = {
        len(b"".join(frame(header_for(bytes(size), "none"), [bytes(size)]))) for size in range(9000, 9050)
    }
    assert len(sizes) <= 2


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("data", [b"", b"1234", b"123456"])
def test_data_that_changed_its_size_while_it_was_read_is_refused(data: bytes, compression: str) -> None:
    header = header_for(b"12345", compression)
    with pytest.raises(InvalidInput) as caught:
        list(frame(header, [data]))
    assert caught.value.reason == "size_changed"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_body_with_another_header_inside_is_refused(compression: str) -> None:
    header = header_for(b"12345", compression)
    body = b"".join(frame(header, [b"12345"]))
    with pytest.raises(RecordCorrupt):
        unframed(replace(header, confidentiality="U"), body)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("cut", [0, 3, 4, 100])
def test_a_body_that_ends_early_is_refused(compression: str, cut: int) -> None:
    header = header_for(b"12345" * 50, compression)
    body = b"".join(frame(header, [b"12345" * 50]))
    with pytest.raises(RecordCorrupt):
        unframed(header, body[:cut])


def test_padding_of_another_length_or_content_is_refused() -> None:
    header = header_for(b"12345", "none")
    right = body_of(header, b"12345")
    assert unframed(header, right) == b"12345"
    padding = len(right) - len(right.rstrip(b"\x00"))
    assert padding > 0
    for wrong in (right + b"\x00", right[:-1], right[:-1] + b"\x01", right + bytes(1 << 17), right + b"x"):
        with pytest.raises(RecordCorrupt):
            unframed(header, wrong)


@pytest.mark.parametrize("held", [b"1234", b"123456"])
def test_a_compressed_body_of_another_size_than_its_header_says_is_refused(held: bytes) -> None:
    header = header_for(b"12345", "zstd")
    with pytest.raises(RecordCorrupt):
        unframed(header, body_of(header, zstandard.compress(held)))


def test_a_second_frame_behind_the_first_is_refused() -> None:
    header = header_for(b"12345", "zstd")
    with pytest.raises(RecordCorrupt):
        unframed(header, body_of(header, zstandard.compress(b"12345") + zstandard.compress(b"67890")))


@pytest.mark.parametrize("payload", [b"", b"12345", zstandard.compress(b"12345")[:-1]])
def test_compressed_data_that_is_none_or_cut_is_refused(payload: bytes) -> None:
    header = header_for(b"12345", "zstd")
    with pytest.raises(RecordCorrupt):
        unframed(header, body_of(header, payload, padding=0))


def test_a_damaged_frame_is_refused_by_its_checksum() -> None:
    header = header_for(b"12345", "zstd")
    whole = b"".join(frame(header, [b"12345"]))
    at = whole.index(b"12345")
    with pytest.raises(RecordCorrupt):
        unframed(header, whole[:at] + b"1234X" + whole[at + 5 :])


def test_a_small_frame_that_unfolds_without_end_is_stopped_early() -> None:
    header = header_for(b"12345", "zstd")
    bomb = zstandard.compress(bytes(1 << 28))
    received: list[bytes] = []
    with pytest.raises(RecordCorrupt):
        received.extend(unframe(header, [body_of(header, bomb)]))
    assert received == []


def test_a_frame_that_wants_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=25, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    payload = compressor.compress(bytes(1000)) + compressor.flush()
    header = header_for(bytes(1000), "zstd")
    with pytest.raises(RecordCorrupt):
        unframed(header, body_of(header, payload))
