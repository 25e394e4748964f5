"""Makes tests/vectors/keys.json: ``python -m tests.crypto.key_vectors``.

Everything follows from the words and what is written here, but for the capsules, which are random: those of
the file that is there are kept.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledger.canonical import b64, hexed, unb64
from ledger.crypto import keystore
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import KeyPair, capsule_info, key_digest, seal
from ledger.crypto.typed import CompartmentKey, GrantCapsules, InboxKey, records_domain
from ledger.ids import Address, Cid, did_of
from ledger.records.header import compartment_of

FILE = Path(__file__).parents[1] / "vectors" / "keys.json"
WORDS = " ".join(["abandon"] * 23 + ["art"])
GRANTEE = " ".join(["zoo"] * 23 + ["vote"])
CHAIN, REGISTRY = 31337, Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
COMPARTMENTS: tuple[tuple[str, tuple[str, ...]], ...] = (("30954-2", ()), ("11450-4", ("HIV", "PSY")))
ROOT = Cid("bafyreia2jydpoti3scn5ejz7awcmua2r5ewpmqppbwhmqruvv53rzq6igu")
CONSENT = hexed(bytes(range(32)))
RECORD_KEY = bytes(range(32, 64))
PASSPHRASE = "caf\u00e9 corre\u00e7\u00e3o"
DECOMPOSED = "cafe\u0301 correc\u0327a\u0303o"


def made(kept: Mapping[str, str]) -> dict[str, Any]:
    """The vectors; a capsule that `kept` has under its kind is taken from there."""
    patient, grantee = Identity.from_words(WORDS), Identity.from_words(GRANTEE)
    did, reader = (did_of(CHAIN, one.account.address) for one in (patient, grantee))
    domain = records_domain(CHAIN, REGISTRY)
    first = compartment_of(did, *COMPARTMENTS[0])
    epoch_key = patient.compartment_secret(first, 1)
    bound: dict[str, str | int | bytes] = {"patient": did, "compartment": first, "epoch": 1}
    capsules = [
        capsule(kept, "record", epoch_key, RECORD_KEY, capsule_info(kind="record", root=ROOT, **bound)),
        capsule(
            kept,
            "grant",
            grantee.encryption_secret(1),
            epoch_key,
            capsule_info(kind="grant", consent=CONSENT, recipient=reader, **bound),
        ),
        capsule(
            kept,
            "inbox",
            patient.inbox_secret(0),
            RECORD_KEY,
            capsule_info(kind="inbox", root=ROOT, patient=did, epoch=0),
        ),
    ]
    granted = sha256(unb64(capsules[1]["capsule"])).digest()
    listed = GrantCapsules(consent=bytes.fromhex(CONSENT[2:]), capsules=(granted,))
    inbox = KeyPair.from_secret(patient.inbox_secret(0)).public
    inbox_claim = InboxKey(patient=patient.account.address, epoch=0, key=key_digest(inbox))
    return {
        "format": "consent-ledger/vectors/keys/1",
        "provenance": "Made by tests/crypto/key_vectors.py. Capsules are random, so they are kept; all else "
        "follows from the words.",
        "chain": CHAIN,
        "registry": REGISTRY,
        "words": WORDS,
        "patient": did,
        "account": patient.account.address,
        "erasure": patient.erasure.address,
        "controllers": [patient.controller(index).address for index in range(3)],
        "encryption": [hexed(patient.encryption_secret(version)) for version in (1, 2)],
        "inbox": {
            "epoch": 0,
            "secret": hexed(patient.inbox_secret(0)),
            "key": b64(inbox),
            "signature": hexed(patient.account.sign(inbox_claim.digest(domain))),
        },
        "compartments": [compartment(patient, *one) for one in COMPARTMENTS],
        "grantee": {"words": GRANTEE, "did": reader},
        "capsules": capsules,
        "grantCapsules": {
            "consent": CONSENT,
            "capsules": [hexed(granted)],
            "signature": hexed(patient.account.sign(listed.digest(domain))),
        },
        "keystore": {"passphrase": PASSPHRASE, "decomposed": DECOMPOSED, "text": stored()},
    }


def compartment(patient: Identity, record_class: str, labels: tuple[str, ...]) -> dict[str, Any]:
    """A compartment with the keys of its first epochs, each signed."""
    did = did_of(CHAIN, patient.account.address)
    found = compartment_of(did, record_class, labels)
    epochs = []
    for epoch in range(3):
        secret = patient.compartment_secret(found, epoch)
        public = KeyPair.from_secret(secret).public
        claim = CompartmentKey(
            patient=patient.account.address, compartment=found, epoch=epoch, key=key_digest(public)
        )
        epochs.append(
            {
                "epoch": epoch,
                "secret": hexed(secret),
                "key": b64(public),
                "signature": hexed(patient.account.sign(claim.digest(records_domain(CHAIN, REGISTRY)))),
            }
        )
    return {"class": record_class, "labels": list(labels), "id": hexed(found), "epochs": epochs}


def capsule(kept: Mapping[str, str], kind: str, secret: bytes, holds: bytes, info: bytes) -> dict[str, Any]:
    """A capsule of a kind, with what opens it."""
    text = kept.get(kind) or b64(seal(KeyPair.from_secret(secret).public, holds, info))
    return {
        "kind": kind,
        "info": info.decode(),
        "secret": hexed(secret),
        "capsule": text,
        "holds": hexed(holds),
    }


def stored() -> str:
    """The keystore of the words, with salt and nonce that count from 0."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "keystore"
        keystore.create(path, WORDS, PASSPHRASE, 14, randomness=lambda size: bytes(range(size)))
        return path.read_text().rstrip("\n")


def written(kept: Mapping[str, str]) -> str:
    """The file."""
    return json.dumps(made(kept), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def capsules_of(text: str) -> dict[str, str]:
    """The capsules of a file by kind."""
    return {one["kind"]: one["capsule"] for one in json.loads(text)["capsules"]}


if __name__ == "__main__":
    FILE.write_text(written(capsules_of(FILE.read_text()) if FILE.exists() else {}))
