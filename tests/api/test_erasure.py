"""Erasing a patient over HTTP, and what a crash, a dead store or another's order changes about it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, insert, select

from ledger.canonical import hexed
from ledger.client.drafting import Wish
from ledger.crypto.identity import Account
from ledger.crypto.typed import Erasure
from ledger.errors import Conflict, InvalidInput, SignatureInvalid, StoreUnavailable
from ledger.ids import Cid
from ledger.log.entry import EntryKind, decode
from ledger.log.journal import PatientChanged
from ledger.records.blocks import BlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.manifest import CHUNK, MAX_LINKS, Manifest, walk
from ledger.service import decisions, erasure, requests
from ledger.service.decisions import Question
from ledger.service.erasedblocks import let_go
from ledger.service.gateway import Gateway
from ledger.store.database import Database
from ledger.store.erasures import STAYING, rows_of
from ledger.store.tables import lanes, log_entries, metadata, patients, submissions
from ledger.store.tables import requests as requests_table
from ledger.store.tombstone import Tombstone
from tests.api.conftest import sign_in
from tests.network import Network, Person, eventually, small_bundle


@dataclass
class Case:
    """A patient of a stack of their own, with records and a stopped consent."""

    network: Network
    alice: Person
    clinic: Person
    roots: list[str]

    @property
    def gateway(self) -> Gateway:
        return self.network.stack.server.gateway

    @property
    def tag(self) -> bytes:
        return bytes.fromhex(self.alice.identity.erasure.address[2:])

    def signature(self, size: int, by: Account | None = None, log: str | None = None) -> str:
        key = self.alice.identity.erasure
        claim = Erasure(log=log or self.gateway.journal.origin, patient=key.address, size=size)
        digest = claim.digest(self.gateway.records_domain)
        return hexed((by or key).sign(digest))

    def erase(self, size: int | None = None) -> None:
        size = self.gateway.journal.size if size is None else size
        state = self.gateway.states.need(self.alice.identity.account.address)
        erasure.erase(self.gateway, state, size=size, signature=self.signature(size))

    def post(self, size: int, person: Person | None = None) -> httpx2.Response:
        with httpx2.Client(base_url=self.network.stack.url, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {sign_in(client, person or self.alice)}"
            body = {"erasure": self.alice.identity.erasure.address, "size": size}
            return client.post("/v1/patient/erasure", json={**body, "signature": self.signature(size)})

    def ask(self) -> str:
        question = Question(subject=self.clinic.did, patient=self.alice.did, purpose=("TREAT",))
        return str(decisions.decide_and_log(self.gateway, question).outcome)


@pytest.fixture(scope="module")
def case_of(network: Network) -> Callable[..., Case]:
    clinic = network.admitted("Mill Clinic")

    def make(*, stopped: bool = True) -> Case:
        alice = network.enrolled()
        patient = network.patient(alice)
        published = patient.publish_bundle(small_bundle("Observation", "Condition"))
        done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
        network.wait_active(done.consent)
        if stopped:
            patient.revoke(done.consent)
        return Case(network=network, alice=alice, clinic=clinic, roots=[one.root for one in published])

    return make


@pytest.fixture
def case(case_of: Callable[..., Case]) -> Case:
    return case_of()


def rows(case: Case) -> dict[str, int]:
    """How many rows of each table are still the patient's, and how many of their log entries open."""
    found = {}
    with case.gateway.db.read() as connection:
        for table in metadata.sorted_tables:
            theirs = rows_of(table, case.tag)
            if theirs is not None:
                found[table.name] = len(connection.execute(select(table).where(theirs)).all())
    found["opened"] = sum(one.entry is not None for one in case.gateway.journal.entries(tag=case.tag))
    return {name: count for name, count in found.items() if count}


