"""What every command has in common: streams, errors, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import failure_of, text_of
from cli.main import where_in
from ledger.errors import BlockCorrupt, EvidenceError, InvalidInput, VerificationFailed
from tests.cli.support import Consent

SLOW = {"web3", "eth_account", "eth_utils", "fhir", "fastapi", "sqlalchemy", "cryptography", "rich"}


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(consent: Consent) -> None:
    ran = consent("identity", "shw")
    assert (ran.code, ran.out) == (2, "")
    assert "Did you mean 'show'?" in ran.err
    assert "where: consent identity" in ran.err
    assert "consent identity --help" in ran.err


def test_an_error_says_what_where_and_what_next_on_stderr(consent: Consent) -> None:
    ran = consent("identity", "show", "-p", "nobody")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "Error: Profile 'nobody' has no identity yet",
        "  where: consent identity show",
        "  next:  Make one: consent --profile nobody identity create",
        "  code:  not_found (no_identity)",
    ]


def test_an_error_is_one_json_object_on_stdout_if_json_is_asked_for(consent: Consent) -> None:
    ran = consent("identity", "show", "--json")
    assert ran.err == ""
    error = ran.answer["error"]
    assert error["code"] == "not_found"
    assert error["message"]
    assert error["fix"]


def test_a_usage_error_is_json_too(consent: Consent) -> None:
    ran = consent("identity", "create", "--work-factor", "9", "--json")
    assert ran.code == 2
    assert ran.answer["error"]["code"] == "usage"


def test_the_command_at_fault_is_named_whatever_the_profile_is_called() -> None:
    assert where_in(["-p", "list", "identity", "show", "list"]) == "consent identity show"
    assert where_in(["--json", "record", "add", "list"]) == "consent record add"
    assert where_in(["nonsense"]) == "consent"


def test_a_bad_profile_name_changes_nothing(consent: Consent, tmp_path: Path) -> None:
    ran = consent("-p", "../x", "identity", "create", "--words-to", tmp_path / "words")
    assert ran.code == 2
    assert "bad_profile_name" in ran.err


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("there is no file x", "Error: There is no file x"),
        ("nope.json is not there", "Error: nope.json is not there"),
        ("./nope cannot be read", "Error: ./nope cannot be read"),
        ("'soon' is no moment", "Error: 'soon' is no moment"),
        ("no", "Error: No"),
    ],
)
def test_a_name_at_the_start_of_an_error_keeps_its_case(message: str, shown: str) -> None:
    assert text_of(failure_of(InvalidInput(message), "consent")[0]).splitlines()[0] == shown


@pytest.mark.parametrize("kind", [EvidenceError, BlockCorrupt, VerificationFailed])
def test_what_may_be_nobodys_gateway_is_not_blamed_on_one(kind: type[EvidenceError]) -> None:
    assert "gateway" not in failure_of(kind("something does not hold"), "consent")[0].error.fix


def test_a_directory_in_place_of_a_file_is_said(consent: Consent, network: Path, tmp_path: Path) -> None:
    consent("config", "set", "network", network)
    ran = consent("contact", "add", "alice", tmp_path)
    assert ran.code == 2
    assert f"The path {tmp_path} is a directory, not a file" in ran.err
    assert (
        f"There is no file {tmp_path / 'nope.card'}"
        in consent("contact", "add", "alice", tmp_path / "nope.card").err
    )


@pytest.mark.parametrize("arguments", [["--help"], ["grant", "--help"], ["--version"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    code = (
        "import sys; from cli.main import main; main(sys.argv[1:]);"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & {SLOW!r}), file=sys.stderr)"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stderr.strip() == "[]"
