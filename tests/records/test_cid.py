"""CIDs have one spelling, and name exactly the block that they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BlockCorrupt, InvalidInput
from ledger.ids import Cid
from ledger.records.cid import (
    Codec,
    cid_from_bytes,
    cid_of,
    cid_to_bytes,
    codec_of,
    digest_of,
    parse_cid,
    require_block,
)

HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


@pytest.mark.parametrize(
    ("codec", "data", "text"),
    [
        (Codec.RAW, b"", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        (Codec.RAW, b"hello world", HELLO),
        (Codec.DAG_CBOR, b"\xa0", "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"),
    ],
)
def test_cids_are_those_that_ipfs_gives(codec: Codec, data: bytes, text: str) -> None:
    assert cid_of(codec, data) == text


@given(st.sampled_from(Codec), st.binary(max_size=64))
def test_text_and_bytes_are_two_forms_of_one_cid(codec: Codec, data: bytes) -> None:
    cid = cid_of(codec, data)
    assert parse_cid(cid) == cid
    assert cid_from_bytes(cid_to_bytes(cid)) == cid
    assert codec_of(cid) is codec
    require_block(cid, data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HELLO.upper(),
        HELLO[:-1],
        HELLO + "a",
        HELLO[:-1] + "f",  # pad bits that are not zero
        "z" + HELLO[1:],
        HELLO[:20] + "1" + HELLO[21:],  # not in the alphabet
        HELLO[:20] + "\u0131" + HELLO[21:],  # upper-cases to a letter of it
        "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",  # dag-pb
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    ],
)
def test_every_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_cid(text)


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_another_version_codec_or_hash_function_is_refused(at: int) -> None:
    raw = bytearray(cid_to_bytes(Cid(HELLO)))
    raw[at] ^= 0x07
    with pytest.raises(InvalidInput):
        cid_from_bytes(bytes(raw))


def test_other_bytes_are_not_the_block() -> None:
    with pytest.raises(BlockCorrupt) as caught:
        require_block(Cid(HELLO), b"hello world!")
    assert caught.value.fields == {"cid": HELLO}
    assert len(digest_of(Cid(HELLO))) == 32
