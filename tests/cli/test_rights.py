"""`consent patient history`, `export` and `move`: what a patient is told, and what they take away."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.server import Server
from api.settings import GatewaySettings
from cli.shapes.consents import DisclosurePart, HistoryShown
from cli.shapes.rights import PatientExported, PatientMoved, PatientMovePlanned, UnopenedPart
from cli.views import requests, rights
from ledger.chain.rpc import Rpc
from ledger.client.config import Config
from ledger.client.exporttext import Counts, readme
from ledger.client.gateway import GatewayClient
from ledger.ids import Did
from ledger.service.keys import GatewayKeys
from tests.cli.support import Town
from tests.cli.test_patient_text import ALICE, FORBIDDEN, HOSPITAL
from tests.consent.readability import grade, words_a_sentence
from tests.network import small_bundle

COUNTS = Counts(consents=2, records=12, opened=12, entries=40, contents=True)
EXPORTED = PatientExported(
    patient=ALICE.did,
    folder="alice.export",
    files=70,
    consents=2,
    records=12,
    opened=11,
    unopened=[UnopenedPart(record="bafyreia2jydpoti3scn5ejz7awcm", reason="no_block")],
    entries=40,
)
PLANNED = PatientMovePlanned(
    patient=ALICE.did, gateway="https://old.example", to="https://new.example", records=12, consents=2
)
MOVED = PatientMoved(
    patient=ALICE.did,
    left="https://old.example",
    gateway="https://new.example",
    records=12,
    unopened=[],
    consents=["0x" + "4f" * 32],
    lapsed=[],
    log_index=57,
)
TEXTS = {
    "moving": rights.move_planned_text(PLANNED).replace("https://old.example", "here"),
    "moved": rights.moved_text(MOVED).replace("https://old.example", "there"),
    "readme": readme(Did(ALICE.did), "https://gateway.example", COUNTS).partition("\nAccount:")[0],
    "exported": rights.exported_text(EXPORTED),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_patient_can_read_it(name: str) -> None:
    assert grade(TEXTS[name]) <= 8, grade(TEXTS[name])
    assert words_a_sentence(TEXTS[name]) <= 15
    assert not FORBIDDEN.search(TEXTS[name])


def line(index: int, kind: str, **more: Any) -> DisclosurePart:  # noqa: ANN401
    told: dict[str, Any] = {"purpose": ["TREAT"], "action": "access", "outcome": "", "records": []}
    return DisclosurePart(
        **{
            "index": index,
            "time": 1_767_225_600_000,
            "kind": kind,
            "person": HOSPITAL,
            "basis": [],
            **told,
            **more,
        }
    )


class TestHistoryInWords:
    def test_a_line_says_who_when_what_for_which_kinds_and_on_which_choice(self) -> None:
        given = line(7, "decision", outcome="PERMIT", classes=["labs", "vitals"], basis=["0x" + "4f" * 32])
        text = requests.history_text(HistoryShown(patient=ALICE.did, disclosures=[given]))
        for part in ("City Hospital", "1 January 2026", "treating you", "labs, vitals", "0x4f4f4f4f4f", "#7"):
            assert part in text

    def test_refusals_emergencies_and_what_was_found_of_them_are_told(self) -> None:
        lines = [
            line(1, "decision", outcome="NO_CONSENT"),
            line(2, "emergency.declared", purpose=["BTG"], action="declare"),
            line(3, "emergency.reviewed", purpose=[], action="review", outcome="justified"),
        ]
        text = requests.history_text(HistoryShown(patient=ALICE.did, disclosures=lines))
        for part in ("asked: refused", "stated an emergency", "found it justified"):
            assert part in text

    def test_what_was_left_out_is_said_and_not_counted_as_nothing(self) -> None:
        shape = HistoryShown(patient=ALICE.did, disclosures=[line(9, "decision")], earlier=8)
        text = requests.history_text(shape)
        assert text.startswith("In the last 1 line: Nobody was given records of yours.")
        assert "Before these there are 8 lines more." in text


@pytest.fixture(scope="module")
def ruth(town: Town) -> str:
    """Ruth shares with the clinic, which reads."""
    town.newcomer("ruth-exports")
    town.introduced("ruth-exports", "clinic")
    town.ok("-p", "ruth-exports", "record", "add", town.home / "bundle.json")
    share = ("grant", "--to", "City Hospital", "--purpose", "TREAT", "--class", "labs")
    town.ok("-p", "ruth-exports", *share, "--yes", "--wait", "seen")
    into = town.home / "ruth.read"
    town.ok("-p", "clinic", "read", "ruth-exports", "--purpose", "TREAT", "--to", into)
    return "ruth-exports"


@pytest.mark.chain
class TestCommands:
    def test_the_history_names_kinds_of_records(self, town: Town, ruth: str) -> None:
        shown = town.ok("-p", ruth, "patient", "history")["disclosures"]
        assert [one["kind"] for one in shown] == ["decision", "release"]
        assert shown[1]["classes"] == ["labs"]

    def test_the_last_lines_alone_can_be_had(self, town: Town, ruth: str) -> None:
        shown = town.ok("-p", ruth, "patient", "history", "--last", "1")
        assert ([one["kind"] for one in shown["disclosures"]], shown["earlier"]) == (["release"], 1)

    def test_an_export_has_everything_and_can_be_run_again(
        self, town: Town, ruth: str, tmp_path: Path
    ) -> None:
        folder = tmp_path / "ruth"
        done = town.ok("-p", ruth, "patient", "export", folder, "--with-records")
        assert (done["consents"], done["unopened"]) == (1, [])
        assert done["opened"] == done["records"] > 0
        names = (folder / "people.json").read_text()
        assert "City Hospital" in names
        assert len((folder / "SHA256SUMS").read_text().splitlines()) == done["files"]
        assert town.ok("-p", ruth, "patient", "export", folder, "--with-records")["files"] == done["files"]

    def test_a_folder_of_somebody_elses_is_refused(self, town: Town, ruth: str, tmp_path: Path) -> None:
        (tmp_path / "letter.txt").write_text("mine")
        assert town.failed(2, "-p", ruth, "patient", "export", tmp_path)["reason"] == "folder_taken"


@pytest.fixture(scope="module")
def elsewhere(town: Town) -> Iterator[str]:
    """The URL of another gateway on the town's chain, which knows the clinic."""
    config = Config.parse((town.home / "stack" / "network.json").read_bytes())
    state = town.home / "elsewhere"
    state.mkdir()
    rpc = Rpc(config.rpc)
    rpc.request("anvil_setBalance", GatewayKeys.create(state / "keys").relayer.address, hex(10**21))
    rpc.close()
    deployment = town.home / "stack" / "deployment.json"
    with Server(GatewaySettings(state=state, rpc=config.rpc, deployment=deployment, port=0)) as server:
        here = GatewayClient(config.gateway, chain_id=config.deployment.chain_id)
        there = GatewayClient(server.url, chain_id=config.deployment.chain_id)
        for one in here.participants():
            if one.profile is not None:
                there.bring_profile(one.profile.encode())
        here.close()
        there.close()
        yield server.url


