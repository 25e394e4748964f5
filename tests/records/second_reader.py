"""A second reader of records, written from ledger/FORMATS.md alone: plain, and sharing nothing with ours.

It opens what the product wrote, by the steps that FORMATS.md numbers, and raises `Refused` where one fails.
"""

import hashlib
import json
import struct
from base64 import b32decode, b32encode
from collections.abc import Callable, Iterator
from typing import Any

import zstandard
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

Blocks = Callable[[str], bytes]

CHUNK = 1 << 20
LINKS = 4096


class Refused(Exception):  # noqa: N818 - a verdict
    """A step of "Verifying" does not hold."""


def need(holds: bool, step: str) -> None:
    if not holds:
        raise Refused(step)


def open_record(root: str, header: bytes, capsule: bytes, secret: bytes, epoch: int, blocks: Blocks) -> bytes:
    """The plaintext of a record, with the secret of its compartment's key pair."""
    said = json.loads(header)
    need(canonical(said) == header, "header: canonical")
    ciphertext = b"".join(leaves(root, None, blocks))
    key = unseal(secret, capsule, record_info(root, said, epoch))
    try:
        cipher = Cobblestone256Decryptor(key, header)
        body = cipher.update(ciphertext) + cipher.finalize()
    except InvalidTag as exc:
        raise Refused("body: decryption") from exc
    return payload(body, header, said)


def canonical(value: object) -> bytes:
    """RFC 8785, for what headers hold: texts, integers and lists."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def payload(body: bytes, header: bytes, said: dict[str, Any]) -> bytes:
    (length,) = struct.unpack(">I", body[:4])
    need(body[4 : 4 + length] == header, "body: the header inside")
    rest = body[4 + length :]
    if said["compression"] == "zstd":
        reader = zstandard.ZstdDecompressor(max_window_size=8 << 20).decompressobj()
        plain, zeros = reader.decompress(rest), reader.unused_data
    else:
        plain, zeros = rest[: said["size"]], rest[said["size"] :]
    need(len(plain) == said["size"], "body: size")
    need(not zeros.strip(b"\0"), "body: zeros")
    need(len(body) == padme(len(body) - len(zeros)), "body: PADMÉ")
    return plain


def padme(length: int) -> int:
    exponent = length.bit_length() - 1
    significant = exponent.bit_length()
    unit = 1 << (exponent - significant)
    return -(-length // unit) * unit


def leaves(cid: str, size: int | None, blocks: Blocks) -> Iterator[bytes]:
    """The ciphertext below a manifest."""
    node = cbor(fetch(cid, blocks, 0x71))
    need(node.keys() == {"size", "chunk", "links", "suite", "format"}, "manifest: members")
    need(node["format"] == "consent-ledger/manifest/1", "manifest: format")
    need((node["suite"], node["chunk"]) == ("cobblestone-256", CHUNK), "manifest: suite and chunk")
    need(size in (None, node["size"]), "manifest: size")
    flat = node["size"] <= LINKS * CHUNK
    unit = CHUNK if flat else LINKS * CHUNK
    need(len(node["links"]) == -(-node["size"] // unit), "manifest: number of links")
    for place, link in enumerate(node["links"]):
        due = min(unit, node["size"] - place * unit)
        if flat:
            block = fetch(link, blocks, 0x55)
            need(len(block) == due, "manifest: size of a block")
            yield block
        else:
            yield from leaves(link, due, blocks)


def fetch(cid: str, blocks: Blocks, codec: int) -> bytes:
    data = blocks(cid)
    need(cid == cid_of(codec, hashlib.sha256(data).digest()), "manifest: hash")
    need(len(data) <= 2 << 20, "manifest: block size")
    return data


def cid_of(codec: int, digest: bytes) -> str:
    return "b" + b32encode(bytes([1, codec, 0x12, 32]) + digest).decode().rstrip("=").lower()


def cbor(data: bytes) -> Any:  # noqa: ANN401
    """What a manifest needs of dag-cbor; written again, it must be the same bytes."""
    value, end = item(data, 0)
    need(end == len(data) and written(value) == data, "manifest: canonical")
    return value


def item(data: bytes, at: int) -> tuple[Any, int]:
    kind, short = data[at] >> 5, data[at] & 31
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(short, 0)
    number = int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else short
    at += 1 + width
    if kind == 0:
        return number, at
    if kind in (2, 3):
        raw = data[at : at + number]
        return (raw.decode() if kind == 3 else raw), at + number
    if kind == 6:
        need(number == 42, "manifest: tag")
        raw, at = item(data, at)
        return cid_of(raw[2], raw[5:]), at
    found = []
    for _ in range(number * (2 if kind == 5 else 1)):
        value, at = item(data, at)
        found.append(value)
    return (dict(zip(found[::2], found[1::2], strict=True)) if kind == 5 else found), at


def written(value: object) -> bytes:
    """A manifest as dag-cbor: its links are the CIDs in its list."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key), key))
        return start(5, len(keys)) + b"".join(
            start(3, len(key)) + key.encode() + written(value[key]) for key in keys
        )
    if isinstance(value, list):
        return start(4, len(value)) + b"".join(map(link, value))
    if isinstance(value, str):
        return start(3, len(value)) + value.encode()
    assert isinstance(value, int)
    return start(0, value)


def start(kind: int, number: int) -> bytes:
    for short, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 24:
            return bytes([kind << 5 | number])
        if number < 1 << 8 * width:
            return bytes([kind << 5 | short]) + number.to_bytes(width, "big")
    raise Refused("manifest: number")


def link(cid: str) -> bytes:
    text = cid[1:].upper()
    raw = b"\0" + b32decode(text + "=" * (-len(text) % 8))
    return start(6, 42) + start(2, len(raw)) + raw


def record_info(root: str, said: dict[str, Any], epoch: int) -> bytes:
    compartment = {
        "format": "consent-ledger/compartment/1",
        "patient": said["patient"],
        "class": said["class"],
        "labels": said["labels"],
    }
    return canonical(
        {
            "format": "consent-ledger/capsule/1",
            "suite": "hpke-mlkem768-x25519/draft-ietf-hpke-pq-05",
            "kind": "record",
            "patient": said["patient"],
            "compartment": "0x" + hashlib.sha256(canonical(compartment)).hexdigest(),
            "epoch": epoch,
            "root": root,
        }
    )


def unseal(secret: bytes, capsule: bytes, info: bytes) -> bytes:
    raw = HKDFExpand(hashes.SHA256(), 96, b"consent-ledger/1/hybrid-key").derive(secret)
    private = MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(raw[:64]), X25519PrivateKey.from_private_bytes(raw[64:])
    )
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    try:
        key = suite.decrypt(capsule, private, info=info)
    except (InvalidTag, ValueError) as exc:
        raise Refused("capsule: opens") from exc
    need(len(capsule) == 1168 and len(key) == 32, "capsule: size")
    return key
