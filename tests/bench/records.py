"""records: a file of 1 GiB to blocks in a directory and back, next to `age`; 10,000 small ones a minute.

Publishing is what the product does before it asks a gateway: encrypt, hash, stage, link into the store, seal
the key; opening gives a file again. Both are durable when they return, as age's files are not. The runs take
turns. The small records go from one bundle through the command and a gateway in a process of its own. Last,
a record into a Kubo node, next to Kubo's own command.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.client.staging import Staging
from ledger.crypto.identity import Identity, new_words
from ledger.crypto.sealing import KeyPair
from ledger.ids import did_of
from ledger.records.blocks import LocalBlockStore
from ledger.records.filerecords import file_pieces, file_record
from ledger.records.opening import open_record
from ledger.records.publish import Place
from ledger.records.transfer import delete_record
from tests.bench import kubo
from tests.bench.measure import Figures
from tests.nodes.programs import find

SIZE = 1 << 30
RUNS = 3
SMALL = 10_000
PEERS = {
    "publish_mb_s": "age_encrypt_mb_s",
    "open_mb_s": "age_decrypt_mb_s",
    "kubo_publish_mb_s": "ipfs_add_mb_s",
}
"""The figure of age, or of Kubo's own command, that each of ours is compared with."""


def run() -> Figures:
    """Throughput in MiB/s, the process's peak in MiB, and records a minute."""
    age, keygen = find("age", "CONSENT_AGE"), find("age-keygen", "CONSENT_AGE_KEYGEN")
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        source = place / "source"
        _fill(source)
        taken = _in_turns(_Ours(place, source), _Age(age, keygen, place, source))
    figures = {name: SIZE / 2**20 / seconds for name, seconds in taken.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**figures, "peak_mb": peak, "small_per_min": _small_per_minute(), **kubo.run()}


class _Ours:
    """One file, published into a directory of blocks and opened again."""

    def __init__(self, place: Path, source: Path) -> None:
        self._identity = Identity.from_words(new_words(os.urandom))
        patient = did_of(31337, self._identity.account.address)
        self._header = file_record(
            source, patient=patient, record_class="imaging", media_type="application/octet-stream"
        )
        self._source, self._target = source, place / "opened"
        self._blocks = LocalBlockStore(place / "blocks")
        self._staging = Staging(place / "staged", self._identity)
        self._secret = self._identity.compartment_secret(self._header.compartment, 0)

    def publish(self) -> None:
        key = Place(epoch=0, public_key=KeyPair.from_secret(self._secret).public)
        batch = self._staging.begin()
        batch.add(self._header, file_pieces(self._source), key, randomness=os.urandom)
        batch.keep()
        (self._record,) = batch.records
        self._blocks.adopt(self._record.root, batch.blocks)
        batch.remove()

    def open(self) -> None:
        record = self._record
        open_record(
            record.root,
            record.header,
            record.capsule,
            secret=self._secret,
            epoch=0,
            blocks=self._blocks,
            sink=self._target,
        )

    def clear(self) -> None:
        self._target.unlink()
        delete_record(self._record.root, self._blocks)


class _Age:
    """The same file through age, with a key of its own."""

    def __init__(self, age: Path, keygen: Path, place: Path, source: Path) -> None:
        self._age, self._source = str(age), str(source)
        self._key, self._made, self._opened = (str(place / name) for name in ("key", "made.age", "again"))
        subprocess.run([keygen, "-o", self._key], check=True, capture_output=True)  # noqa: S603 - a peer
        made = subprocess.run([keygen, "-y", self._key], check=True, capture_output=True, text=True)  # noqa: S603
        self._recipient = made.stdout.strip()

    def encrypt(self) -> None:
        self._run("-r", self._recipient, "-o", self._made, self._source)

    def decrypt(self) -> None:
        self._run("-d", "-i", self._key, "-o", self._opened, self._made)

    def clear(self) -> None:
        Path(self._made).unlink()
        Path(self._opened).unlink()

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._age, *arguments], check=True)  # noqa: S603 - a peer


def _in_turns(ours: _Ours, theirs: _Age) -> dict[str, float]:
    """The median seconds of each act; in every run each comes once, after one run that does not count."""
    acts: dict[str, Callable[[], None]] = {
        "publish_mb_s": ours.publish,
        "age_encrypt_mb_s": theirs.encrypt,
        "open_mb_s": ours.open,
        "age_decrypt_mb_s": theirs.decrypt,
    }
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(RUNS + 1):
        for name, act in acts.items():
            os.sync()  # nobody pays for what another has left to be written
            started = time.perf_counter()
            act()
            taken[name].append(time.perf_counter() - started)
        ours.clear()
        theirs.clear()
    return {name: statistics.median(each[1:]) for name, each in taken.items()}


def _small_per_minute() -> float:
    """How many records of about 1 KiB a minute `consent record add` publishes, from start to end."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        passphrase, bundle = home / "passphrase", home / "bundle.json"
        passphrase.touch(mode=0o600)
        passphrase.write_text("only for the bench\n")
        bundle.write_bytes(_small_bundle())
        command = [sys.executable, "-m", "cli", "--home", directory, "--passphrase-file", str(passphrase)]
        serving = ["--json", "up", "--port", "0", "--rpc-port", "0"]
        with subprocess.Popen([*command, *serving], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as up:  # noqa: S603
            try:
                assert up.stdout is not None
                assert up.stdout.readline(), "there is no stack"
                words = ["identity", "create", "--work-factor", "14", "--words-to", str(home / "words")]
                subprocess.run([*command, *words], check=True, capture_output=True)  # noqa: S603 - our own
                started = time.perf_counter()
                adding = [*command, "--json", "record", "add", str(bundle)]
                added = subprocess.run(adding, check=True, capture_output=True)  # noqa: S603 - our own
                taken = time.perf_counter() - started
            finally:
                up.terminate()
    count = len(json.loads(added.stdout)["records"])
    assert count == SMALL, f"{count} records were published"
    return count / taken * 60


def _small_bundle() -> bytes:
    """A Patient, and readings of a watch, each of another day and so a record of its own."""
    person = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:bench", "value": "1"}]}
    resources: list[dict[str, Any]] = [person, *(_reading(number) for number in range(SMALL - 1))]
    entries = [
        {"fullUrl": f"https://watch.example/{one['resourceType']}/{one['id']}", "resource": one}
        for one in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def _reading(number: int) -> dict[str, Any]:
    day = f"{1990 + number // 336}-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
    rate = {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]}
    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    quantity = {"unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"}
    return {
        "resourceType": "Observation",
        "id": f"r{number}",
        "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-heart-rate"]},
        "identifier": [{"system": "https://watch.example/readings", "value": f"{number:012d}"}],
        "status": "final",
        "category": [{"coding": [{"system": category, "code": "vital-signs"}]}],
        "code": rate,
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": day,
        "issued": f"{day}T08:00:00.000+00:00",
        "device": {"reference": "https://watch.example/Device/7f0c1f8e-3d51-4a57-9f5e-0a54f0c1d2e3"},
        "valueQuantity": {"value": 60 + number % 40, **quantity},
        "component": [{"code": rate, "valueQuantity": {"value": 55 + number % 9, **quantity}}],
    }


def _fill(path: Path) -> None:
    with path.open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(os.urandom(1 << 20))
