"""P1: the gateway never sees a record's plaintext, or a key that opens one.

Canaries lie in records, and every key is one too. The whole flow is run against a gateway in a process of its
own; then its memory is searched, and its chain's, with all that both ever wrote: database, blocks, logs,
temporary files.
"""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger import data
from ledger.canonical import canonical, parse_object
from ledger.client.config import Config
from ledger.client.directory import DirectoryView
from ledger.client.gateway import GatewayClient
from ledger.client.publications import verify_record
from ledger.crypto.identity import Identity
from ledger.crypto.sealing import open_capsule
from ledger.crypto.typed import records_domain
from ledger.ids import Did, parse_word
from ledger.records.publish import record_info
from tests.cli.support import Town

pytestmark = pytest.mark.chain

CANARY = "Quaxolith"
"""Stands in names, narrative, results and files; nowhere in what the gateway may know."""

UP = ("up", "--port", "0", "--rpc-port", "0")
PATIENCE = 60
PIECE = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A stack in a process of its own, and the directory below which all of its files are."""

    process: subprocess.Popen[str]
    place: Path
    network: Config

    @property
    def processes(self) -> list[int]:
        """The gateway, and all that it started: the chain among them."""
        parents = {int(path.name): parent(path) for path in Path("/proc").glob("[0-9]*")}
        found = [self.process.pid]
        for pid in found:
            found += [child for child, of in parents.items() if of == pid]
        return found


def parent(path: Path) -> int:
    """The parent of a process; 0 if it has ended meanwhile. A name in brackets may hold anything."""
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    place = tmp_path / "gateway"
    (place / "tmp").mkdir(parents=True)
    with (place / "stderr").open("w") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "cli", "--json", "-v", *UP, "--state", str(place / "state")],
            env={**os.environ, "CONSENT_HOME": str(place / "home"), "TMPDIR": str(place / "tmp")},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (place / "stderr").read_text()
        network = Config.parse(Path(json.loads(line)["network"]).read_bytes())
        yield Gateway(process=process, place=place, network=network)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def people(gateway: Gateway, tmp_path: Path) -> Town:
    """Alice, who may be read by a clinic and not by an insurer; none of their files is the gateway's."""
    home = tmp_path / "people"
    home.mkdir()
    (home / "stack").symlink_to(gateway.place / "state")
    (home / "passphrase").touch(mode=0o600)
    (home / "passphrase").write_text(f"{CANARY} passphrase\n")
    return Town(home=home, database=gateway.place / "state")


def marked_bundle() -> bytes:
    """The sample bundle with canaries wherever people write: names, narrative, notes, results."""
    bundle = parse_object(data.read("bundle.json"))
    for number, entry in enumerate(bundle["entry"]):
        resource = entry["resource"]
        narrative = f"<div xmlns='http://www.w3.org/1999/xhtml'>{CANARY} {number}</div>"
        resource["text"] = {"status": "generated", "div": narrative}
        if resource["resourceType"] == "Patient":
            resource["name"] = [{"family": CANARY, "given": [f"{CANARY}a"]}]
        if resource["resourceType"] == "Observation":
            resource["note"] = [{"text": f"{CANARY} said the doctor"}]
    return canonical(bundle)


def live(people: Town) -> None:
    """From the first record to an audit: share, read, refuse, stop, add again."""
    people.newcomer("alice")
    people.admitted("clinic", "City Hospital")
    people.admitted("insurer", "Old Insurance")
    people.admitted("auditor", "Ada Audit", "auditor")
    people.introduced("alice", "clinic", "insurer")
    bundle, letter = people.home / "bundle.json", people.home / "letter.txt"
    bundle.write_bytes(marked_bundle())
    letter.write_text(f"Dear colleague, {CANARY} has been seen.\n" * 500)
    people.ok("-p", "alice", "record", "add", bundle)
    people.ok("-p", "alice", "record", "add", letter, "--class", "notes")
    people.ok("-p", "clinic", "request", "send", "alice", "--purpose", "TREAT")
    shared = people.ok(
        "-p", "alice", "grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen"
    )
    out = people.home / "out"
    out.mkdir()
    read = people.ok("-p", "clinic", "read", "alice", "--purpose", "TREAT", "--to", out)
    assert read["resources"]
    assert CANARY in next(out.glob("letter*")).read_text()
    people.failed(11, "-p", "insurer", "read", "alice", "--purpose", "HPAYMT")
    people.ok("-p", "alice", "revoke", shared["consent"], "--yes", "--wait", "seen")
    people.failed(11, "-p", "clinic", "read", "alice", "--purpose", "TREAT")
    later = people.home / "later.txt"
    later.write_text(f"{CANARY} again\n")
    people.ok("-p", "alice", "record", "add", later, "--class", "notes")
    people.ok("-p", "auditor", "audit", "verify")


