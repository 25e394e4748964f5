"""Groups and commands, all made the same way.

A command's help is its docstring; the lines under ``Example:`` or ``Examples:`` are kept as they stand.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

import typer

F = TypeVar("F", bound=Callable[..., None])

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
PLAIN: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "invoke_without_command": True,
    "context_settings": SETTINGS,
}
_KEEP = re.compile(r"^(?=Examples?:$)", re.MULTILINE)


def make_group(name: str, help_text: str) -> typer.Typer:
    """A group whose help is shown when it is called without a command."""
    group = typer.Typer(name=name, help=help_text, **PLAIN)
    group.callback()(_show_help)
    return group


def command(group: typer.Typer, name: str | None = None) -> Callable[[F], F]:
    """Make a function a command of `group`, under its own name if none is given."""

    def add(function: F) -> F:
        text = _KEEP.sub("\b\n", inspect.cleandoc(function.__doc__ or ""))
        return group.command(name, help=text, context_settings=SETTINGS)(function)

    return add


def _show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
