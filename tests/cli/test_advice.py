"""Commands that errors, help and documents tell people to run do exist."""

import ast
import re
from pathlib import Path

import pytest

from cli.main import tree
from tests.cli.support import commands

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("api", "cli", "ledger") for path in (ROOT / package).rglob("*.py"))
KNOWN = {path: hasattr(command, "commands") for path, command in commands(tree())}
NAMED = re.compile(r"(?:`|'|\$ |: )consent(?: (?:-p|--profile) [\w{}.]+)?((?: [a-z]+)+)")
WORDS = {"consent id"}
"""What stands after a colon and is no command."""


def named_in(text: str) -> set[str]:
    """The commands that a text names, as far as they can be told from what stands before them."""
    found = set()
    for match in NAMED.finditer(text):
        words = match[1].split()
        group = KNOWN.get(f"consent {words[0]}", False)
        found.add(" ".join(["consent", *words[: 2 if group else 1]]))
    return found - WORDS


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_exists(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert named_in("\n".join(texts)) <= set(KNOWN)


def test_a_command_that_is_not_there_would_be_found() -> None:
    assert named_in("See: consent request create") - set(KNOWN) == {"consent request create"}
    assert named_in("run `consent -p alice grant me`") == {"consent grant"}
