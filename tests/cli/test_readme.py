"""What the README shows is what happens: the transcript, the tour, the folders and the dependencies."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.settings import GatewaySettings
from cli.demo.telling import tell
from cli.main import main
from cli.views.demo import ending
from tests.cli.support import VARIABLES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(marker: str) -> list[str]:
    """The lines of the fenced block that follows a marker."""
    found = re.search(rf"<!-- {marker}[^\n]*-->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


VARIES = re.compile(
    r"/tmp/\S+"  # noqa: S108 - where the demo happened to run
    r"|\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{40,}"  # a log's key
    r"|0x[0-9a-fA-F]{6,}|\bbaf[a-z2-7]{20,}|\b(?:rq|ev)_[0-9a-z]+"
    r"|\b(?:seen|final)(?= in block)"  # how far the chain has come
    r"|(?:\d+ not checked: (?:the head is a block above the last one that the auditor read|not anchored yet"
    r"|anchored in a block that is not final yet)(?:; )?)+"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)


def shape(line: str) -> str:
    """A line without what differs from run to run: ids, addresses, CIDs, numbers, places, progress."""
    return " ".join(re.sub(r"\d[\d,.:]*", "#", VARIES.sub("~", line).removesuffix("~")).split())


@pytest.mark.chain
def test_the_transcript_is_what_the_demo_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    said: list[str] = []
    report = tell(main, said.append, None)
    assert report.failure is None
    said.append(ending(report))
    printed = iter([shape(line) for text in said for line in text.splitlines()])
    shown = [shape(line) for line in block("demo") if line.strip() not in ("", "...")]
    assert len(shown) > 60
    missing = next((line for line in shown if line not in printed), None)
    assert missing is None, f"the demo no longer prints, at this place: {missing}"


@contextmanager
def running(command: list[str], environment: dict[str, str], where: Path) -> Iterator[None]:
    """`consent up` as a process, from when it says that it is ready."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, env=environment, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.chain
def test_the_tour_can_be_done_as_it_is_written(tmp_path: Path) -> None:
    bin_directory = Path(sys.executable).parent
    (tmp_path / "passphrase").write_text("only for this test\n")
    (tmp_path / "passphrase").chmod(0o600)
    environment = {
        "PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CONSENT_HOME": str(tmp_path / "home"),
        "CONSENT_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
    }
    (tmp_path / "ledger").symlink_to(ROOT / "ledger")
    seen: dict[str, str] = {}
    with running(
        [str(bin_directory / "consent"), "up", "--port", "0", "--rpc-port", "0"], environment, tmp_path
    ):
        for line in block("tour"):
            if not line.startswith("$ consent") or line == "$ consent up":
                continue
            command, _, expected = line[2:].partition("  # exit code ")
            for prefix, value in seen.items():
                command = command.replace(f"{prefix}...", value)
            command = re.sub(r"-p (\w+) identity create", r"\g<0> --words-to \1.words", command)
            done = subprocess.run(  # noqa: S602 - the tour is ours, and uses the shell's redirection
                command.replace("consent ", "consent --yes ", 1),
                shell=True,
                env=environment,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == int(expected or 0), (line, done.stderr)
            for prefix, pattern in (
                ("rq_", r"\brq_[0-9a-z]{26}\b"),
                ("0x", r"(?<=consent    )0x[0-9a-f]{64}\b"),
            ):
                if (found := re.search(pattern, done.stdout)) is not None:
                    seen.setdefault(prefix, found[0])
    assert set(seen) == {"rq_", "0x"}


def test_the_rules_from_files_run_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("consent.json", "request.json"):
        (tmp_path / name).write_text("\n".join(block(name)))
    (tmp_path / "ledger").symlink_to(ROOT / "ledger")
    monkeypatch.chdir(tmp_path)
    printed = {}
    for line in block("files"):
        assert main(shlex.split(line.removeprefix("$ consent "))) == 0, line
        printed[line] = capsys.readouterr().out
    (decision,) = (text for line, text in printed.items() if "policy evaluate" in line)
    assert decision.splitlines() == block("decision")


def test_every_way_to_choose_is_an_option_of_grant(capsys: pytest.CaptureFixture[str]) -> None:
    section = README[README.index("## What a patient can choose") : README.index("## Rules from files")]
    named = set(re.findall(r"--[a-z][a-z-]+", section))
    assert main(["grant", "--help"]) == 0
    assert named == set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {
        "--mark",
        "--name",
        "--wait",
        "--help",
    }


def test_the_folders_of_the_map_are_there_and_all_are_in_it() -> None:
    named = set(re.findall(r"^\| `([a-z/]+)/` \|", README, re.MULTILINE))
    assert all((ROOT / name).is_dir() for name in named)
    packages = {
        f"ledger/{path.name}" for path in (ROOT / "ledger").iterdir() if (path / "__init__.py").exists()
    }
    assert named >= packages - {"ledger/data"} | {"api", "cli", "contracts", "tests"}


def test_every_dependency_is_explained() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    packages = set(re.findall(r'^ +"([A-Za-z0-9.-]+)[<>=]', section, re.MULTILINE))
    explained = README[README.index("## Why each dependency") : README.index("## Status")]
    assert {
        package for package in packages if not re.search(rf"\b{re.escape(package)}\b", explained)
    } == set()


def test_every_setting_of_a_gateway_is_there_with_its_default() -> None:
    section = README[README.index("## A gateway's settings") : README.index("## Why each dependency")]
    named = set(re.findall(r"`CONSENT_([A-Z_]+)`", section))
    assert named == {"SETTINGS", *(name.upper() for name in GatewaySettings.model_fields)}
    for name in ("level", "max_head_age", "relay_delay", "anchor_interval", "host", "port"):
        row = next(line for line in section.splitlines() if f"CONSENT_{name.upper()}`" in line)
        assert str(GatewaySettings.model_fields[name].default) in row.split("|")[2]