def identity(people: Town, name: str) -> tuple[Identity, str]:
    words = (people.home / f"{name}.words").read_text().strip()
    return Identity.from_words(words), words


def secrets_of(gateway: Gateway, people: Town) -> dict[str, bytes]:
    """Every key that opens anything of Alice's, by what it is."""
    found: dict[str, bytes] = {}
    for name in ("alice", "clinic"):
        who, words = identity(people, name)
        found |= {f"{name}'s words": words.encode(), f"{name}'s seed": who._seed}
        found[f"{name}'s encryption key"] = who.encryption_secret(1)
    alice, _ = identity(people, "alice")
    network = gateway.network
    domain = records_domain(network.deployment.chain_id, network.deployment.registry)
    did = Did(people.ok("-p", "alice", "identity", "show")["did"])
    found["inbox key"] = alice.inbox_secret(0)
    client = GatewayClient(network.gateway, chain_id=network.deployment.chain_id, account=alice.account)
    directory = DirectoryView(network.rpc, network.deployment)
    with closing(client), closing(directory):
        records = [
            verify_record(one, patient=did, domain=domain, directory=directory) for one in client.records()
        ]
        held = [(parse_word(one.compartment), key.epoch) for one in client.compartments() for key in one.keys]
    assert {record.epoch for record in records} == {0, 1}
    for compartment, epoch in held:
        found[f"compartment key {compartment.hex()[:6]}/{epoch}"] = alice.compartment_secret(
            compartment, epoch
        )
    for record in records:
        secret = alice.compartment_secret(record.compartment, record.epoch)
        info = record_info(record.root, record.header, record.epoch)
        found[f"record key of {record.root[-6:]}"] = open_capsule(secret, record.capsule, info)
    return found


def forms(secret: bytes) -> tuple[bytes, ...]:
    """How a key may be spelled: itself, in hex, in base64."""
    return secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")


def texts(text: str) -> tuple[bytes, ...]:
    """How a text may be spelled: as a key, in base64 of what it stands in, in UTF-16."""
    within = (base64.b64encode(bytes(offset) + text.encode())[4:-4] for offset in (1, 2))
    return *forms(text.encode()), *within, text.encode("utf-16-le")


def memory(pid: int) -> Iterator[bytes]:
    """All that a process may read of its own memory, in pieces that overlap."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_, name = (
                [*line.split(maxsplit=5), ""][:6] if line.count(" ") > 5 else line.split()
            )
            start, end = (int(part, 16) for part in place.split("-"))
            if not rights.startswith("r") or name in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            for at in range(start, end, PIECE):
                file.seek(at)
                try:
                    yield file.read(min(PIECE + 256, end - at))
                except OSError:  # a page that is mapped, and not there
                    continue


def written(place: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(place.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(place)), path.read_bytes()


def test_no_plaintext_and_no_key_reaches_the_gateway(gateway: Gateway, people: Town) -> None:
    live(people)
    sought = {name: forms(key) for name, key in secrets_of(gateway, people).items()}
    sought["a canary"] = texts(CANARY)
    assert len([name for name in sought if name.startswith("record key")]) > 20
    found: set[tuple[str, str]] = set()
    seen: dict[str, int] = {}

    def search(where: str, content: bytes) -> None:
        seen[where] = seen.get(where, 0) + len(content)
        for name, spellings in sought.items():
            if any(spelling in content for spelling in spellings):
                found.add((where, name))

    known = identity(people, "alice")[0].account.address.encode()
    knows = False
    for pid in gateway.processes:
        for piece in memory(pid):
            search(f"memory of {Path(f'/proc/{pid}/comm').read_text().strip()}", piece)
            knows = knows or known in piece
    for where, content in written(gateway.place):
        search(where, content)
    assert knows, "the search would have found nothing: whose records they are is in the gateway's memory"
    assert "memory of anvil" in seen, sorted(seen)
    assert any(where.startswith("state/blocks/") for where in seen)
    assert any(where.endswith(".db") or "sqlite" in where for where in seen), sorted(seen)
    assert found == set()
