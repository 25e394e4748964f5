"""What `consent up` prints is enough to go on, wherever its state is kept."""

import shlex
from pathlib import Path

from cli.shapes.stack import StackUp
from cli.views.stack import stack_text
from tests.cli.support import Consent, made


def up(directory: Path) -> StackUp:
    return StackUp(
        gateway="http://127.0.0.1:8440",
        rpc="http://127.0.0.1:8545",
        network=str(directory / "network.json"),
        accreditor_key=str(directory / "keys" / "accreditor.key"),
    )


def commands(text: str) -> list[list[str]]:
    """The commands that a text tells to run, as words."""
    return [
        shlex.split(line.partition(": consent ")[2]) for line in text.splitlines() if ": consent " in line
    ]


def test_where_profiles_find_the_network_by_themselves_nothing_more_is_said(tmp_path: Path) -> None:
    (only,) = commands(stack_text(up(tmp_path), found=True))
    assert only == ["--profile", "alice", "identity", "create"]


def test_elsewhere_the_hints_name_network_and_key_and_work_as_they_stand(
    consent: Consent, network: Path, tmp_path: Path
) -> None:
    state = tmp_path / "my state"
    state.mkdir()
    network.rename(state / "network.json")
    create, configure, admit = commands(stack_text(up(state), found=False))
    assert create[-2:] == ["--network", str(state / "network.json")]
    assert consent(*create, "--work-factor", "14", "--words-to", tmp_path / "words").code == 0
    assert consent(*configure).code == 0
    assert admit[-2:] == ["--key", str(state / "keys" / "accreditor.key")]
    ran = consent(*admit, "--json")
    assert ran.answer["error"]["reason"] == "file_missing"


def test_an_identity_without_a_network_is_told_what_to_do_next(consent: Consent, tmp_path: Path) -> None:
    ran = made(consent, "alice", tmp_path)
    assert "Name a network: consent config set network FILE" in ran.out
