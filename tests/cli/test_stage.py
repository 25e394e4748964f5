"""Where the story is told: what is shown, what is written down, and that it ends when something is not so."""

import sys
from pathlib import Path

import pytest

from cli.demo.sources import Sources, digests
from cli.demo.stage import Stage, StoryFailed
from cli.demo.story import Story
from cli.output import tell
from cli.shapes.people import ContactList
from cli.shapes.stack import GatewayServed
from ledger.errors import BundleRejected, NotFound
from ledger.ids import Did
from ledger.records.bundle import read_bundle

SERVED = GatewayServed(gateway="http://127.0.0.1:1", state="here")


def run(arguments: list[str]) -> int:
    """A command that answers, and ends with the code that it is given."""
    print(f"did {arguments[0]}")
    print("and says so", file=sys.stderr)
    tell(SERVED)
    return int(arguments[1])


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stage(said: list[str]) -> Stage:
    stage = Stage(run=run, say=said.append)
    stage.step("First", "Something is done.")
    return stage


def test_a_command_is_shown_as_typed_with_all_that_it_printed(stage: Stage, said: list[str]) -> None:
    assert stage.answer(GatewayServed, "serve it", "11", expect=11) == SERVED
    assert said[1] == "\n$ consent 'serve it' 11"
    assert said[2] == "  did serve it\n  and says so\n  exit code 11"
    (noted,) = stage.steps[0].commands
    assert (noted.command, noted.exit_code) == ("consent 'serve it' 11", 11)
    assert noted.output == {
        "schema": "consent-ledger/cli/gateway-served/1",
        "gateway": "http://127.0.0.1:1",
        "state": "here",
    }


def test_what_goes_into_a_file_is_not_shown(stage: Stage, said: list[str], tmp_path: Path) -> None:
    stage.command("serve", "0", into=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "did serve\n"
    assert said[-1] == "  and says so"


def test_another_exit_code_ends_the_story_and_is_written_down(stage: Stage) -> None:
    with pytest.raises(StoryFailed, match="ended with exit code 3, not 0"):
        stage.command("serve", "3")
    assert stage.steps[0].commands[0].exit_code == 3


def test_another_answer_ends_the_story(stage: Stage) -> None:
    with pytest.raises(StoryFailed, match="ContactList"):
        stage.answer(ContactList, "serve", "0")


def test_a_fact_that_does_not_hold_ends_the_story(stage: Stage, said: list[str]) -> None:
    stage.fact(True, "one is one")
    with pytest.raises(StoryFailed, match="one is two"):
        stage.fact(False, "one is two")
    assert stage.steps[0].facts == ["one is one"]
    assert stage.facts == 1
    assert said[-1] == "  [ok] one is one"


def test_an_interrupted_command_interrupts_the_story(stage: Stage) -> None:
    with pytest.raises(KeyboardInterrupt):
        stage.command("serve", "130")


def test_a_story_whose_commands_do_nothing_fails_at_once(tmp_path: Path) -> None:
    silent = Stage(run=lambda _: 0, say=lambda _: None)
    story = Story(stage=silent, sources=Sources.of(None), database=tmp_path)
    with pytest.raises(StoryFailed, match="did not answer"):
        story.tell()


def test_the_sources_know_every_resource_and_which_are_marked() -> None:
    sources, patient = (
        Sources.of(None),
        Did("did:pkh:eip155:31337:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"),
    )
    count = len(read_bundle(sources.bundle).resources) + len(read_bundle(sources.supplement).resources)
    assert sources.resources().total() == count - 1  # the Patient stands in both
    marked = {label: sources.marked(patient, label).total() for label in ("PSY", "ETH", "HIV", "SDV")}
    assert min(marked["PSY"], marked["ETH"], marked["HIV"]) > 0
    assert marked["SDV"] == 0
    one = read_bundle(sources.supplement).resources[-1]
    assert sources.holds(one.raw)
    assert not sources.holds(one.raw.replace(b":", b": ", 1))
    assert digests([("a", b"1"), ("a", b"1")]).total() == 2


def test_a_bundle_that_is_none_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Sources.of(tmp_path / "none.json")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(BundleRejected):
        Sources.of(tmp_path / "x.json")
