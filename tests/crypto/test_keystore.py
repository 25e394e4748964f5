"""The keystore: one passphrase opens it, and nothing in it can be exchanged."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.canonical import b64, canonical, unb64
from ledger.crypto import keystore
from ledger.crypto.identity import Identity, new_words
from ledger.errors import Conflict, InvalidInput, KeyLocked, NotFound, StoreUnavailable, TooLarge

WORDS = new_words(lambda size: bytes(range(size)))
PASSPHRASE = "correct horse, pässt"
FACTOR = 14


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("keystore") / "keystore.json"
    keystore.create(path, WORDS, PASSPHRASE, FACTOR)
    return path.read_bytes()


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes as a private file and returns its path."""

    def write(data: bytes) -> Path:
        path = tmp_path / "keystore.json"
        path.touch(0o600)
        path.write_bytes(data)
        return path

    return write


def edited(stored: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The file after a change, written canonically again."""
    content = json.loads(stored)
    change(content)
    return canonical(content) + b"\n"


def test_the_passphrase_brings_back_the_same_identity(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    created = keystore.create(path, WORDS, PASSPHRASE, FACTOR)
    assert keystore.unlock(path, PASSPHRASE) == created == Identity.from_words(WORDS)
    assert keystore.read_words(path, PASSPHRASE) == WORDS
    assert keystore.account_in(path) == created.account.address


def test_the_file_has_the_stated_format(stored: bytes) -> None:
    content = json.loads(stored)
    assert stored == canonical(content) + b"\n"
    assert content["format"] == "consent-ledger/keystore/1"
    assert content["kdf"] | {"salt": ""} == {"name": "scrypt", "log2n": FACTOR, "r": 8, "p": 1, "salt": ""}
    assert content["aead"] == "aes-256-gcm"
    assert content["account"] == Identity.from_words(WORDS).account.address
    assert (len(unb64(content["kdf"]["salt"])), len(unb64(content["nonce"]))) == (32, 12)
    assert len(unb64(content["ciphertext"])) == len(WORDS) + 16


def test_the_default_work_factor_is_17() -> None:
    assert keystore.WORK_FACTOR == 17


def test_no_word_is_in_the_file(stored: bytes) -> None:
    assert not any(word.encode() in stored for word in WORDS.split() if len(word) > 5)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    keystore.create(tmp_path / "k", WORDS, PASSPHRASE, FACTOR)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["k"]


def test_two_keystores_of_one_identity_share_no_salt_nonce_or_ciphertext(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        keystore.create(tmp_path / name, WORDS, PASSPHRASE, FACTOR)
        contents.append(json.loads((tmp_path / name).read_bytes()))
    first, second = contents
    assert first["kdf"]["salt"] != second["kdf"]["salt"]
    assert first["nonce"] != second["nonce"]
    assert first["ciphertext"] != second["ciphertext"]


def test_a_passphrase_typed_in_another_unicode_form_opens_it(
    put: Callable[[bytes], Path], stored: bytes
) -> None:
    decomposed = PASSPHRASE.replace("ä", "a\u0308")
    assert keystore.read_words(put(stored), decomposed) == WORDS


@pytest.mark.parametrize("passphrase", ["correct horse, passt", PASSPHRASE + " ", PASSPHRASE.upper(), "\x00"])
def test_another_passphrase_leaves_it_locked(
    put: Callable[[bytes], Path], stored: bytes, passphrase: str
) -> None:
    with pytest.raises(KeyLocked) as caught:
        keystore.unlock(put(stored), passphrase)
    assert passphrase not in str(caught.value.as_dict())


def test_an_empty_passphrase_is_refused(put: Callable[[bytes], Path], stored: bytes, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        keystore.unlock(put(stored), "")
    with pytest.raises(InvalidInput):
        keystore.create(tmp_path / "new", WORDS, "", FACTOR)
    assert not (tmp_path / "new").exists()


def test_a_lone_surrogate_is_no_passphrase(put: Callable[[bytes], Path], stored: bytes) -> None:
    with pytest.raises(InvalidInput):
        keystore.unlock(put(stored), "\udcff")


def flipped_base64(text: str) -> str:
    data = unb64(text)
    return b64(bytes([data[0] ^ 1]) + data[1:])


@pytest.mark.parametrize(
    ("defect", "change"),
    [
        ("flipped bit in the ciphertext", lambda c: c.update(ciphertext=flipped_base64(c["ciphertext"]))),
        ("ciphertext cut", lambda c: c.update(ciphertext=b64(unb64(c["ciphertext"])[:-1]))),
        ("no ciphertext", lambda c: c.update(ciphertext="")),
        ("flipped bit in the nonce", lambda c: c.update(nonce=flipped_base64(c["nonce"]))),
        ("flipped bit in the salt", lambda c: c["kdf"].update(salt=flipped_base64(c["kdf"]["salt"]))),
        ("work factor raised", lambda c: c["kdf"].update(log2n=15)),
        (
            "account exchanged",
            lambda c: c.update(account="0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        ),
    ],
)
def test_a_tampered_keystore_does_not_open(
    put: Callable[[bytes], Path], stored: bytes, defect: str, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(KeyLocked):
        keystore.unlock(put(edited(stored, change)), PASSPHRASE)


@pytest.mark.parametrize(
    ("defect", "change"),
    [
        ("another version", lambda c: c.update(format="consent-ledger/keystore/2")),
        ("another aead", lambda c: c.update(aead="aes-128-gcm")),
        ("another kdf", lambda c: c["kdf"].update(name="pbkdf2")),
        ("work factor 13", lambda c: c["kdf"].update(log2n=13)),
        ("work factor 23", lambda c: c["kdf"].update(log2n=23)),
        ("work factor enormous", lambda c: c["kdf"].update(log2n=63)),
        ("work factor a text", lambda c: c["kdf"].update(log2n="14")),
        ("r raised", lambda c: c["kdf"].update(r=1024)),
        ("p raised", lambda c: c["kdf"].update(p=1000)),
        ("p a boolean", lambda c: c["kdf"].update(p=True)),
        ("salt short", lambda c: c["kdf"].update(salt=b64(bytes(8)))),
        ("salt a number", lambda c: c["kdf"].update(salt=1)),
        ("salt missing", lambda c: c["kdf"].pop("salt")),
        ("nonce short", lambda c: c.update(nonce=b64(bytes(8)))),
        ("nonce not base64", lambda c: c.update(nonce="!!!!")),
        ("nonce missing", lambda c: c.pop("nonce")),
        ("kdf a text", lambda c: c.update(kdf="scrypt")),
        ("member too many", lambda c: c.update(extra="")),
        ("kdf member too many", lambda c: c["kdf"].update(extra="")),
        ("account without checksum", lambda c: c.update(account=c["account"].lower())),
        ("account a number", lambda c: c.update(account=1)),
    ],
)
def test_a_file_of_another_format_is_refused_before_any_work(
    put: Callable[[bytes], Path], stored: bytes, defect: str, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(InvalidInput):
        keystore.unlock(put(edited(stored, change)), PASSPHRASE)


@pytest.mark.parametrize(
    ("defect", "change"),
    [
        ("empty", lambda raw: b""),
        ("cut in the middle", lambda raw: raw[: len(raw) // 2]),
        ("last line feed cut", lambda raw: raw[:-1]),
        ("not UTF-8", lambda raw: b"\xff" + raw),
        ("space added", lambda raw: raw.replace(b",", b", ", 1)),
        (
            "members reordered",
            lambda raw: json.dumps(dict(reversed(json.loads(raw).items()))).encode() + b"\n",
        ),
        ("member twice", lambda raw: raw.replace(b"{", b'{"aead":"aes-256-gcm",', 1)),
        ("number as a float", lambda raw: raw.replace(b'"p":1', b'"p":1.0')),
        ("an array", lambda raw: b"[" + raw.strip() + b"]\n"),
    ],
)
def test_any_other_spelling_is_refused(
    put: Callable[[bytes], Path], stored: bytes, defect: str, change: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(InvalidInput):
        keystore.unlock(put(change(stored)), PASSPHRASE)


def test_a_huge_file_is_refused_unread(put: Callable[[bytes], Path]) -> None:
    with pytest.raises(TooLarge):
        keystore.unlock(put(b" " * (1 << 20)), PASSPHRASE)


def test_a_keystore_that_others_can_read_is_not_opened(put: Callable[[bytes], Path], stored: bytes) -> None:
    path = put(stored)
    path.chmod(0o644)
    with pytest.raises(KeyLocked) as caught:
        keystore.unlock(path, PASSPHRASE)
    assert caught.value.reason == "key_file_exposed"
    assert "chmod 600" in caught.value.fix


def test_no_keystore_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        keystore.unlock(tmp_path / "none", PASSPHRASE)


def test_an_existing_keystore_is_never_replaced(put: Callable[[bytes], Path], stored: bytes) -> None:
    path = put(stored)
    with pytest.raises(Conflict):
        keystore.create(path, new_words(os.urandom), "another", FACTOR)
    assert path.read_bytes() == stored


@pytest.mark.parametrize("factor", [-1, 0, 13, 23])
def test_a_work_factor_out_of_bounds_writes_nothing(tmp_path: Path, factor: int) -> None:
    with pytest.raises(InvalidInput):
        keystore.create(tmp_path / "k", WORDS, PASSPHRASE, factor)
    assert list(tmp_path.iterdir()) == []


def test_words_that_are_none_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        keystore.create(tmp_path / "k", WORDS + " extra", PASSPHRASE, FACTOR)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        keystore.create(tmp_path / "missing" / "k", WORDS, PASSPHRASE, FACTOR)
