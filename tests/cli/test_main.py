"""What every command has in common: streams, errors, exit codes."""

import subprocess
import sys

import pytest

from cli.main import where_in
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


def test_a_bad_profile_name_changes_nothing(consent: Consent) -> None:
    ran = consent("-p", "../x", "identity", "create")
    assert ran.code == 2
    assert "bad_profile_name" in ran.err


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
