"""Receipts: one entry with its opening, a signed checkpoint and the proof that leads from one to the other.

::

    {"format": "consent-ledger/receipt/1", "index": 7,
     "tag": "0x… 20 bytes", "salt": "0x… 32 bytes", "entry": "<canonical JSON as text>",
     "checkpoint": "<signed note>", "proof": ["0x…", …]}
"""

from dataclasses import dataclass
from typing import Any

from ledger.canonical import hexed, unhex
from ledger.errors import InvalidInput, ProofInvalid
from ledger.log.checkpoint import open_note
from ledger.log.entry import decode, inner, leaf_data
from ledger.log.merkle import leaf_hash, verify_inclusion

FORMAT = "consent-ledger/receipt/1"
FIELDS = {"format", "index", "tag", "salt", "entry", "checkpoint", "proof"}
MAX_PROOF = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Entry `index` and everything that shows it is in the log; who holds it can show the entry's content."""

    index: int
    tag: bytes
    salt: bytes
    entry: bytes
    checkpoint: str
    proof: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Receipt(index={self.index})"

    def leaf(self) -> bytes:
        """The RFC 6962 leaf hash of the entry."""
        return leaf_hash(leaf_data(self.tag, inner(self.salt, self.entry)))

    def to_json(self) -> dict[str, Any]:
        """The receipt as a JSON object."""
        return {
            "format": FORMAT,
            "index": self.index,
            "tag": hexed(self.tag),
            "salt": hexed(self.salt),
            "entry": self.entry.decode(),
            "checkpoint": self.checkpoint,
            "proof": [hexed(step) for step in self.proof],
        }

    @classmethod
    def from_json(cls, value: object) -> "Receipt":
        """The receipt in a JSON object.

        Raises:
            InvalidInput: another format, a field that is missing, unknown or not of its form.
        """
        if not isinstance(value, dict) or set(value) != FIELDS or value["format"] != FORMAT:
            raise InvalidInput("not a receipt of this version", reason="bad_receipt")
        index, proof = value["index"], value["proof"]
        if type(index) is not int or index < 0 or not isinstance(proof, list) or len(proof) > MAX_PROOF:
            raise InvalidInput("a receipt with a malformed index or proof", reason="bad_receipt")
        return cls(
            index=index,
            tag=_bytes(value["tag"], 20),
            salt=_bytes(value["salt"], 32),
            entry=_utf8(value["entry"]),
            checkpoint=_text(value["checkpoint"]),
            proof=tuple(_bytes(step, 32) for step in proof),
        )


def verify(receipt: Receipt, verifier: str) -> dict[str, Any]:
    """The entry of a receipt that holds under the log key `verifier`.

    Raises:
        ProofInvalid: the checkpoint is not signed by that log, or does not cover the entry.
        InvalidInput: the entry is not canonical, or `verifier` is malformed.
    """
    checkpoint = open_note(receipt.checkpoint, verifier)
    if receipt.index >= checkpoint.size:
        raise ProofInvalid(
            "the checkpoint of the receipt is older than its entry", reason="receipt_uncovered"
        )
    verify_inclusion(receipt.leaf(), receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    return decode(receipt.entry)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput("a receipt with a field that is not text", reason="bad_receipt")
    return value


def _utf8(value: object) -> bytes:
    try:
        return _text(value).encode()
    except UnicodeEncodeError as exc:
        raise InvalidInput("a receipt with text that is not Unicode", reason="bad_receipt") from exc


def _bytes(value: object, length: int) -> bytes:
    data = unhex(_text(value))
    if len(data) != length:
        raise InvalidInput("a receipt with a value of a wrong length", reason="bad_receipt")
    return data
