"""A gateway is backed up while it serves, a patient is erased after it, the disk is lost, and what was backed
up is put back. What must hold then holds before anything is served, and a backup that somebody has touched is
not put back at all.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from api.restoring import drill, restore
from api.settings import GatewaySettings
from api.stack import Stack
from ledger.canonical import canonical
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.crypto.identity import Account
from ledger.errors import Conflict, InvalidInput, LedgerError, NotFound, ProofInvalid
from ledger.ids import Did
from ledger.service import backups, decisions, erasure
from ledger.service.anchoring import anchor_if_grown, latest_anchor
from ledger.service.decisions import Question
from ledger.service.gateway import Gateway
from ledger.service.keys import GatewayKeys, read_key
from tests.network import Network, Person, eventually, small_bundle

MADE = 1_790_000_000_000


@dataclass
class Lost:
    """A gateway whose machine is lost: its backups, and the chain and the blocks that are not."""

    where: Path
    ann: Person
    bob: Person
    gateway: Gateway
    size: int
    records: int
    rpc: str

    def settings(self, state: Path, **more: object) -> GatewaySettings:
        named = {"state": state, "rpc": self.rpc, "deployment": self.where / "live" / "deployment.json"}
        return GatewaySettings(**{**named, "blocks": str(self.where / "live" / "blocks"), **more})

    def copy(self, of: str, to: Path) -> Path:
        return Path(shutil.copytree(self.where / of, to))


@contextmanager
def running(state: Path) -> Iterator[Network]:
    with Stack(state, anchor_interval=3600) as stack, ExitStack() as clients:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        yield Network(stack=stack, config=config, accreditor=accreditor, closing=clients)


def back_up(network: Network, where: Path, name: str) -> backups.Manifest:
    gateway, state = gateway_of(network), network.stack.state
    url = f"sqlite:///{state / 'gateway.sqlite'}"
    made = backups.copy_database(url, gateway.keys, gateway.deployment, where / name, made=MADE)
    backups.copy_keys(state, gateway.keys, where / f"{name}-keys", made=MADE)
    return made


def gateway_of(network: Network) -> Gateway:
    gateway: Gateway = network.stack.server.gateway
    return gateway


def ask(network: Network, patient: Person) -> int:
    question = Question(subject=Did(patient.did), patient=Did(patient.did), purpose=("TREAT",))
    return decisions.decide_and_log(gateway_of(network), question).appended.index


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    where = tmp_path_factory.mktemp("lost")
    with running(where / "live") as network:
        ann, bob = network.enrolled(), network.enrolled()
        for person in (ann, bob):
            roots = network.patient(person).publish_bundle(small_bundle("Observation"))
        ask(network, bob)
        made = back_up(network, where, "before")
        network.patient(ann).erase(lambda _: None)
        eventually(lambda: erasure.unfinished(gateway_of(network)) == 0)
        back_up(network, where, "after")
        yield Lost(
            where=where,
            ann=ann,
            bob=bob,
            gateway=gateway_of(network),
            size=made.log["size"],
            records=len(roots),
            rpc=network.config.rpc,
        )


def tag_of(person: Person) -> bytes:
    return bytes.fromhex(person.identity.erasure.address[2:])


def patients_in(state: Path) -> set[bytes]:
    """The tags of all patients of a database, read from its file."""
    with closing(sqlite3.connect(state / "gateway.sqlite")) as connection:
        return {tag for (tag,) in connection.execute("SELECT tag FROM patients")}


class TestBackup:
    def test_what_is_backed_up_is_the_log_as_it_was(self, lost: Lost) -> None:
        manifest = backups.Manifest.decode((lost.where / "before" / "manifest.json").read_bytes())
        assert (manifest.holds, manifest.made, manifest.log["size"]) == ("sqlite", MADE, lost.size)

    def test_nobody_but_its_owner_may_read_it(self, lost: Lost) -> None:
        found = [path for name in ("before", "before-keys") for path in (lost.where / name).rglob("*")]
        assert len(found) > 10
        assert not [path for path in found if path.stat().st_mode & 0o077]

    def test_database_and_keys_lie_apart(self, lost: Lost) -> None:
        keys = {path.read_bytes() for path in (lost.where / "before-keys" / "keys").iterdir()}
        whole = b"".join(path.read_bytes() for path in (lost.where / "before").rglob("*") if path.is_file())
        assert len(keys) == 5  # the accreditor's of this chain too
        assert not [key for key in keys if key.strip() in whole or bytes.fromhex(key[2:66].decode()) in whole]
        with pytest.raises(InvalidInput):
            backups.require_apart(lost.where, lost.where / "keys")

    def test_it_is_never_written_over_another(self, lost: Lost) -> None:
        keys = GatewayKeys.load(lost.where / "before-keys" / "keys")
        with pytest.raises(LedgerError):
            backups.copy_keys(lost.where / "live", keys, lost.where / "after", made=MADE)
        assert backups.verified(lost.where / "after", keys).holds == "sqlite"


class TestRestore:
    def test_who_was_erased_after_the_backup_is_erased_before_anything_is_served(
        self, lost: Lost, tmp_path: Path
    ) -> None:
        """The database alone was lost: the keys that are there know of the erasure."""
        state = tmp_path / "state"
        state.mkdir(mode=0o700)
        for name in ("keys", "datakeys"):
            lost.copy(f"after-keys/{name}", state / name)
        found = restore(lost.settings(state), lost.where / "before", None)
        assert (found.size, found.erased, found.missing) == (lost.size, 1, 0)
        assert patients_in(state) == {tag_of(lost.bob)}
        assert not (state / "datakeys" / tag_of(lost.ann).hex()).exists()
        assert found.records == lost.records

    def test_all_of_it_comes_back_from_both_backups(self, lost: Lost, tmp_path: Path) -> None:
        found = restore(lost.settings(tmp_path / "state"), lost.where / "after", lost.where / "after-keys")
        assert (found.erased, found.refused, found.missing, found.records) == (1, "", 0, lost.records)
        assert found.anchored is not None
        assert found.anchored <= found.size

    def test_nothing_is_overwritten(self, lost: Lost, tmp_path: Path) -> None:
        state = tmp_path / "state"
        restore(lost.settings(state), lost.where / "after", lost.where / "after-keys")
        for keys in (None, lost.where / "after-keys"):
            with pytest.raises(Conflict) as caught:
                restore(lost.settings(state), lost.where / "before", keys)
            assert caught.value.reason == "not_empty"
        (state / "gateway.sqlite").unlink()
        with pytest.raises(Conflict):
            restore(lost.settings(state), lost.where / "before", lost.where / "before-keys")
        assert not (state / "gateway.sqlite").exists()

    def test_without_keys_nothing_is_put_back(self, lost: Lost, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            restore(lost.settings(tmp_path), lost.where / "before", None)
        assert not list(tmp_path.iterdir())

    def test_a_backup_of_other_contracts_is_refused(self, lost: Lost, tmp_path: Path) -> None:
        other = json.loads((lost.where / "live" / "deployment.json").read_text())
        other["block"] += 1
        (tmp_path / "deployment.json").write_text(json.dumps(other))
        settings = lost.settings(tmp_path / "state", deployment=tmp_path / "deployment.json")
        with pytest.raises(Conflict) as caught:
            restore(settings, lost.where / "before", lost.where / "before-keys")
        assert caught.value.reason == "other_contracts"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _resealed(directory: Path) -> None:
    """Changed together with the manifest, by somebody without the keys."""
    _flip(directory / "database")
    manifest = json.loads((directory / "manifest.json").read_text())
    digest = sha256((directory / "database").read_bytes()).hexdigest()
    manifest["files"]["database"]["sha256"] = digest
    (directory / "manifest.json").write_bytes(canonical(manifest))


TAMPERED = {
    "a byte of the database": lambda directory: _flip(directory / "database"),
    "the database's end": lambda directory: (directory / "database").write_bytes(b""),
    "the manifest": lambda directory: _flip(directory / "manifest.json"),
    "the seal": lambda directory: _flip(directory / "seal"),
    "one more file": lambda directory: (directory / "more").write_bytes(b""),
    "database and manifest together": _resealed,
}


class TestTampered:
    @pytest.mark.parametrize("what", TAMPERED)
    def test_a_backup_that_was_changed_is_not_put_back(self, what: str, lost: Lost, tmp_path: Path) -> None:
        copy = lost.copy("before", tmp_path / "copy")
        TAMPERED[what](copy)
        with pytest.raises(ProofInvalid) as caught:
            restore(lost.settings(tmp_path / "state"), copy, lost.where / "before-keys")
        assert caught.value.reason == "backup_altered"
        assert not (tmp_path / "state").exists()

    def test_a_tombstone_that_was_taken_out_of_the_keys_is_noticed(self, lost: Lost, tmp_path: Path) -> None:
        keys = lost.copy("after-keys", tmp_path / "keys")
        shutil.rmtree(keys / "datakeys" / "erased")
        with pytest.raises(ProofInvalid):
            restore(lost.settings(tmp_path / "state"), lost.where / "after", keys)
        assert not (tmp_path / "state" / "gateway.sqlite").exists()

    def test_keys_of_another_gateway_open_nothing(self, lost: Lost, tmp_path: Path) -> None:
        GatewayKeys.create(tmp_path / "keys")
        with pytest.raises(ProofInvalid):
            restore(lost.settings(tmp_path), lost.where / "before", None)


class TestDrill:
    def test_a_drill_leaves_nothing_behind(self, lost: Lost, tmp_path: Path) -> None:
        state = tmp_path / "state"
        found = drill(lost.settings(state), lost.where / "after", lost.where / "after-keys")
        assert (found.refused, found.missing, found.erased) == ("", 0, 1)
        assert not state.exists()

    def test_without_a_node_the_comparison_is_left_open(self, lost: Lost, tmp_path: Path) -> None:
        settings = lost.settings(tmp_path / "state", rpc="http://127.0.0.1:9")
        found = drill(settings, lost.where / "after", lost.where / "after-keys")
        assert (found.anchored, found.refused) == (None, "")


def test_a_log_behind_its_anchor_is_said_to_be_so(lost: Lost, tmp_path: Path) -> None:
    anchor_if_grown(lost.gateway)

    def anchored() -> bool:
        latest = latest_anchor(lost.gateway)
        return latest is not None and latest.new_size > lost.size

    eventually(anchored)
    settings = lost.settings(tmp_path / "state")
    found = drill(settings, lost.where / "before", lost.where / "before-keys")
    assert found.refused == "anchor_ahead"
    assert found.anchored is not None
    assert found.anchored > found.size
    assert drill(settings, lost.where / "after", lost.where / "after-keys").refused == ""
