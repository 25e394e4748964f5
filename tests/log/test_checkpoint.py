"""Signed notes: what we write, what others wrote, and what is refused."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.canonical import b64, unb64
from ledger.errors import InvalidInput, ProofInvalid
from ledger.ids import Address
from ledger.log.checkpoint import Checkpoint, LogKey, open_note, origin_of

ORIGIN = "consent-ledger/1/0xA/0xB"
SEED = b"k" * 32
KEY = LogKey(ORIGIN, SEED)
ROOT = bytes(range(32))
CHECKPOINT = Checkpoint(origin=ORIGIN, size=42, root=ROOT)
NOTE = KEY.sign(CHECKPOINT)
TEXT, LINE = NOTE.replace("\n\n", "\n|").split("|")

FOREIGN_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
FOREIGN_VERIFIER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
"""The documented example of the signed_note package on hex.pm: a note that another implementation signed."""


def signed(text: str) -> str:
    """`text` signed by our key by hand, so that malformed texts can carry a good signature."""
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    public = private.public_key().public_bytes_raw()
    key_id = sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]
    return f"{text}\n— {ORIGIN} {b64(key_id + private.sign(text.encode()))}\n"


def reason(note: str, verifier: str = KEY.verifier) -> str:
    with pytest.raises(ProofInvalid) as caught:
        open_note(note, verifier)
    return caught.value.reason


def test_a_checkpoint_comes_back_from_its_note() -> None:
    assert open_note(NOTE, KEY.verifier) == CHECKPOINT
    assert signed(TEXT) == NOTE
    empty = Checkpoint(origin=ORIGIN, size=0, root=sha256().digest())
    assert open_note(KEY.sign(empty), KEY.verifier) == empty


def test_the_verifier_is_the_one_of_the_format() -> None:
    name, key_id, key = KEY.verifier.split("+", 2)
    assert name == ORIGIN
    assert unb64(key)[:1] == b"\x01"
    assert sha256(name.encode() + b"\n" + unb64(key)).digest()[:4].hex() == key_id


def test_a_note_signed_elsewhere_verifies_and_is_no_checkpoint() -> None:
    assert reason(FOREIGN_NOTE, FOREIGN_VERIFIER) == "note_malformed"
    assert reason(FOREIGN_NOTE.replace("message", "massage"), FOREIGN_VERIFIER) == "note_signature"


def test_a_changed_text_or_signature_fails() -> None:
    assert reason(NOTE.replace("\n42\n", "\n43\n")) == "note_signature"
    name, raw = LINE.removeprefix("— ").split(" ")
    signature = bytearray(unb64(raw.strip()))
    signature[-1] ^= 1
    assert reason(f"{TEXT}\n— {name} {b64(bytes(signature))}\n") == "note_signature"
    assert reason(f"{TEXT}\n— {name} {b64(bytes(signature[:40]))}\n") == "note_signature"


def test_another_key_of_the_same_name_signs_for_nothing() -> None:
    other = LogKey(ORIGIN, b"x" * 32)
    assert reason(NOTE, other.verifier) == "note_unsigned"


def test_a_key_may_not_sign_for_another_log() -> None:
    other = Checkpoint(origin="elsewhere", size=1, root=ROOT)
    with pytest.raises(InvalidInput):
        KEY.sign(other)
    assert reason(signed(other.text())) == "note_origin"


def test_lines_of_witnesses_are_passed_over_wherever_they_stand() -> None:
    witness = LogKey("witness.example/1", b"w" * 32)
    line = witness.sign(Checkpoint(origin=witness.origin, size=1, root=ROOT)).split("\n\n")[1]
    assert open_note(f"{TEXT}\n{line}{LINE}{line}", KEY.verifier) == CHECKPOINT


def test_one_bad_signature_by_the_key_spoils_a_good_one() -> None:
    stray = signed(TEXT.replace("42", "43")).split("\n\n")[1]
    assert reason(f"{TEXT}\n{LINE}{stray}") == "note_signature"
    assert reason(f"{TEXT}\n{stray}{LINE}") == "note_signature"


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("42", "042"),
        TEXT.replace("42", "+42"),
        TEXT.replace("42", "4_2"),
        TEXT.replace("42", "٤٢"),
        TEXT.replace("42", ""),
        TEXT.replace("42", "9" * 30),
        TEXT + "extension\n",
        TEXT.replace(b64(ROOT), b64(ROOT[:31])),
        TEXT.replace(b64(ROOT), b64(ROOT).rstrip("=")),
        TEXT.replace(b64(ROOT), b64(ROOT)[:-2] + "9="),
        TEXT.replace("\n", "\r\n"),
        f"{ORIGIN}\n42\n",
    ],
)
def test_a_well_signed_text_in_another_spelling_is_refused(text: str) -> None:
    assert reason(signed(text)) == "note_malformed"


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE + "trailing",
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE[:-2] + " \n",
        f"{TEXT}\n— {ORIGIN} AAAA\n{LINE}",
        f"{TEXT}\n— no+plus {b64(bytes(68))}\n{LINE}",
        f"{TEXT}\n{LINE * 65}",
        NOTE.replace("42", "4\x002"),
        NOTE + "\ud800",
        NOTE + "x" * 70_000,
    ],
)
def test_what_is_not_a_note_is_refused(note: str) -> None:
    assert reason(note) == "note_malformed"


@pytest.mark.parametrize(
    "verifier",
    [
        "",
        "name",
        KEY.verifier.replace(ORIGIN, "other"),
        KEY.verifier[:-4],
        KEY.verifier + "=",
        FOREIGN_VERIFIER.replace("530d903a", "530D903A"),
        FOREIGN_VERIFIER.replace("530d903a", "00000000"),
    ],
)
def test_a_verifier_that_does_not_describe_its_key_is_refused(verifier: str) -> None:
    with pytest.raises(InvalidInput):
        open_note(NOTE, verifier)


@pytest.mark.parametrize("origin", ["", "with space", "with+plus", "with\nline", "with\u2003space"])
def test_an_origin_that_cannot_be_a_key_name_is_refused(origin: str) -> None:
    with pytest.raises(InvalidInput):
        LogKey(origin, SEED)


def test_a_key_shows_no_secret() -> None:
    assert SEED.hex() not in repr(KEY)
    assert repr(SEED) not in repr(KEY)
    with pytest.raises(InvalidInput):
        LogKey(ORIGIN, SEED[:31])


def test_the_origin_names_chain_contract_and_sender() -> None:
    anchor = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
    sender = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
    assert origin_of(31337, anchor, sender) == f"consent-ledger/31337/{anchor}/{sender}"
