"""Where the story is told: commands are run and shown, facts are checked, all of it is written down."""

import io
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from cli.exits import Exit
from cli.output import listening
from cli.shapes import Shape
from cli.shapes.demo import CommandPart, StepOfStory
from cli.views.text import indented

S = TypeVar("S", bound=Shape)

Run = Callable[[list[str]], int]
Say = Callable[[str], None]


class StoryFailed(Exception):  # noqa: N818 - it ends a story; nothing in the program is wrong
    """A fact of the story does not hold. The message says which."""


@dataclass(slots=True)
class Stage:
    """One telling of the story.

    run: runs one command line and returns its exit code.
    say: shows a piece of text to whoever watches.
    """

    run: Run
    say: Say
    steps: list[StepOfStory] = field(default_factory=list)

    def step(self, title: str, what: str) -> None:
        """Begin the next step."""
        number = len(self.steps) + 1
        self.steps.append(StepOfStory(number=number, title=title, commands=[], facts=[]))
        self.say(f"\n== {number}. {title} ==\n{what}")

    def command(self, *arguments: str, expect: int = 0, into: Path | None = None) -> Shape | None:
        """Run and show one command; its answer as data.

        Args:
            arguments: without the name of the program.
            expect: the exit code that it must have.
            into: a file that takes what the command writes to stdout.

        Raises:
            StoryFailed: it ended otherwise.
        """
        line = shlex.join(["consent", *arguments]) + (f" > {into}" if into else "")
        self.say(f"\n$ {line}")
        answers: list[Shape] = []
        shown = io.StringIO()
        out = io.StringIO() if into else shown
        with listening(answers.append), redirect_stdout(out), redirect_stderr(shown):
            code = self.run(list(arguments))
        if into is not None:
            into.write_text(out.getvalue(), "utf-8")
        self._show(shown.getvalue(), code)
        answer = answers[-1] if answers else None
        self._note(line, code, answer)
        if code == Exit.INTERRUPTED:
            raise KeyboardInterrupt
        if code != expect:
            raise StoryFailed(f"'{line}' ended with exit code {int(code)}, not {expect}")
        return answer

    def answer(self, kind: type[S], *arguments: str, expect: int = 0, into: Path | None = None) -> S:
        """Run and show one command whose answer is of this shape; raises as `command`."""
        found = self.command(*arguments, expect=expect, into=into)
        if not isinstance(found, kind):
            raise StoryFailed(f"'consent {shlex.join(arguments)}' did not answer with a {kind.__name__}")
        return found

    def fact(self, holds: bool, text: str) -> None:
        """Write down a fact.

        Raises:
            StoryFailed: it does not hold.
        """
        if not holds:
            raise StoryFailed(f"this does not hold: {text}")
        self.steps[-1].facts.append(text)
        self.say(f"  [ok] {text}")

    def remark(self, text: str) -> None:
        """Say something that is neither a command nor a fact."""
        self.say(f"\n# {text}")

    @property
    def commands(self) -> int:
        """How many commands were run."""
        return sum(len(step.commands) for step in self.steps)

    @property
    def facts(self) -> int:
        """How many facts hold."""
        return sum(len(step.facts) for step in self.steps)

    def _show(self, text: str, code: int) -> None:
        ended = f"  exit code {int(code)}" if code else ""
        shown = "\n".join(part for part in (indented(text.rstrip()), ended) if part)
        if shown:
            self.say(shown)

    def _note(self, line: str, code: int, answer: Shape | None) -> None:
        output = None if answer is None else msgspec.to_builtins(answer)
        self.steps[-1].commands.append(CommandPart(command=line, exit_code=int(code), output=output))
