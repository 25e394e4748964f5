"""`consent policy`: documents, decisions, previews and codes from files, with nothing else around."""

import json
import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from ledger.client.home import Home
from ledger.consent import codes
from ledger.consent.profiles import Profile
from ledger.records.bundle import read_bundle
from ledger.records.samples import sample_bundle, supplement_for
from tests.cli.support import Consent, Ran, Town
from tests.consent.documents import (
    CHAIN,
    PATIENT,
    A,
    B,
    actor,
    changed,
    coding,
    concept,
    document,
    label,
    plain,
    record_class,
    reference,
)
from tests.policy.corpus import Case, cases

ASKED = {"subject": A, "patient": PATIENT, "purposes": ["TREAT"], "at": "2026-02-01T00:00:00Z"}
LOINC_NOTES = record_class("34109-9")
LAB = {"id": "lab", "class": "30954-2", "confidentiality": "N"}
NOTE = {"id": "note", "class": "34109-9", "confidentiality": "R", "labels": ["PSY"]}


class Folder:
    """Files of a test, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, value: object) -> Path:
        path = self.path / name
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        return path

    def consent(self, name: str = "consent.json", **provision: Any) -> Path:  # noqa: ANN401
        return self.put(name, document({"type": "permit", "actor": [actor(A)]} | provision))

    def request(self, *records: dict[str, Any], **more: Any) -> Path:  # noqa: ANN401
        file = {"format": "consent-ledger/request/1", "request": ASKED, "records": list(records)}
        return self.put("request.json", file | more)

    def facts(self, *records: dict[str, Any]) -> Path:
        return self.put("facts.json", {"format": "consent-ledger/record-facts/1", "records": list(records)})

    def bundle(self) -> Path:
        return self.put("bundle.json", supplement_for(read_bundle(sample_bundle())))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


def test_documents_are_told_apart_and_one_at_fault_fails(consent: Consent, folder: Folder) -> None:
    good, bad = folder.put("good.json", plain()), folder.put("bad.json", plain() | {"implicitRules": "x"})
    assert consent("policy", "validate", good).code == 0
    ran = consent("policy", "validate", good, bad, "--json")
    assert ran.code == 10
    first, second = ran.answer["documents"]
    assert (ran.answer["ok"], first["accepted"], second["accepted"]) == (False, True, False)
    assert second["error"]["path"] == "Consent.implicitRules"
    assert "statement" not in first
    assert "filable" not in first
    text = consent("policy", "validate", bad).out
    assert "REFUSED" in text
    assert "next:" in text


def test_profiles_and_what_is_beyond_them_are_told(consent: Consent, folder: Folder) -> None:
    people = {"performer": [reference(PATIENT)], "organization": [reference(B)]}
    basic = document({"type": "permit", "actor": [actor(A)]}, **people)
    labelled = changed(basic, ("provision", "securityLabel"), [label("R")])
    beyond = changed(basic, ("provision", "action"), [concept(codes.ACTION_SYSTEM, "access")])
    files = [folder.put(f"{index}.json", one) for index, one in enumerate((basic, labelled, beyond))]
    shown = consent("policy", "validate", *files, "--json").answer["documents"]
    met = [[one["name"] for one in part["profiles"] if one["met"]] for part in shown]
    assert met == [list(Profile), ["Advanced"], []]
    assert [mark["path"] for mark in shown[2]["beyond"]] == ["Consent.provision.action"]
    text = consent("policy", "validate", files[1]).out
    assert "PCF profiles: Advanced" in text
    assert "not Basic or Intermediate: Consent.provision.securityLabel" in text


def test_a_refused_document_is_held_against_the_profiles_too(consent: Consent, folder: Folder) -> None:
    path = folder.put("bad.json", document({"type": "permit"}, verification=[{"verified": True}]))
    (shown,) = consent("policy", "validate", path, "--json").answer["documents"]
    assert not shown["accepted"]
    paths = [mark["path"] for mark in shown["profiles"][2]["deviations"]]
    assert paths == ["Consent.performer", "Consent.organization", "Consent.verification"]


def test_filing_is_judged_for_the_chain_that_is_named(consent: Consent, folder: Folder) -> None:
    path = folder.consent()
    assert consent("policy", "validate", path, "--chain-id", str(CHAIN)).code == 0
    ran = consent("policy", "validate", path, "--chain-id", "1", "--json")
    assert ran.code == 10
    (shown,) = ran.answer["documents"]
    assert (shown["accepted"], shown["filable"], shown["unfilable"]["path"]) == (
        True,
        False,
        "Consent.patient",
    )


def test_filing_is_told_for_the_own_chain_and_is_no_fault(
    consent: Consent, folder: Folder, home: Path, network: Path
) -> None:
    written = Home(home).network
    written.parent.mkdir(parents=True)
    written.write_bytes(network.read_bytes())
    ran = consent("policy", "validate", folder.put("open.json", document({"type": "permit"})), "--json")
    assert (ran.code, ran.answer["chain_id"]) == (0, CHAIN)
    assert ran.answer["documents"][0]["unfilable"]["reason"] == "actor_required"


def test_doubts_and_the_statement_are_shown(consent: Consent, folder: Folder) -> None:
    path = folder.consent(purpose=[coding(codes.PURPOSE_SYSTEM, code) for code in ("TREAT", "COC")])
    text = consent("policy", "validate", path, "--statement").out
    assert "careful: Consent.provision.purpose: COC changes nothing" in text
    assert "| YES, share: your health records" in text


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"{}", b"[" * 10_000, b'{"a":1,"a":2}'])
def test_what_is_no_document_is_refused_with_a_reason(consent: Consent, folder: Folder, raw: bytes) -> None:
    ran = consent("policy", "validate", folder.put("odd.json", raw), "--json")
    assert ran.code == 10
    assert ran.answer["documents"][0]["error"]["message"]


def test_a_file_that_is_not_there_is_a_wrong_request(consent: Consent, folder: Folder) -> None:
    ran = consent("policy", "validate", folder.path / "none.json", "--json")
    assert (ran.code, ran.answer["error"]["reason"]) == (2, "file_missing")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in list(cases())[::12]])
def test_a_case_of_the_corpus_can_be_cut_out_and_run(consent: Consent, folder: Folder, case: Case) -> None:
    files = [folder.put(f"{index}.json", one) for index, one in enumerate(case.documents)]
    request = folder.request(*case.records, request=case.request)
    ran = consent(
        "policy",
        "evaluate",
        *(word for path in files for word in ("--consent", path)),
        "--request",
        request,
        "--json",
    )
    if "refused" in case.expect:
        assert (ran.code, ran.answer["error"]["reason"]) == (2, case.expect["refused"])
        return
    assert ran.answer["outcome"] == case.expect["outcome"]
    assert ran.code == (0 if case.expect["outcome"] == "PERMIT" else 11)
    if "basis" in case.expect:
        assert ran.answer["basis"] == [str(files[index]) for index in case.expect["basis"]]


def test_a_decision_names_consents_by_their_files_and_explains_itself(
    consent: Consent, folder: Folder
) -> None:
    folder.consent("yes.json")
    folder.consent("no.json", type="deny", securityLabel=[label("PSY")])
    folder.request(LAB, NOTE)
    said = [
        "policy",
        "evaluate",
        "--consent",
        "yes.json",
        "--consent",
        "no.json",
        "--request",
        "request.json",
    ]
    ran = consent(*said, "--explain")
    assert ran.code == 0
    assert ran.out.startswith("PERMIT: 1 of 2 records may be opened.\n")
    assert "Consent no.json denies." in ran.out
    assert "0x0000" not in ran.out
    assert "Consent no.json" not in consent(*said).out
    answer = consent(*said, "--json").answer
    assert [(one["record"]["id"], one["outcome"], one["basis"]) for one in answer["records"]] == [
        ("lab", "PERMIT", ["yes.json"]),
        ("note", "DENY", ["no.json"]),
    ]
    (rule,) = answer["records"][1]["trace"][1]["rules"]
    assert (rule["path"], rule["permit"], rule["matched"]) == ("Consent.provision", False, True)
    assert [item["attribute"] for item in rule["attributes"]] == ["actor", "securityLabel"]


def test_a_record_that_cannot_be_judged_says_why(consent: Consent, folder: Folder) -> None:
    folder.consent()
    folder.request({"id": "odd", "class": "potions", "confidentiality": "N"})
    ran = consent("policy", "evaluate", "--consent", "consent.json", "--request", "request.json")
    assert ran.code == 11
    assert "the record is of an unknown class" in ran.out


def test_duties_are_told(consent: Consent, folder: Folder) -> None:
    folder.consent()
    folder.request(LAB | {"labels": ["ETH"], "confidentiality": "R"})
    said = ["policy", "evaluate", "--consent", "consent.json", "--request", "request.json"]
    assert "part2-notice" in consent(*said).out
    assert [duty["id"] for duty in consent(*said, "--json").answer["obligations"]] == [
        "keep-labels",
        "no-redisclosure",
        "part2-notice",
    ]


def test_records_can_come_from_a_bundle_which_is_split_and_labelled(consent: Consent, folder: Folder) -> None:
    folder.consent(provision=[{"type": "deny", "securityLabel": [label("PSY")]}])
    folder.request()
    folder.bundle()
    said = ["policy", "evaluate", "--consent", "consent.json", "--request", "request.json"]
    answer = consent(*said, "--records", "bundle.json", "--json").answer
    outcomes = {one["record"]["id"]: one["outcome"] for one in answer["records"]}
    assert outcomes["labs-1"] == "PERMIT"
    assert outcomes["medications-1"] == "DENY"
    resources = [name for one in answer["records"] for name in one["record"]["resources"]]
    assert len(resources) == len(read_bundle(folder.path / "bundle.json").resources)


@pytest.mark.parametrize("both", [True, False])
def test_records_stand_in_one_place(consent: Consent, folder: Folder, both: bool) -> None:
    folder.consent()
    folder.request(*([LAB] if both else []))
    folder.facts(LAB)
    more = ["--records", "facts.json"] if both else []
    ran = consent(
        "policy", "evaluate", "--consent", "consent.json", "--request", "request.json", *more, "--json"
    )
    assert (ran.code, ran.answer["error"]["reason"]) == (2, "records_once")


def test_another_time_can_be_asked_about(consent: Consent, folder: Folder) -> None:
    folder.consent(period={"end": "2026-03"})
    folder.request(LAB)
    said = ["policy", "evaluate", "--consent", "consent.json", "--request", "request.json"]
    assert consent(*said).code == 0
    assert consent(*said, "--at", "2026-04-01T12:00:00Z").code == 11


@pytest.mark.parametrize("moment", ["", "2026", "90d", "2026-04-01T12:00:00"])
def test_a_time_that_is_none_is_refused_and_never_now(consent: Consent, folder: Folder, moment: str) -> None:
    folder.consent()
    folder.request(LAB)
    said = ["policy", "evaluate", "--consent", "consent.json", "--request", "request.json"]
    ran = consent(*said, "--at", moment, "--json")
    assert (ran.code, ran.answer["error"]["reason"]) == (2, "bad_time")


def test_actors_can_be_named_otherwise_than_requests_do(consent: Consent, folder: Folder) -> None:
    folder.consent(actor=[actor("Practitioner/7")])
    said = ["policy", "evaluate", "--consent", "consent.json", "--request", "request.json"]
    folder.request(LAB)
    assert consent(*said).code == 11
    folder.request(LAB, identities={"Practitioner/7": A})
    assert consent(*said).code == 0


@pytest.mark.parametrize(
    ("file", "value", "reason"),
    [
        ("consent.json", {"resourceType": "Consent"}, "required"),
        ("request.json", {"format": "consent-ledger/request/1", "request": {}}, "bad_request_file"),
        ("records.json", {"format": "consent-ledger/record-facts/2", "records": []}, "bad_request_file"),
        ("records.json", {"resourceType": "Patient"}, "not_a_bundle"),
        ("records.json", b"%PDF-1.7", "not_json"),
    ],
)
def test_a_file_that_is_not_understood_is_named(
    consent: Consent, folder: Folder, file: str, value: object, reason: str
) -> None:
    folder.consent()
    folder.request()
    folder.put("records.json", {"format": "consent-ledger/record-facts/1", "records": [LAB]})
    folder.put(file, value)
    said = ["policy", "evaluate", "--consent", "consent.json", "--request", "request.json"]
    error = consent(*said, "--records", "records.json", "--json").answer["error"]
    assert error["reason"] == reason
    assert file in error["where"]


def test_a_consent_counts_once(consent: Consent, folder: Folder) -> None:
    folder.consent()
    folder.request(LAB)
    twice = ["--consent", "consent.json", "--consent", "consent.json"]
    ran = consent("policy", "evaluate", *twice, "--request", "request.json", "--json")
    assert (ran.code, ran.answer["error"]["reason"]) == (2, "file_twice")


def test_a_preview_tells_who_could_read_what(consent: Consent, folder: Folder) -> None:
    folder.consent("today.json")
    folder.consent(
        "draft.json", actor=[actor(B)], provision=[{"type": "deny", "securityLabel": [label("PSY")]}]
    )
    folder.bundle()
    said = [
        "policy",
        "preview",
        "--consent",
        "draft.json",
        "--today",
        "today.json",
        "--records",
        "bundle.json",
    ]
    ran = consent(*said)
    assert ran.code == 0
    assert "Dr. Ada Brook: now 6, then 6" in ran.out
    assert "City Clinic: now 0, then 4" in ran.out
    assert "2 of them marked as psychiatric illness" in ran.out
    answer = consent(*said, "--json").answer
    by_name = {one["person"]["name"]: one for one in answer["effects"]}
    assert len(by_name["City Clinic"]["after"]) == 4
    assert set(by_name["City Clinic"]["after"]) < {one["id"] for one in answer["records"]}


def test_a_preview_of_collecting_shows_nobody_who_can_read(consent: Consent, folder: Folder) -> None:
    folder.consent(action=[concept(codes.ACTION_SYSTEM, "collect")])
    folder.facts(LAB)
    ran = consent("policy", "preview", "--consent", "consent.json", "--records", "facts.json")
    assert "now 0, then 0" in ran.out


def test_a_preview_tells_purposes_and_moments_apart(consent: Consent, folder: Folder) -> None:
    research = {
        "type": "deny",
        "purpose": [coding(codes.PURPOSE_SYSTEM, "HRESCH")],
        "securityLabel": [label("R")],
    }
    folder.consent(
        period={"start": "2030-05"},
        purpose=[coding(codes.PURPOSE_SYSTEM, code) for code in ("TREAT", "HRESCH")],
        provision=[research, {"type": "deny", "securityLabel": [label("R")], "period": {"start": "2031"}}],
    )
    folder.facts(LAB, NOTE)
    ran = consent("policy", "preview", "--consent", "consent.json", "--records", "facts.json")
    assert "now 0, from 1 May 2030 on 2" in ran.out
    assert "    for health research: 1\n    for treating you: 2\n    from 1 January 2031 on: 1\n" in ran.out


def test_a_preview_of_what_is_over_says_so(consent: Consent, folder: Folder) -> None:
    folder.consent(period={"end": "2026"})
    folder.facts(LAB)
    said = ["policy", "preview", "--consent", "consent.json", "--records", "facts.json"]
    assert "the time of this choice is over" in consent(*said, "--at", "2027-02-01").out
    assert "the time of this choice is over" not in consent(*said, "--at", "2026-02-01").out


def test_consents_of_another_patient_are_not_of_today(consent: Consent, folder: Folder) -> None:
    folder.consent()
    folder.put("other.json", document({"type": "permit"}, patient=reference(B)))
    folder.facts(LAB)
    said = [
        "policy",
        "preview",
        "--consent",
        "consent.json",
        "--today",
        "other.json",
        "--records",
        "facts.json",
    ]
    assert consent(*said, "--json").answer["error"]["reason"] == "other_patient"


@pytest.mark.chain
def test_a_preview_of_files_is_that_of_grant(town: Town, folder: Folder) -> None:
    surgery = town.admitted("hillside", "Hillside Surgery")
    alice = town.ok("-p", "alice", "identity", "show")["did"]
    draft = document(
        {
            "type": "permit",
            "period": {"start": "2100"},
            "actor": [actor(surgery) | {"reference": reference(surgery) | {"display": "Hillside Surgery"}}],
            "purpose": [coding(codes.PURPOSE_SYSTEM, code) for code in ("TREAT", "HRESCH")],
            "provision": [
                {"type": "deny", "purpose": [coding(codes.PURPOSE_SYSTEM, "HRESCH")], "class": [LOINC_NOTES]},
                {"type": "deny", "class": [LOINC_NOTES], "period": {"start": "2101"}},
            ],
        },
        patient=reference(alice),
    )
    path = folder.put("draft.json", draft)
    of_files: list[str | Path] = [
        "policy",
        "preview",
        "--consent",
        path,
        "--records",
        town.home / "bundle.json",
    ]
    of_client: list[str | Path] = ["-p", "alice", "grant", "--document", path, "--dry-run"]
    by_file, by_client = (
        _lines_about(town.run(*words), "Hillside Surgery") for words in (of_files, of_client)
    )
    assert by_file == by_client
    assert by_file[0].endswith("on 21")
    assert len(by_file) == 5


def _lines_about(ran: Ran, name: str) -> list[str]:
    """What a preview says of one person, a line for each point."""
    assert ran.code == 0, ran.err
    lines = iter((ran.out + ran.err).splitlines())
    first = next(line for line in lines if line.startswith(f"  {name}: "))
    return [first, *takewhile(lambda line: line.startswith("    "), lines)]


def listed(consent: Consent, *words: str) -> list[tuple[str, str]]:
    return [
        (one["list"], one["code"]) for one in consent("policy", "codes", *words, "--json").answer["codes"]
    ]


def test_all_codes_are_listed(consent: Consent) -> None:
    everything = [
        *(("purposes", code) for code in codes.PURPOSES),
        *(("labels", code) for code in codes.SENSITIVITIES),
        *(("confidentiality", code) for code in codes.CONFIDENTIALITIES),
        *(("actions", code) for code in codes.ACTIONS),
        *(("classes", code) for code in codes.CLASSES),
    ]
    assert listed(consent) == everything
    assert listed(consent, "actions") == [("actions", code) for code in codes.ACTIONS]


def test_codes_are_found_by_code_word_and_words(consent: Consent) -> None:
    assert listed(consent, "labels", "opioid") == [("labels", "OPIOIDUD")]
    assert ("purposes", "HRESCH") in listed(consent, "RESEARCH")
    assert listed(consent, "imaging") == [("classes", "18748-4")]
    assert "No code has that." in consent("policy", "codes", "xyzzy").out


def test_a_code_tells_what_stands_above_it(consent: Consent) -> None:
    (code,) = consent("policy", "codes", "ETHUD", "--json").answer["codes"]
    assert code["above"][:2] == ["SUD", "SPI"]
    lines = consent("policy", "codes", "purposes").out.splitlines()
    assert [line for line in lines if line.lstrip().startswith(("TREAT ", "ETREAT ", "BTG "))] == [
        "  TREAT            treating you",
        "    ETREAT         treating you in an emergency",
        "      BTG          opening records in an emergency",
    ]


def test_a_list_that_is_not_there_is_a_wrong_request(consent: Consent) -> None:
    ran = consent("policy", "codes", "sins", "envy", "--json")
    assert (ran.code, ran.answer["error"]["reason"]) == (2, "unknown_list")


@pytest.mark.parametrize(
    "words",
    [
        ["codes"],
        ["validate", "consent.json"],
        ["evaluate", "--consent", "consent.json", "--request", "request.json"],
    ],
)
def test_neither_chain_nor_fhir_library_is_loaded(folder: Folder, words: list[str]) -> None:
    folder.consent()
    folder.request(LAB)
    code = (
        "import sys; from cli.main import main; code = main(sys.argv[1:]);"
        "print(code, [name for name in ('web3', 'eth_account', 'fhir', 'fastapi') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code, "policy", *words],
        env=os.environ | {"PYTHONPATH": str(root), "CONSENT_HOME": str(folder.path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []"
