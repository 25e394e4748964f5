"""Checkpoints: size and root of a log, signed as a C2SP signed note (tlog-checkpoint).

::

    consent-ledger/31337/0x5FbD…/0xf39F…                          origin, also the name of the key
    42                                                            size
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=                  root
                                                                  (an empty line)
    — consent-ledger/31337/0x5FbD…/0xf39F… Az3grlgtzPIC…          signature, one line a key

A signature is Ed25519 over the text up to and including the newline before the empty line, preceded by the
key's id: the first four bytes of SHA-256(name || 0x0A || 0x01 || public key). Lines of keys we do not know
(witnesses) are passed over. Extension lines and other spellings are refused.
"""

from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.canonical import b64, unb64
from ledger.errors import InvalidInput, ProofInvalid
from ledger.ids import Address

ED25519 = b"\x01"
DASH = "\N{EM DASH} "
MAX_NOTE = 64 * 1024
MAX_SIGNATURES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The log `origin` had `size` entries and the 32-byte `root`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


class LogKey:
    """The Ed25519 key of one log; its name is the log's origin."""

    __slots__ = ("_private", "origin", "verifier")

    def __init__(self, origin: str, seed: bytes) -> None:
        """The key made from 32 secret bytes.

        Raises:
            InvalidInput: an origin that cannot be a key name, or a seed of another length.
        """
        if len(seed) != 32:
            raise InvalidInput("the seed of a log key has 32 bytes", reason="bad_log_key")
        _require_name(origin)
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.origin = origin
        self.verifier = f"{origin}+{_key_id(origin, public).hex()}+{b64(ED25519 + public)}"

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint of this log.

        Raises:
            InvalidInput: a checkpoint of another log.
        """
        if checkpoint.origin != self.origin:
            raise InvalidInput("this key signs for another log", reason="note_origin")
        text = checkpoint.text()
        public = self._private.public_key().public_bytes_raw()
        signature = _key_id(self.origin, public) + self._private.sign(text.encode())
        return f"{text}\n{DASH}{self.origin} {b64(signature)}\n"


def origin_of(chain_id: int, anchor: Address, sender: Address) -> str:
    """The origin of the log that `sender` anchors in the contract `anchor`."""
    return f"consent-ledger/{chain_id}/{anchor}/{sender}"


def open_note(note: str, verifier: str) -> Checkpoint:
    """The checkpoint in `note`, signed by the key that `verifier` ("name+id+base64") describes.

    Raises:
        ProofInvalid: malformed, of another origin, not signed by that key, or a signature by it fails.
        InvalidInput: `verifier` is malformed.
    """
    origin, key_id, public = _parse_verifier(verifier)
    text, lines = _split_note(note)
    signed = map(_parse_line, lines)
    found = [signature for name, signature in signed if (name, signature[:4]) == (origin, key_id)]
    if not found:
        raise ProofInvalid("the checkpoint is not signed by this log's key", reason="note_unsigned")
    for signature in found:
        try:
            public.verify(signature[4:], text.encode())
        except InvalidSignature as exc:
            raise ProofInvalid("the signature of the checkpoint fails", reason="note_signature") from exc
    checkpoint = _parse_text(text)
    if checkpoint.origin != origin:
        raise ProofInvalid("the checkpoint is of another log", reason="note_origin")
    return checkpoint


def _split_note(note: str) -> tuple[str, list[str]]:
    """Text and signature lines; the last empty line is between them."""
    try:
        length = len(note.encode())
    except UnicodeEncodeError as exc:
        raise _malformed() from exc
    if length > MAX_NOTE or any(letter < " " and letter != "\n" for letter in note):
        raise _malformed()
    text, gap, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines.pop() != "" or not 0 < len(lines) <= MAX_SIGNATURES:
        raise _malformed()
    return text + "\n", lines


def _parse_line(line: str) -> tuple[str, bytes]:
    """Key name, and key id with signature."""
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not space or not _is_name(name):
        raise _malformed()
    signature = _unb64(encoded)
    if len(signature) <= 4:
        raise _malformed()
    return name, signature


def _parse_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4 or not lines[1].isascii() or not lines[1].isdecimal() or len(lines[1]) > 19:
        raise _malformed()
    checkpoint = Checkpoint(origin=lines[0], size=int(lines[1]), root=_unb64(lines[2]))
    if checkpoint.text() != text or len(checkpoint.root) != 32:
        raise _malformed()
    return checkpoint


def _parse_verifier(verifier: str) -> tuple[str, bytes, Ed25519PublicKey]:
    name, _, rest = verifier.partition("+")
    key_id, _, encoded = rest.partition("+")
    key = unb64(encoded)
    if not _is_name(name) or len(key) != 33 or key[:1] != ED25519 or _key_id(name, key[1:]).hex() != key_id:
        raise InvalidInput("not the verifier of an Ed25519 log key", reason="bad_verifier")
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(key[1:])


def _key_id(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def _is_name(name: str) -> bool:
    return name != "" and "+" not in name and name.isprintable() and not any(map(str.isspace, name))


def _require_name(name: str) -> None:
    if not _is_name(name):
        raise InvalidInput("the origin of a log has no spaces and no plus sign", reason="bad_origin")


def _unb64(text: str) -> bytes:
    try:
        return unb64(text)
    except InvalidInput as exc:
        raise _malformed() from exc


def _malformed() -> ProofInvalid:
    return ProofInvalid("not a signed checkpoint", reason="note_malformed")
