"""Backups from before an erasure or a stop, brought back: what is done again before anything is served,
what is refused, and what only a receipt shows.

Three patients of one gateway. Of Ann everything is erased, Bob stops what the clinic may read, and so does
Cora, but her stop never reaches the chain. Of keys, database and chain there are copies from before, from
after, and from after the next anchor.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from api.stack import Stack
from ledger.client.accrediting import Accreditor
from ledger.client.config import Config
from ledger.client.drafting import Wish
from ledger.client.erasing import Order
from ledger.crypto.identity import Account
from ledger.errors import Conflict, ProofInvalid, StoreUnavailable
from ledger.ids import Cid, ConsentId
from ledger.log.entry import EntryKind, decode
from ledger.log.journal import OpenedEntry
from ledger.service import erasure
from ledger.service.anchoring import latest_anchor
from ledger.service.gateway import Gateway
from ledger.service.keys import read_key
from ledger.store.tables import grant_capsules, log_entries
from tests.network import Network, Person, eventually, small_bundle

DATABASE = "gateway.sqlite"
KEYS = "datakeys"


@dataclass
class Past:
    """The copies, and who there is."""

    where: Path
    ann: Person
    bob: Person
    cora: Person
    clinic: Person
    consents: dict[str, ConsentId]
    roots: list[Cid]
    order: Order

    @property
    def tag(self) -> bytes:
        return bytes.fromhex(self.ann.identity.erasure.address[2:])

    def restored(self, into: Path, chain: str, **parts: str) -> Path:
        """A state directory as of `chain`, but for parts that come from another copy."""
        shutil.copytree(self.where / chain, into)
        for part, copy in parts.items():
            name = {"database": DATABASE, "keys": KEYS}[part]
            target = into / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
            source = self.where / copy / name
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        return into


@contextmanager
def running(state: Path, *, anchor_interval: int = 3600) -> Iterator[Network]:
    """The stack over a state directory; with a long interval it anchors once, at its start."""
    with Stack(state, anchor_interval=anchor_interval) as stack, ExitStack() as closing:
        config = Config.parse(stack.network.read_bytes())
        accreditor = Accreditor(config, Account.from_key(read_key(stack.accreditor_key)))
        yield Network(stack=stack, config=config, accreditor=accreditor, closing=closing)


def gateway_of(network: Network) -> Gateway:
    gateway: Gateway = network.stack.server.gateway
    return gateway


def anchored(network: Network) -> bool:
    """Whether the chain's anchor covers the whole log."""
    latest = latest_anchor(gateway_of(network))
    return latest is not None and latest.new_size == gateway_of(network).journal.size


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    where = tmp_path_factory.mktemp("past")
    live = where / "live"
    with running(live) as network:
        clinic = network.admitted("Dale Clinic")
        people: dict[str, Person] = {}
        consents: dict[str, ConsentId] = {}
        roots: list[Cid] = []
        for name in ("ann", "bob", "cora"):
            person = people[name] = network.enrolled()
            patient = network.patient(person)
            roots = roots or [one.root for one in patient.publish_bundle(small_bundle("Observation"))]
            if name != "ann":
                patient.publish_bundle(small_bundle("Observation"))
            done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
            network.wait_active(done.consent)
            consents[name] = done.consent
        network.provider(clinic).read(people["bob"].did, purposes=["TREAT"])
        network.patient(people["ann"]).revoke(consents["ann"])
    shutil.copytree(live, where / "before")
    orders: list[Order] = []
    with running(live) as network:
        eventually(lambda: anchored(network))  # what comes now, no anchor covers
        network.patient(people["bob"]).revoke(consents["bob"])
        index = gateway_of(network).follower.index
        eventually(lambda: index.ended_number(consents["bob"]) is not None)
        network.patient(people["ann"]).erase(orders.append)
        eventually(lambda: erasure.unfinished(gateway_of(network)) == 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(gateway_of(network).relayer), "step", lambda _: None)
            network.patient(people["cora"]).revoke(consents["cora"])
            network.closing.close()
            network.stack.__exit__()
    shutil.copytree(live, where / "after")
    with running(live, anchor_interval=1) as network:
        eventually(lambda: anchored(network))
    shutil.copytree(live, where / "anchored")
    return Past(where=where, clinic=clinic, consents=consents, roots=roots, order=orders[-1], **people)


def entries_of(gateway: Gateway, kind: EntryKind) -> list[OpenedEntry]:
    return [
        one
        for one in gateway.journal.entries()
        if one.entry is not None and decode(one.entry)["kind"] == kind
    ]


def forgotten(gateway: Gateway, past: Past) -> bool:
    """Whether nothing of Ann is in the database, and no key of hers in the key store."""
    with gateway.db.read() as connection:
        sealed = select(log_entries.c.sealed).where(log_entries.c.tag == past.tag)
        opens = set(connection.execute(sealed).scalars()) != {None}
        known = gateway.stores.patients.version(connection, past.tag) is not None
    return not opens and not known and gateway.data_keys.key(past.tag) is None


