"""Questions at a terminal: they are asked, and what is answered counts."""

import os
import pty
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cli.options import Globals
from cli.prompts import confirm
from ledger.errors import Declined
from tests.cli.support import VARIABLES, Consent, made

PATIENCE = 60
FAST = ("--work-factor", "14")


def typed(
    home: Path, *arguments: str, answers: dict[str, str], stderr: Path | None = None
) -> tuple[int, str]:
    """Run a command at a terminal of its own; each answer is typed when its question is there."""
    master, slave = pty.openpty()
    log = os.dup(slave) if stderr is None else os.open(stderr, os.O_WRONLY | os.O_CREAT)
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "cli", "--home", str(home), *arguments],
        stdin=slave,
        stdout=slave,
        stderr=log,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    os.close(log)
    with closing(os.fdopen(master, "r+b", buffering=0)) as terminal:
        shown = _talk(terminal.fileno(), dict(answers))
    return process.wait(PATIENCE), shown


def _talk(terminal: int, answers: dict[str, str]) -> str:
    shown = ""
    while True:
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # the other side is closed: the command has ended
            return shown
        for question in [question for question in answers if question in shown]:
            os.write(terminal, answers.pop(question).encode() + b"\n")


@pytest.fixture
def bob(consent: Consent, home: Path, network: Path, tmp_path: Path) -> Path:
    """A home in which the default profile knows Bob."""
    made(consent, "bob", tmp_path, "--network", network)
    (tmp_path / "bob.card").write_text(consent("-p", "bob", "identity", "show", "--card").out)
    consent("config", "set", "network", network)
    assert consent("contact", "add", "bob", tmp_path / "bob.card").code == 0
    return home


def test_a_new_passphrase_is_asked_twice_and_is_not_echoed(tmp_path: Path) -> None:
    answers = {"A new passphrase: ": "open sesame", "The same again: ": "open sesame"}
    code, shown = typed(tmp_path / "home", "identity", "create", *FAST, answers=answers)
    assert code == 0
    words = re.findall(r"\d+ ([a-z]+)", shown.partition("nobody is.")[2])
    assert len(words) == 24
    assert "sesame" not in shown


def test_the_words_are_shown_at_a_terminal_even_if_all_else_is_quiet(tmp_path: Path) -> None:
    answers = {"A new passphrase: ": "open sesame", "The same again: ": "open sesame"}
    code, shown = typed(tmp_path / "home", "-q", "identity", "create", *FAST, answers=answers)
    assert code == 0
    assert "24 " in shown


def test_words_never_go_to_a_stderr_that_nobody_reads(tmp_path: Path) -> None:
    log = tmp_path / "log"
    answers = {"A new passphrase: ": "open sesame", "The same again: ": "open sesame"}
    code, _ = typed(tmp_path / "home", "identity", "create", *FAST, answers=answers, stderr=log)
    assert code == 2
    assert "words_to_needed" in log.read_text()
    assert not (tmp_path / "home").exists()


def test_two_entries_that_differ_make_nothing(tmp_path: Path) -> None:
    answers = {"A new passphrase: ": "open sesame", "The same again: ": "open sesam"}
    code, shown = typed(tmp_path / "home", "identity", "create", *FAST, answers=answers)
    assert code == 4
    assert "passphrases_differ" in shown
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("answer", "code"), [("y", 5), ("", 5), ("bobby", 5), ("bob", 0)])
def test_forgetting_somebody_needs_their_name_typed(
    bob: Path, consent: Consent, answer: str, code: int
) -> None:
    ended, shown = typed(bob, "contact", "remove", "bob", answers={"to go on:": answer})
    assert ended == code, shown
    assert bool(consent("contact", "list", "--json").answer["contacts"]) is (code != 0)


@pytest.mark.parametrize("answer", ["n", "", "yes please", "y", "YES"])
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    master, slave = pty.openpty()
    with closing(os.fdopen(master, "wb", buffering=0)) as terminal, os.fdopen(slave) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        terminal.write(answer.encode() + b"\n")
        if answer in {"y", "YES"}:
            confirm(Globals(), "Really?")
            return
        with pytest.raises(Declined) as caught:
            confirm(Globals(), "Really?")
    assert caught.value.reason == "said_no"


def test_no_input_asks_nothing_at_a_terminal_either(bob: Path) -> None:
    code, shown = typed(bob, "--no-input", "contact", "remove", "bob", answers={"to go on:": "bob"})
    assert code == 5
    assert "to go on:" not in shown
