"""What a setting for blocks opens, and what it refuses."""

from pathlib import Path

import pytest

from ledger.errors import InvalidInput, StoreUnavailable
from ledger.records.blocks import LocalBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.stores import opened, read_token

DATA = b"a block"
CID = cid_of(Codec.RAW, DATA)


def test_as_many_places_as_the_factor_must_take_a_block(tmp_path: Path) -> None:
    places = f"{tmp_path / 'one'},{tmp_path / 'two'},http://127.0.0.1:9"
    with opened(places) as store, pytest.raises(StoreUnavailable) as refused:
        store.put(CID, DATA)
    assert refused.value.reason == "too_few_copies"
    with opened(places, factor=2) as store:
        store.put(CID, DATA)
    assert LocalBlockStore(tmp_path / "two").get(CID) == DATA


@pytest.mark.parametrize("factor", [0, 2])
def test_a_factor_that_one_place_cannot_meet_is_refused(tmp_path: Path, factor: int) -> None:
    with pytest.raises(InvalidInput) as refused, opened(str(tmp_path), factor=factor):
        pass
    assert refused.value.reason == "bad_factor"


@pytest.mark.parametrize("text", ["secret", "secret\n", "a.b-c_d=="])
def test_a_token_is_the_line_in_its_file(tmp_path: Path, text: str) -> None:
    assert read_token(token_file(tmp_path, text)) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "\n", "two\nlines", "two words", "s\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 1025]
)
def test_what_is_no_token_is_refused_without_saying_what_it_is(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_token(token_file(tmp_path, text))
    assert refused.value.reason == "bad_token"
    assert len(text.strip()) < 2 or text.strip() not in str(refused.value.as_dict())


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = token_file(tmp_path, "secret")
    path.chmod(0o640)
    with pytest.raises(InvalidInput) as refused:
        read_token(path)
    assert refused.value.reason == "token_exposed"
    assert "chmod 600" in refused.value.fix


def test_a_token_s_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable), opened(str(tmp_path), token_file=tmp_path / "absent"):
        pass


def token_file(directory: Path, text: str) -> Path:
    path = directory / "token"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path
