"""Every command explains itself, with an example that parses."""

import ast
import inspect
import shlex
import textwrap
from collections.abc import Callable

import pytest
from typer.core import TyperCommand

from cli.main import main, tree
from tests.cli.support import commands

ALL = dict(commands(tree()))
LEAVES = {path: command for path, command in ALL.items() if not hasattr(command, "commands")}


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path.split()[1:], "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: consent")
    assert len(out.splitlines()) > 5


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_shows_an_example_that_parses(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[dict[str, object]] = []
    monkeypatch.setattr(LEAVES[path], "callback", lambda **given: called.append(given))
    lines = [line.strip() for line in (LEAVES[path].help or "").splitlines()]
    examples = [line for line in lines if line.startswith("consent ")]
    for example in examples:
        words = shlex.split(example, comments=True)[1:]
        end = min((words.index(mark) for mark in (">", "<", "|") if mark in words), default=len(words))
        assert main(words[:end]) == 0, example
    assert examples
    assert len(called) == len(examples)


def test_a_group_without_a_command_shows_its_help_and_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["identity"]) == 2
    assert "create" in capsys.readouterr().out


def test_no_command_shows_the_help_and_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "consent demo" in capsys.readouterr().out


@pytest.mark.parametrize("path", LEAVES)
def test_a_command_parses_hands_over_and_prints_in_at_most_25_lines(path: str) -> None:
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(unwrapped(LEAVES[path])))).body
    assert isinstance(function, ast.FunctionDef)
    body = [line for line in function.body if not is_docstring(line)]
    assert (body[-1].end_lineno or 0) - body[0].lineno < 25, path


def unwrapped(command: TyperCommand) -> Callable[..., None]:
    """The function as it was written."""
    function = inspect.unwrap(command.callback or (lambda: None))
    assert inspect.isfunction(function)
    return function


def is_docstring(line: ast.stmt) -> bool:
    """Whether a statement is a text alone."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
