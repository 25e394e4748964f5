"""What a patient takes away: all of it, in forms that others read, proven, and whole or not at all."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.consent import Consent

from ledger.canonical import parse_object
from ledger.client.drafting import Wish
from ledger.client.export import Exported
from ledger.client.gateway import GatewayClient
from ledger.consent.document import parse_document
from ledger.consent.statement import statement
from ledger.errors import AccessDenied, Conflict, GatewayUnreachable, ProofInvalid
from ledger.log.receipt import Receipt, verify
from tests.client.test_erasing import changed
from tests.network import Network, Person, small_bundle


@dataclass
class Case:
    """A patient with records, a choice that a clinic reads under, and one who is refused; and the export."""

    network: Network
    ann: Person
    clinic: Person
    source: bytes
    folder: Path
    done: Exported

    def names(self, dids: Iterable[str]) -> Mapping[str, str | None]:
        return {did: "Export Clinic" if did == self.clinic.did else None for did in dids}

    def export(self, folder: Path, **options: Any) -> Exported:  # noqa: ANN401
        return self.network.patient(self.ann).export(folder, self.names, **options)

    def json(self, name: str) -> dict[str, Any]:
        return parse_object((self.folder / name).read_bytes())


@pytest.fixture(scope="module")
def case(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Case:
    ann, clinic = network.enrolled(), network.admitted("Export Clinic")
    stranger = network.admitted("Stranger to the export")
    patient, source = network.patient(ann), small_bundle("Observation", "Immunization")
    patient.publish_bundle(source)
    done = patient.file(patient.draft(Wish(grantees=[clinic.did], purposes=["TREAT"])))
    network.wait_active(done.consent)
    network.provider(clinic).read(ann.did, purposes=["TREAT"])
    with pytest.raises(AccessDenied):
        network.provider(stranger).read(ann.did, purposes=["TREAT"])
    folder = tmp_path_factory.mktemp("export") / "ann"
    case = Case(
        network,
        ann,
        clinic,
        source,
        folder,
        Exported(files=0, consents=0, records=0, entries=0, opened=0, unopened=()),
    )
    case.done = case.export(folder, contents=True)
    return case


def files_in(folder: Path) -> dict[str, Path]:
    return {one.relative_to(folder).as_posix(): one for one in folder.rglob("*") if one.is_file()}


class TestFolder:
    def test_every_file_is_listed_with_its_sum_and_none_else(self, case: Case) -> None:
        lines = (case.folder / "SHA256SUMS").read_text().splitlines()
        sums = {name: total for total, name in (line.split("  ", 1) for line in lines)}
        found = files_in(case.folder)
        assert sums.keys() == found.keys() - {"SHA256SUMS"}
        assert len(sums) == case.done.files
        for name, path in found.items():
            assert name == "SHA256SUMS" or sums[name] == sha256(path.read_bytes()).hexdigest()

    def test_it_is_its_owners_alone(self, case: Case) -> None:
        assert {path.stat().st_mode & 0o777 for path in files_in(case.folder).values()} == {0o600}
        folders = [case.folder, *(one for one in case.folder.rglob("*") if one.is_dir())]
        assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}

    def test_the_words_are_not_in_it(self, case: Case) -> None:
        seed = case.ann.identity._seed
        for path in files_in(case.folder).values():
            assert seed not in path.read_bytes()
            assert seed.hex().encode() not in path.read_bytes()

    def test_a_folder_with_something_else_in_it_is_left_alone(self, case: Case, tmp_path: Path) -> None:
        (tmp_path / "letter.txt").write_text("mine")
        with pytest.raises(Conflict) as caught:
            case.export(tmp_path)
        assert caught.value.reason == "folder_taken"
        assert files_in(tmp_path).keys() == {"letter.txt"}

    def test_the_export_of_somebody_else_is_left_alone(self, case: Case) -> None:
        before = files_in(case.folder)
        with pytest.raises(Conflict) as caught:
            case.network.patient(case.network.enrolled()).export(case.folder, case.names)
        assert caught.value.reason == "folder_taken"
        assert files_in(case.folder) == before


class TestConsents:
    def test_each_is_a_fhir_consent_with_the_text_that_its_document_gives(self, case: Case) -> None:
        (consent,) = (case.folder / "consents").iterdir()
        raw = (consent / "consent.json").read_bytes()
        Consent.model_validate_json(raw)
        document = parse_document(raw)
        assert document.patient == case.ann.did
        assert (consent / "statement.txt").read_text() == statement(document) + "\n"
        filing = parse_object((consent / "filing.json").read_bytes())
        assert filing["document"].encode() == raw
        assert parse_object((consent / "state.json").read_bytes())["state"] == "active"


class TestLog:
    def test_each_entry_is_proven_by_its_receipt(self, case: Case) -> None:
        key = case.network.stack.server.gateway.journal.verifier
        receipts = [
            Receipt.from_json(json.loads(path.read_bytes()))
            for path in (case.folder / "log").glob("*.receipt.json")
        ]
        kinds = [verify(one, key)["kind"] for one in receipts]
        assert len(kinds) == case.done.entries
        assert {"record.published", "consent.filed", "decision", "release"} <= set(kinds)

    def test_every_entry_of_the_patient_is_there(self, case: Case) -> None:
        gateway = case.network.stack.server.gateway
        tag = bytes.fromhex(case.ann.identity.erasure.address[2:])
        stored = {entry.index for entry in gateway.journal.entries(tag=tag)}
        found = {int(path.name.split(".")[0]) for path in (case.folder / "log").glob("*.receipt.json")}
        assert found == stored

    def test_the_history_has_refusals_too_and_who_was_given_what(self, case: Case) -> None:
        lines = case.json("history.json")["history"]
        assert [line["kind"] for line in lines] == ["decision", "release", "decision"]
        assert [line.get("outcome") for line in lines] == ["PERMIT", None, "NO_CONSENT"]
        assert lines[1]["subject"] == case.clinic.did
        assert lines[1]["records"]


class TestAuditEvents:
    @pytest.fixture
    def events(self, case: Case) -> list[dict[str, Any]]:
        bundle = case.json("fhir/audit-events.json")
        Bundle.model_validate(bundle)
        return [entry["resource"] for entry in bundle["entry"]]

    def test_there_is_a_valid_one_for_each_decision_and_release(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            AuditEvent.model_validate(event)
        kinds = [event["type"]["code"] for event in events]
        assert kinds == ["110113", "110106", "110113"]
        assert [event["outcome"] for event in events] == ["0", "0", "8"]

    def test_a_decision_has_the_agents_and_entities_of_authz_consent(
        self, case: Case, events: list[dict[str, Any]]
    ) -> None:
        permit, _, refusal = events
        for event in (permit, refusal):
            agents = [agent["type"]["coding"][0]["code"] for agent in event["agent"]]
            assert agents == ["110150", "IRCP", "PROV", "authserver"]
            assert event["agent"][3]["who"] == event["source"]["observer"]
            assert "network" in event["agent"][0]
            assert [agent["requestor"] for agent in event["agent"]] == [False, True, False, False]
            kinds = [entity["type"]["code"] for entity in event["entity"]]
            assert kinds == ["1", "Consent"]
        (consent,) = (case.folder / "consents").iterdir()
        assert permit["entity"][1]["what"]["identifier"]["value"] == consent.name
        assert "extension" in refusal["entity"][1]["what"]

    def test_a_release_names_source_recipient_patient_and_every_record(
        self, case: Case, events: list[dict[str, Any]]
    ) -> None:
        release = events[1]
        assert [agent["type"]["coding"][0]["code"] for agent in release["agent"]] == [
            "110153",
            "110152",
            "429577009",
        ]
        assert release["agent"][1]["who"]["display"] == "Export Clinic"
        assert len(release["entity"]) == 1 + case.done.records


class TestRecords:
    def test_what_is_in_them_is_what_was_published(self, case: Case) -> None:
        assert (case.done.opened, case.done.unopened) == (case.done.records, ())
        found = [
            entry["resource"]
            for path in case.folder.glob("records/*/content/bundle.json")
            for entry in json.loads(path.read_bytes())["entry"]
        ]
        source = [one["resource"] for one in json.loads(case.source)["entry"]]
        assert sorted(found, key=json.dumps) == sorted(source, key=json.dumps)

    def test_without_them_nothing_of_a_record_is_in_plain(self, case: Case, tmp_path: Path) -> None:
        done = case.export(tmp_path / "locked")
        assert (done.records, done.opened) == (case.done.records, 0)
        assert not list((tmp_path / "locked").rglob("content"))

    def test_one_whose_blocks_are_gone_is_named_and_keeps_nothing_from_the_rest(
        self, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        patient = case.network.patient(case.ann)
        gone = patient.records()[0].root
        store, get = type(case.network.blocks()), type(case.network.blocks()).get

        def get_other(self: Any, cid: Any) -> bytes:  # noqa: ANN401
            if cid == gone:
                from ledger.errors import BlockMissing

                raise BlockMissing("not here", reason="no_block")
            return get(self, cid)

        monkeypatch.setattr(store, "get", get_other)
        done = case.export(tmp_path / "short", contents=True)
        assert done.unopened == ((gone, "no_block"),)
        assert done.opened == case.done.records - 1


class TestGoingOn:
    def test_what_is_there_is_not_asked_for_again(
        self, case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        receipt, asked = GatewayClient.receipt, []

        def some(self: GatewayClient, index: int) -> dict[str, Any]:
            asked.append(index)
            if len(asked) == 3:
                raise GatewayUnreachable("it went away", reason="no_answer")
            return receipt(self, index)

        monkeypatch.setattr(GatewayClient, "receipt", some)
        with pytest.raises(GatewayUnreachable):
            case.export(tmp_path / "part")
        assert not (tmp_path / "part" / "SHA256SUMS").exists()
        done = case.export(tmp_path / "part")
        assert (tmp_path / "part" / "SHA256SUMS").exists()
        assert len(asked) == done.entries + 1

    def test_a_receipt_that_was_changed_meanwhile_is_noticed(self, case: Case, tmp_path: Path) -> None:
        case.export(tmp_path / "bent")
        receipts = sorted((tmp_path / "bent" / "log").glob("*.receipt.json"))
        one, other = receipts[0], receipts[1]
        one.write_bytes(other.read_bytes())
        with pytest.raises(ProofInvalid) as caught:
            case.export(tmp_path / "bent")
        assert caught.value.reason == "receipt_of_other_act"


def _forged(answer: dict[str, Any]) -> None:
    answer["salt"] = "0x" + "11" * 32


def test_an_entry_that_is_not_in_the_log_is_not_exported(case: Case, tmp_path: Path) -> None:
    tag = bytes.fromhex(case.ann.identity.erasure.address[2:])
    first = case.network.stack.server.gateway.journal.entries(tag=tag)[0].index
    tamper: Callable[[str, Any], Any] = changed(f"GET /v1/log/receipts/{first}", _forged)
    patient = case.network.patient(case.ann, tamper)
    with pytest.raises(ProofInvalid):
        patient.export(tmp_path / "forged", case.names)
    assert not (tmp_path / "forged" / "SHA256SUMS").exists()
