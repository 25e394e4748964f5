"""The demo: once in this process, and once as people would do it, each command a process of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cli.demo.sources import Sources
from cli.demo.stage import Stage
from cli.demo.story import Story
from cli.demo.telling import tell
from cli.main import main
from cli.output import encode
from cli.output import tell as hand_over
from cli.shapes import Shape
from cli.shapes.demo import DemoReport
from tests.cli.support import SHAPES, VARIABLES, Consent

pytestmark = pytest.mark.chain

CONSENT = (sys.executable, "-m", "cli")
PATIENCE = 120
DONE = 0


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own, and temporary files where they can be counted."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def children() -> set[str]:
    """The processes that this one has started and that still run."""
    return {
        child
        for task in Path("/proc/self/task").glob("*/children")
        for child in task.read_text("ascii").split()
    }


def test_the_demo_holds_from_end_to_end_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said: list[str] = []
    before = (dict(os.environ), Path.cwd(), children(), threading.active_count())
    report = tell(main, said.append, None)
    assert report.failure is None, said
    assert report.ok
    assert (dict(os.environ), Path.cwd(), children(), threading.active_count()) == before
    assert list(tmp_path.iterdir()) == []

    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5, 6]
    assert all(step.commands and step.facts for step in report.steps)
    answers = [part.output for step in report.steps for part in step.commands if part.output]
    for answer in answers:
        msgspec.convert(answer, SHAPES[answer["schema"]], strict=True)
    assert {answer["schema"].split("/")[-2] for answer in answers} >= {
        "records-added",
        "consent-filed",
        "records-read",
        "consent-stopped",
        "history-shown",
        "audit-report",
        "failure",
    }
    codes = [part.exit_code for step in report.steps for part in step.commands]
    assert codes.count(11) == 4
    assert codes[-1] == 16

    text = "\n".join(said)
    assert text.count("$ consent ") == report.commands
    assert text.count("[ok]") == report.facts + 1  # the opening explains the mark
    for shown in ("gas, transaction 0x", "bafy", "| YES, share", "NO_CONSENT", "FAILED. 1 finding"):
        assert shown in text
    assert msgspec.json.decode(encode(report), type=DemoReport) == report


def test_a_bundle_that_cannot_be_used_starts_nothing(consent: Consent, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"resourceType":"Patient"}')
    ran = consent("demo", "--bundle", tmp_path / "x.json", "--json")
    assert ran.code == 2
    assert ran.answer["error"]["reason"] == "not_a_bundle"


def test_a_story_that_breaks_ends_with_exit_code_1_and_says_where(
    consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = DemoReport(
        ok=False, bundle="x", seconds=1.0, commands=0, facts=0, steps=[], failure="this does not hold: so"
    )
    monkeypatch.setattr("cli.demo.telling.tell", lambda *_: broken)
    assert consent("demo", "--json").answer["failure"] == "this does not hold: so"
    ran = consent("demo")
    assert ran.code == 1
    assert "The demo ends here: this does not hold: so" in ran.out


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Path]:
    """A home in which `consent up` runs; it must end well when it is told to."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "passphrase").touch(mode=0o600)
    (home / "passphrase").write_text("only for tests\n")
    command = [*CONSENT, "--home", str(home), "--json", "up", "--port", "0", "--rpc-port", "0"]
    said = tmp_path / "stderr"
    with said.open("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)  # noqa: S603
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, said.read_text()
        assert json.loads(line)["network"] == str(home / "stack" / "network.json")
        yield home
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == DONE, said.read_text()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.nightly
def test_the_same_story_told_by_processes_against_a_stack_that_stays(
    up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(up)

    def run(arguments: list[str]) -> int:
        """One process; what it answers is handed over as if it had run here."""
        plain = "apply" in arguments or "--card" in arguments
        given = ["--home", str(up), "--passphrase-file", str(up / "passphrase"), *arguments]
        done = subprocess.run(  # noqa: S603 - our own command
            [*CONSENT, *given, *([] if plain else ["--json"])],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        print(done.stdout, end="")
        if not plain:
            hand_over(shape_in(done.stdout))
        return done.returncode

    stage = Stage(run=run, say=lambda _: None)
    Story(stage=stage, sources=Sources.of(None), database=up / "stack" / "gateway.sqlite").tell()
    assert len(stage.steps) == 6


def shape_in(text: str) -> Shape:
    """The one answer in what a command wrote."""
    value = json.loads(text)
    shape = msgspec.convert(value, SHAPES[value["schema"]], strict=True)
    assert isinstance(shape, Shape)
    return shape
