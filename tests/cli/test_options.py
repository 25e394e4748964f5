"""Global options stand before or after a command."""

from pathlib import Path

import pytest
from typer.core import TyperCommand

from cli.main import tree
from cli.options import FLAGS, VALUED, Globals, hoist
from tests.cli.support import commands


@pytest.mark.parametrize(
    ("given", "hoisted"),
    [
        (["list", "--json"], ["--json", "list"]),
        (["grant", "--to", "clinic", "-p", "alice"], ["-p", "alice", "grant", "--to", "clinic"]),
        (["grant", "--profile=alice", "--yes"], ["--profile=alice", "--yes", "grant"]),
        (["read", "--", "--json"], ["read", "--", "--json"]),
        (["list", "--profile"], ["--profile", "list"]),
        (["list", "--jsonx=--json"], ["list", "--jsonx=--json"]),
        ([], []),
    ],
)
def test_hoisting_moves_global_options_and_nothing_else(given: list[str], hoisted: list[str]) -> None:
    assert hoist(given) == hoisted


ALL = list(commands(tree()))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_no_command_has_an_option_that_a_global_one_would_take_away(path: str, command: TyperCommand) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert not options & (FLAGS | VALUED), path


def test_the_root_reads_every_option_that_is_hoisted() -> None:
    options = {option for parameter in tree().params for option in parameter.opts}
    assert options >= FLAGS | VALUED


def test_flags_come_before_the_environment_and_that_before_the_default() -> None:
    environment = {"CONSENT_PROFILE": "bob", "CONSENT_PASSPHRASE_FILE": "/b"}
    assert Globals(profile="alice").profile_name(environment) == "alice"
    assert Globals().profile_name(environment) == "bob"
    assert Globals().profile_name({}) == "default"
    assert Globals(passphrase_file=Path("/a")).passphrase_source(environment) == Path("/a")
    assert Globals().passphrase_source(environment) == Path("/b")
    assert Globals().passphrase_source({}) is None