@pytest.mark.chain
def test_a_patient_moves_with_records_and_choices(town: Town, elsewhere: str) -> None:
    name = "mira-moves"
    town.newcomer(name)
    town.introduced(name, "clinic")
    bundle = town.home / "mira.json"
    bundle.write_bytes(small_bundle("Immunization"))
    town.ok("-p", name, "record", "add", bundle)
    town.ok("-p", name, "grant", "--to", "City Hospital", "--purpose", "TREAT", "--yes", "--wait", "seen")
    before = town.consents(name)
    assert town.failed(2, "-p", name, "patient", "move")["reason"] == "no_destination"
    command = ("-p", name, "patient", "move", "--to", elsewhere)
    plan = town.ok(*command, "--dry-run")
    assert (plan["to"], plan["consents"]) == (elsewhere, 1)
    done = town.ok(*command, "--yes")
    assert (done["gateway"], done["records"]) == (elsewhere, plan["records"])
    after = town.consents(name)
    assert [one["consent"] for one in after] == [one["consent"] for one in before] == done["consents"]
    read = ("read", name, "--purpose", "TREAT", "--to")
    assert town.failed(11, "-p", "clinic", *read, town.home / "mira.old")["code"] == "access_denied"
    words = town.home / "clinic.words"
    town.ok("-p", "clinic-there", "identity", "restore", "--work-factor", "14", "--words-from", words)
    town.ok("-p", "clinic-there", "config", "set", "gateway", elsewhere)
    town.ok("-p", "clinic-there", "contact", "add", name, town.home / f"{name}.card")
    got = town.ok("-p", "clinic-there", *read, town.home / "mira.read")
    assert got["records"] == done["records"] > 0
    assert (town.home / "profiles" / name / "former").is_dir()