class TestErasing:
    def test_nothing_of_the_patient_is_left_but_tag_and_inner_hash(self, case: Case) -> None:
        before = rows(case)
        named = {"patients", "compartments", "records", "consents", "consent_parties", "opened"}
        assert before.keys() >= named
        count = len(case.gateway.journal.entries(tag=case.tag))
        case.erase()
        assert rows(case) == {}
        assert case.gateway.data_keys.key(case.tag) is None
        left = case.gateway.journal.entries(tag=case.tag)
        assert len(left) == count
        with case.gateway.db.read() as connection:
            sealed = select(log_entries.c.sealed).where(log_entries.c.tag == case.tag)
            assert set(connection.execute(sealed).scalars()) == {None}

    def test_every_block_of_the_records_is_let_go_of(self, case: Case) -> None:
        blocks = case.gateway.blocks
        mine = {root for root in case.roots if blocks.has(root)}  # type: ignore[arg-type]
        assert mine == set(case.roots)
        before = set(blocks.cids())
        case.erase()
        eventually(lambda: erasure.unfinished(case.gateway) == 0)
        gone = before - set(blocks.cids())
        assert gone >= mine
        assert len(gone) >= 2 * len(mine)

    def test_the_entry_names_tag_size_and_signature_and_no_person(self, case: Case) -> None:
        size = case.gateway.journal.size
        case.erase(size)
        with case.gateway.db.read() as connection:
            found = case.gateway.stores.erasures.find(connection, case.tag)
        assert found is not None
        assert found.entry is not None
        opened = case.gateway.journal.entries(found.entry, found.entry + 1)[0]
        entry = decode(opened.entry or b"")
        assert opened.tag == bytes(20)
        assert {name: entry[name] for name in ("kind", "tag", "size", "signature")} == {
            "kind": EntryKind.PATIENT_ERASED,
            "tag": hexed(case.tag),
            "size": size,
            "signature": case.signature(size),
        }
        assert case.alice.did not in str(entry)

    def test_the_account_is_then_as_one_that_nobody_enrolled(self, case: Case) -> None:
        case.erase()
        with httpx2.Client(base_url=case.network.stack.url, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {sign_in(client, case.alice)}"
            assert client.get("/v1/patient").json()["reason"] == "not_enrolled"
            assert client.get("/v1/log/entries").status_code == 403
        assert case.ask() == "NO_CONSENT"
        assert {one.tag for one in case.gateway.journal.entries()[-1:]} == {
            case.gateway.made_up_tag(case.alice.identity.account.address)
        }

    def test_every_session_of_the_account_ends(self, case: Case) -> None:
        with httpx2.Client(base_url=case.network.stack.url, timeout=30) as client:
            client.headers["Authorization"] = f"Bearer {sign_in(client, case.alice)}"
            assert client.get("/v1/patient").status_code == 200
            case.erase()
            assert client.get("/v1/patient").json()["code"] == "sign_in_required"

    def test_nobody_joins_again_under_an_erased_tag(self, case: Case) -> None:
        case.erase()
        with pytest.raises(Conflict) as caught:
            case.network.patient(case.alice).enrol()
        assert caught.value.reason == "erased"
        assert "new words" in caught.value.fix

    def test_other_patients_are_untouched(self, case: Case, case_of: Callable[..., Case]) -> None:
        other = case_of()
        before = rows(other)
        case.erase()
        eventually(lambda: erasure.unfinished(case.gateway) == 0)
        assert rows(other) == before
        assert other.network.patient(other.alice).records()

    def test_every_table_is_of_a_patient_or_named_here(self) -> None:
        """A new table must say which patient its rows are of, or be named as one that has none's."""
        impersonal = {
            "anchors",
            "access_nonces",
            "carried",
            "chain_blocks",
            "chain_events",
            "checkpoints",
            "lanes",
            "machine_keys",
            "profiles",
            "relayer_marks",
            "replies",
            "sessions",
            "submissions",
            "transactions",
            "uploads",
            "webhook_events",
            "webhooks",
        }
        without = {table.name for table in metadata.sorted_tables if rows_of(table, b"") is None}
        assert without == impersonal | {table.name for table in STAYING}


class TestRefusing:
    def test_an_order_that_another_key_signed(self, case: Case) -> None:
        state = case.gateway.states.need(case.alice.identity.account.address)
        size = case.gateway.journal.size
        forged = case.signature(size, by=case.alice.identity.account)
        with pytest.raises(SignatureInvalid):
            erasure.erase(case.gateway, state, size=size, signature=forged)
        assert rows(case)

    def test_an_order_for_another_log(self, case: Case) -> None:
        state = case.gateway.states.need(case.alice.identity.account.address)
        size = case.gateway.journal.size
        elsewhere = case.signature(size, log=f"{case.gateway.journal.origin}0")
        with pytest.raises(SignatureInvalid):
            erasure.erase(case.gateway, state, size=size, signature=elsewhere)
        assert rows(case)

    def test_an_order_for_another_size(self, case: Case) -> None:
        state = case.gateway.states.need(case.alice.identity.account.address)
        size = case.gateway.journal.size
        with pytest.raises(SignatureInvalid):
            erasure.erase(case.gateway, state, size=size, signature=case.signature(size - 1))

    def test_a_size_beyond_the_log(self, case: Case) -> None:
        with pytest.raises(InvalidInput) as caught:
            case.erase(case.gateway.journal.size + 1000)
        assert caught.value.reason == "size_beyond"
        assert rows(case)

    def test_an_entry_after_the_size_that_was_signed(self, case: Case) -> None:
        size = case.gateway.journal.size
        case.ask()
        with pytest.raises(Conflict) as caught:
            case.erase(size)
        assert caught.value.reason == "erasure_outrun"
        assert rows(case)
        case.erase()
        assert rows(case) == {}

    def test_a_consent_that_still_runs(self, case_of: Callable[..., Case]) -> None:
        case = case_of(stopped=False)
        with pytest.raises(Conflict) as caught:
            case.erase()
        assert caught.value.reason == "consents_running"
        assert rows(case)

    def test_another_account_with_a_stolen_order(self, case: Case, case_of: Callable[..., Case]) -> None:
        mallory = case_of().alice
        answer = case.post(case.gateway.journal.size, mallory)
        assert (answer.status_code, answer.json()["reason"]) == (404, "not_erased")
        assert rows(case)

    def test_a_question_between_two_reads_is_answered_as_about_anybody(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The state was read, then the patient was erased: nothing may be logged under their tag any more."""
        find = type(case.gateway.states).find
        erased: list[bool] = []

        def outrun(states: Any, account: Any) -> Any:  # noqa: ANN401
            state = find(states, account)
            if state is not None and state.tag == case.tag and not erased:
                erased.append(True)
                case.erase()
            return state

        last = case.gateway.journal.entries(tag=case.tag)[-1].index
        monkeypatch.setattr(type(case.gateway.states), "find", outrun)
        wish = requests.Wish(
            subject=case.clinic.did,
            purpose=("TREAT",),
            action="access",
            classes=(),
            expires=case.gateway.now_ms() + 60_000,
        )
        requests.send(case.gateway, case.alice.identity.account.address, wish)
        assert erased
        assert case.gateway.journal.entries(tag=case.tag)[-1].index == last
        assert case.ask() == "NO_CONSENT"

    def test_nothing_is_logged_under_the_tag_of_an_erased_patient(self, case: Case) -> None:
        """Not even while the key is still there: an auditor could not tell it from what was hidden."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(case.gateway.data_keys), "bury", lambda *_: None)
            case.erase()
            with pytest.raises(PatientChanged):
                case.gateway.append(EntryKind.REQUEST, head=None, tag=case.tag, patient=case.alice.did)
        erasure.replay(case.gateway)


class TestAnswering:
    def test_the_receipt_proves_the_entry(self, case: Case) -> None:
        size = case.gateway.journal.size
        answer = case.post(size).json()
        entry = decode(answer["receipt"]["entry"].encode())
        assert (entry["kind"], entry["size"], entry["tag"]) == ("patient.erased", size, hexed(case.tag))
        assert answer["keys_until"] - answer["at"] == 30 * 86_400_000

    def test_the_same_order_again_is_answered_and_changes_nothing(self, case: Case) -> None:
        size = case.gateway.journal.size
        first = case.post(size).json()
        length = case.gateway.journal.size
        again = case.post(size).json()
        assert case.gateway.journal.size == length
        assert again["receipt"]["index"] == first["receipt"]["index"]
        assert again["at"] == first["at"]

    def test_what_would_be_destroyed_is_told_before(self, case: Case) -> None:
        auditor = case.network.admitted("Audit Office")
        state = case.gateway.states.need(case.alice.identity.account.address)
        told = erasure.prospect(case.gateway, state)
        assert told["records"] == len(case.roots)
        assert told["entries"] == len(case.gateway.journal.entries(tag=case.tag))
        assert told["consents"] == 1
        assert told["readers"] == []
        assert auditor.did not in str(told)


class KilledError(Exception):
    """The process ends here."""


STEPS = ["bury", "destroy", "purge", "expand", "delete", "done"]
"""What an erasure does after its entry is in the log, in this order."""


class TestInterrupted:
    @pytest.mark.parametrize("step", STEPS)
    def test_a_kill_at_any_step_ends_with_everything_erased(
        self, case: Case, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gateway = case.gateway
        place = {
            "bury": (type(gateway.data_keys), "bury"),
            "destroy": (type(gateway.data_keys._keys), "destroy"),  # type: ignore[attr-defined]
            "purge": (type(gateway.db), "purge"),
            "expand": (type(gateway.stores.erasures), "expand"),
            "delete": (type(gateway.blocks), "delete"),
            "done": (type(gateway.stores.erasures), "done"),
        }[step]
        reached = []

        def die(*_: object) -> None:
            reached.append(step)
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(*place, die)
            if step in STEPS[:3]:
                with pytest.raises(KilledError):
                    case.erase()
            else:
                case.erase()
                eventually(lambda: reached)
        assert reached
        erasure.replay(gateway)
        let_go(gateway)
        assert rows(case) == {}
        assert gateway.data_keys.key(case.tag) is None
        assert gateway.data_keys.buried(case.tag)
        assert not [root for root in case.roots if gateway.blocks.has(root)]  # type: ignore[arg-type]
        assert erasure.unfinished(gateway) == 0

    def test_the_order_again_leaves_nothing_in_memory_or_log_after_a_key_store_that_failed(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gateway, size = case.gateway, case.gateway.journal.size
        with monkeypatch.context() as patch:
            patch.setattr(type(gateway.data_keys), "bury", _down)
            assert case.post(size).status_code == 503
        assert case.tag in gateway.states._states
        purged: list[Database] = []

        def purge(db: Database) -> None:
            purged.append(db)

        monkeypatch.setattr(type(gateway.db), "purge", purge)
        assert case.post(size).status_code == 200
        assert purged
        assert case.tag not in gateway.states._states

    def test_a_kill_before_the_commit_erases_nothing(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, size = rows(case), case.gateway.journal.size
        with monkeypatch.context() as patch:
            patch.setattr(type(case.gateway.stores.erasures), "add", _dies)
            with pytest.raises(KilledError):
                case.erase()
        assert rows(case) == before
        assert case.gateway.journal.size == size
        assert case.network.patient(case.alice).records()

    def test_blocks_of_a_store_that_is_down_stay_on_the_list(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(type(case.gateway.blocks), "delete", _down)
            patch.setattr(type(case.gateway.blocks), "get", _down)
            answer = case.post(case.gateway.journal.size)
            assert answer.status_code == 200
            assert answer.json()["blocks_left"] == len(case.roots)
            with pytest.raises(StoreUnavailable):
                let_go(case.gateway)
            ready = httpx2.get(f"{case.network.stack.url}/readyz").json()
            assert ready["erasures_unfinished"] == 1
            assert case.gateway.data_keys.key(case.tag) is None
        eventually(lambda: erasure.unfinished(case.gateway) == 0)
        assert not [root for root in case.roots if case.gateway.blocks.has(root)]  # type: ignore[arg-type]


class TestReplayed:
    """Rows of the patient are back, as in a database that is restored; replaying takes them away again."""

    def test_what_was_asked_before_they_joined_goes_again_and_what_was_asked_since_stays(
        self, network: Network
    ) -> None:
        """Were requests to an erased account to go at each start, anybody could learn whose it is."""
        gateway: Gateway = network.stack.server.gateway
        clinic, alice = network.admitted("Early Clinic"), network.person()
        account = alice.identity.account.address

        def ask() -> str:
            expires = gateway.now_ms() + 60_000
            wish = requests.Wish(
                subject=clinic.did, purpose=("TREAT",), action="access", classes=(), expires=expires
            )
            return requests.send(gateway, account, wish)[0]

        def listed() -> list[str]:
            return [row.request for row in requests.outbox(gateway, clinic.identity.account.address)]

        before = ask()
        network.patient(alice).enrol()
        with gateway.db.read() as connection:
            old = connection.execute(select(requests_table)).mappings().all()
        network.patient(alice).erase(lambda _: None)
        assert listed() == []
        since = ask()
        with gateway.db.write() as connection:
            mine = [dict(row) for row in old if row["request"] == before]
            connection.execute(insert(requests_table), mine)
        assert set(listed()) == {before, since}
        for _ in range(2):
            erasure.replay(gateway)
            assert listed() == [since]

    def test_their_acts_on_the_way_to_the_chain_lose_the_look_up(self, case: Case) -> None:
        gateway = case.gateway
        lookup = gateway.look_up(case.alice.identity.account.address)
        with gateway.db.read() as connection:
            patient = dict(
                connection.execute(select(patients).where(patients.c.tag == case.tag)).mappings().one()
            )
            on_the_way = select(submissions.c.id).where(submissions.c.id.not_in(select(lanes.c.submission)))
            submission = connection.execute(on_the_way.limit(1)).scalar_one()
        case.erase()
        with gateway.db.write() as connection:
            connection.execute(insert(patients), [patient])
            connection.execute(insert(lanes).values(submission=submission, lane=lookup))
        erasure.replay(gateway)
        mine = select(lanes.c.lane).where(lanes.c.submission == submission)
        with gateway.db.write() as connection:
            assert connection.execute(mine).scalar_one() != lookup
            connection.execute(delete(lanes).where(lanes.c.submission == submission))


class TestSharedBlocks:
    def test_publishing_anothers_root_does_not_delete_it(
        self, case: Case, case_of: Callable[..., Case]
    ) -> None:
        """Roots are no secret; whoever publishes one as theirs and erases themselves deletes nothing."""
        mallory = case_of()
        with case.gateway.db.write() as connection:
            case.gateway.stores.records.add(
                connection, root=case.roots[0], tag=mallory.tag, entry=0, sealed={"header": ""}
            )
        with case.gateway.db.write() as connection:
            case.gateway.stores.erasures.forget(connection, mallory.tag)
        let_go(case.gateway)
        blocks: BlockStore = case.gateway.blocks
        assert blocks.has(case.roots[0])  # type: ignore[arg-type]
        assert not blocks.has(mallory.roots[0])  # type: ignore[arg-type]

    def test_what_stays_is_counted_in_the_answer(self, case: Case, case_of: Callable[..., Case]) -> None:
        mallory = case_of()
        stays = {cid for cid, _ in walk(Cid(case.roots[0]), case.gateway.blocks)}
        with case.gateway.db.write() as connection:
            case.gateway.stores.records.add(
                connection, root=case.roots[0], tag=mallory.tag, entry=0, sealed={"header": ""}
            )
        size = case.gateway.journal.size
        case.erase(size)
        eventually(lambda: erasure.unfinished(case.gateway) == 0)
        answer = case.post(size).json()
        assert (answer["blocks_left"], answer["blocks_kept"]) == (0, len(stays))
        assert all(case.gateway.blocks.has(cid) for cid in stays)

    def test_what_the_store_holds_for_others_is_counted_too(
        self, case: Case, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        delete = type(case.gateway.blocks).delete

        def held(blocks: BlockStore, cid: Cid) -> None:
            if cid == case.roots[0]:
                raise Conflict("a manifest holds it", reason="block_held")
            delete(blocks, cid)

        monkeypatch.setattr(type(case.gateway.blocks), "delete", held)
        size = case.gateway.journal.size
        case.erase(size)
        eventually(lambda: erasure.unfinished(case.gateway) == 0)
        assert case.post(size).json()["blocks_kept"] == 1

    @pytest.mark.parametrize("whose", ["own", "another's"])
    def test_a_manifest_that_links_again_and_again_to_another_holds_up_nobody(
        self, case: Case, case_of: Callable[..., Case], whose: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two small blocks could stand for 16 million links; a manifest of that kind is none."""
        child, root = repeated(case.gateway.blocks, times=MAX_LINKS)
        owner = case if whose == "own" else case_of()
        with case.gateway.db.write() as connection:
            case.gateway.stores.records.add(
                connection, root=root, tag=owner.tag, entry=0, sealed={"header": ""}
            )
        reads: Counter[str] = Counter()
        get = type(case.gateway.blocks).get

        def counted(blocks: BlockStore, cid: Cid) -> bytes:
            reads[cid] += 1
            return get(blocks, cid)

        with monkeypatch.context() as patch:
            patch.setattr("api.worker.let_go", lambda _: None)
            patch.setattr(type(case.gateway.blocks), "get", counted)
            with case.gateway.db.write() as connection:
                case.gateway.stores.erasures.forget(connection, case.tag)
            let_go(case.gateway)
        assert reads[child] == 0
        assert not any(case.gateway.blocks.has(Cid(mine)) for mine in case.roots)


def repeated(blocks: BlockStore, *, times: int) -> tuple[Cid, Cid]:
    """A full manifest of one leaf, and a manifest that is nothing but links to it; their CIDs."""
    leaf = cid_of(Codec.RAW, b"x")
    full = CHUNK * MAX_LINKS
    child = Manifest(size=full, links=(leaf,) * MAX_LINKS).to_bytes()
    cid = cid_of(Codec.DAG_CBOR, child)
    top = Manifest(size=full * times, links=(cid,) * times).to_bytes()
    blocks.put(leaf, b"x")
    blocks.put(cid, child)
    blocks.put(cid_of(Codec.DAG_CBOR, top), top)
    return cid, cid_of(Codec.DAG_CBOR, top)


def test_a_tombstone_reads_as_it_was_written() -> None:
    stone = Tombstone(tag=b"\x01" * 20, size=7, at=5, signature="0x12")
    assert Tombstone.decode(stone.encode()) == stone
    order = Tombstone(tag=b"\x01" * 20, size=7, at=5, order="court 12/2026")
    assert Tombstone.decode(order.encode()) == order
    for wrong in (b"{}", stone.encode()[:-1], stone.encode().replace(b'"size":7', b'"size":"7"')):
        with pytest.raises(InvalidInput):
            Tombstone.decode(wrong)


def _dies(*_: object) -> None:
    raise KilledError


def _down(*_: object) -> None:
    raise StoreUnavailable("the block store cannot be used", reason="block_store_unavailable")