class TestErasure:
    def test_a_database_from_before_is_erased_again_before_it_serves(
        self, past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state = past.restored(tmp_path / "state", "after", database="before")
        monkeypatch.setattr("api.worker.erasure.log_again", lambda _: None)
        monkeypatch.setattr("api.worker.let_go", lambda _: None)
        with running(state) as network:
            assert forgotten(gateway_of(network), past)

    def test_the_log_that_lost_the_entry_says_so_again_by_the_same_order(
        self, past: Past, tmp_path: Path
    ) -> None:
        state = past.restored(tmp_path / "state", "after", database="before")
        with running(state) as network:
            gateway = gateway_of(network)
            eventually(lambda: erasure.unfinished(gateway) == 0)
            (found,) = entries_of(gateway, EntryKind.PATIENT_ERASED)
            entry = decode(found.entry or b"")
            assert (entry["size"], entry["signature"]) == (past.order.size, past.order.signature)
            assert max(one.index for one in gateway.journal.entries(tag=past.tag)) < past.order.size
            assert not any(gateway.blocks.has(root) for root in past.roots)

    def test_whoever_holds_the_receipt_notices_the_restored_log(self, past: Past, tmp_path: Path) -> None:
        state = past.restored(tmp_path / "state", "after", database="before")
        with running(state) as network:
            gateway = gateway_of(network)
            eventually(lambda: erasure.unfinished(gateway) == 0)
            with pytest.raises(ProofInvalid) as caught:
                network.patient(past.ann).erased_by(past.order)
            assert caught.value.reason == "log_forked"

    def test_a_key_store_from_before_loses_the_key_before_it_serves(self, past: Past, tmp_path: Path) -> None:
        state = past.restored(tmp_path / "state", "after", keys="before")
        assert (state / KEYS / past.tag.hex()).exists()
        with running(state) as network:
            gateway = gateway_of(network)
            assert not (state / KEYS / past.tag.hex()).exists()
            assert gateway.data_keys.buried(past.tag)
            assert forgotten(gateway, past)
            with pytest.raises(Conflict) as caught:
                network.patient(past.ann).enrol()
            assert caught.value.reason == "erased"

    def test_a_tombstone_that_cannot_be_read_keeps_the_gateway_from_serving(
        self, past: Past, tmp_path: Path
    ) -> None:
        state = past.restored(tmp_path / "state", "after", database="before")
        (state / KEYS / "erased" / past.tag.hex()).write_bytes(b"")
        with pytest.raises(StoreUnavailable) as caught, running(state):
            pass
        assert caught.value.reason == "tombstone_unreadable"

    def test_both_from_before_are_refused_once_an_anchor_covers_the_erasure(
        self, past: Past, tmp_path: Path
    ) -> None:
        state = past.restored(tmp_path / "state", "anchored", database="before", keys="before")
        with running(state) as network:
            assert gateway_of(network).journal.damage is not None
            with pytest.raises(ProofInvalid):
                network.provider(past.clinic).read(past.ann.did, purposes=["TREAT"])

    def test_both_from_before_and_no_anchor_is_shown_by_the_receipt_alone(
        self, past: Past, tmp_path: Path
    ) -> None:
        """Nothing that the gateway has left knows of the erasure; so key stores are kept for 30 days only."""
        state = past.restored(tmp_path / "state", "after", database="before", keys="before")
        with running(state) as network:
            assert gateway_of(network).states.find(past.ann.identity.account.address) is not None
            with pytest.raises(ProofInvalid) as caught:
                network.patient(past.ann).erase(lambda _: None)
            assert caught.value.reason == "log_forked"


class TestCapsules:
    def capsules(self, gateway: Gateway, consent: ConsentId) -> int:
        with gateway.db.read() as connection:
            mine = select(grant_capsules.c.consent).where(grant_capsules.c.consent == consent)
            return len(connection.execute(mine).all())

    def test_behind_its_anchor_the_gateway_hands_out_nothing(self, past: Past, tmp_path: Path) -> None:
        state = past.restored(tmp_path / "state", "anchored", database="before")
        with running(state) as network:
            assert self.capsules(gateway_of(network), past.consents["cora"]) == 1
            with pytest.raises(ProofInvalid):
                network.provider(past.clinic).read(past.cora.did, purposes=["TREAT"])

    def test_a_stop_on_chain_is_applied_again_before_the_first_answer(
        self, past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state = past.restored(tmp_path / "state", "after", database="before")
        monkeypatch.setattr("api.worker.take_over", lambda _: 0)
        with running(state) as network:
            gateway = gateway_of(network)
            assert self.capsules(gateway, past.consents["bob"]) == 1
            outcome = network.gateway(past.clinic).evaluate(question(past, past.bob)).context.outcome
            assert outcome == "NO_CONSENT"
            assert self.capsules(gateway, past.consents["bob"]) == 0

    def test_a_stop_that_nothing_shows_is_noticed_by_who_holds_its_receipt(
        self, past: Past, tmp_path: Path
    ) -> None:
        """The capsule is back; the patient's client stops again, and sees that the log was rewritten."""
        state = past.restored(tmp_path / "state", "after", database="before")
        with running(state) as network:
            gateway = gateway_of(network)
            assert self.capsules(gateway, past.consents["cora"]) == 1
            with pytest.raises(ProofInvalid) as caught:
                network.patient(past.cora).revoke(past.consents["cora"])
            assert caught.value.reason == "log_forked"
            assert self.capsules(gateway, past.consents["cora"]) == 0


def question(past: Past, patient: Person) -> dict[str, object]:
    """The clinic asks for all records of a patient."""
    return {
        "subject": {"type": "participant", "id": past.clinic.did},
        "action": {"name": "access"},
        "resource": {"type": "patient", "id": patient.did},
        "context": {"purpose": ["TREAT"]},
    }
