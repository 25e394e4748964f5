"""A second reader of keys, capsules and keystores, written from ledger/FORMATS.md alone."""

import hashlib
import hmac
import json
import unicodedata
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from eth_account import Account
from eth_account.messages import encode_typed_data

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
HARD = 1 << 31


def canonical(value: object) -> bytes:
    """RFC 8785, for texts, whole numbers, lists and objects with ASCII keys."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Keys:
    """All keys of 24 words."""

    seed: bytes

    @classmethod
    def of(cls, words: str) -> "Keys":
        return cls(hashlib.pbkdf2_hmac("sha512", words.encode(), b"mnemonic", 2048))

    def address(self, *path: int) -> str:
        """BIP-32, every step hardened."""
        node = hmac.digest(b"Bitcoin seed", self.seed, "sha512")
        for step in path:
            data = b"\x00" + node[:32] + (step + HARD).to_bytes(4, "big")
            child = hmac.digest(node[32:], data, "sha512")
            key = (int.from_bytes(child[:32], "big") + int.from_bytes(node[:32], "big")) % ORDER
            node = key.to_bytes(32, "big") + child[32:]
        return str(Account.from_key(PrivateKey(node[:32]).secret).address)

    def secret(self, kind: str) -> bytes:
        """`kind` is what follows ``consent-ledger/1/`` in the table."""
        info = f"consent-ledger/1/{kind}".encode()
        return HKDF(hashes.SHA256(), length=32, salt=None, info=info).derive(self.seed)


def pair(secret: bytes) -> tuple[bytes, MLKEM768X25519PrivateKey]:
    """Public and private key of a secret."""
    seeds = HKDFExpand(hashes.SHA256(), 96, b"consent-ledger/1/hybrid-key").derive(secret)
    lattice = MLKEM768PrivateKey.from_seed_bytes(seeds[:64])
    curve = X25519PrivateKey.from_private_bytes(seeds[64:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return public, MLKEM768X25519PrivateKey(lattice, curve)


def opened(secret: bytes, capsule: bytes, info: bytes) -> bytes:
    """What a capsule holds."""
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    return suite.decrypt(capsule, pair(secret)[1], info=info)


def compartment(patient: str, record_class: str, labels: list[str]) -> bytes:
    """The text whose SHA-256 is a compartment's id."""
    named = {"patient": patient, "class": record_class, "labels": labels}
    return canonical({"format": "consent-ledger/compartment/1", **named})


def capsule_info(kind: str, **members: object) -> bytes:
    """What a capsule is bound to."""
    suite = "hpke-mlkem768-x25519/draft-ietf-hpke-pq-05"
    return canonical({"format": "consent-ledger/capsule/1", "suite": suite, "kind": kind, **members})


def signer(chain: int, registry: str, struct: str, message: dict[str, Any], signature: str) -> str:
    """Who signed a struct of the records domain, given in EIP-712's own notation."""
    name, members = struct.removesuffix(")").split("(")
    fields = [dict(zip(("type", "name"), member.split(), strict=True)) for member in members.split(",")]
    domain = {
        "name": "Consent Ledger Records",
        "version": "1",
        "chainId": chain,
        "verifyingContract": registry,
    }
    signable = encode_typed_data(domain_data=domain, message_types={name: fields}, message_data=message)
    return str(Account.recover_message(signable, signature=signature))


def keystore(text: str, passphrase: str) -> str:
    """The words in a keystore."""
    stored = json.loads(text)
    assert canonical(stored) == text.encode()
    rest = {name: value for name, value in stored.items() if name != "ciphertext"}
    kdf = stored["kdf"]
    key = hashlib.scrypt(
        unicodedata.normalize("NFC", passphrase).encode(),
        salt=b64decode(kdf["salt"]),
        n=1 << kdf["log2n"],
        r=kdf["r"],
        p=kdf["p"],
        maxmem=1 << 28,
        dklen=32,
    )
    plain = AESGCM(key).decrypt(b64decode(stored["nonce"]), b64decode(stored["ciphertext"]), canonical(rest))
    return plain.decode()
