"""Asking people. Nothing is ever answered in their place: without a terminal a question is an error."""

import getpass
import os
import shlex
import stat
import sys
from pathlib import Path

from cli.inputs import unreadable
from cli.options import Globals
from ledger.errors import Declined, InvalidInput, KeyLocked

LONGEST_PASSPHRASE = 4096


def can_ask(given: Globals) -> bool:
    """Whether there is somebody to ask."""
    return not given.no_input and sys.stdin.isatty()


def require_reader() -> None:
    """Return if a person reads stderr; for what must never end in a log.

    Raises:
        InvalidInput: stderr is no terminal.
    """
    if not sys.stderr.isatty():
        raise InvalidInput(
            "the 24 words are shown at a terminal only, and there is none here",
            reason="words_to_needed",
            fix="Name a new file for them: --words-to FILE",
        )


def confirm(given: Globals, question: str) -> None:
    """Return if the user says yes, now or with ``--yes``.

    Raises:
        Declined: they say no, or there is nobody to ask.
    """
    if not given.yes and _asked(given, question, "[y/N]").lower() not in {"y", "yes"}:
        raise _said_no()


def confirm_typed(given: Globals, question: str, wanted: str) -> None:
    """Return if the user types `wanted`, or said ``--yes``; for what cannot be brought back.

    Raises:
        Declined: they type something else, or there is nobody to ask.
    """
    if not given.yes and _asked(given, question, f"Type {wanted!r} to go on:") != wanted:
        raise _said_no()


def confirm_name(given: Globals, question: str, wanted: str, said: str | None) -> None:
    """Return if the user types the name `wanted`, now or on the command line; ``--yes`` is not enough here.

    Raises:
        InvalidInput: the command line has another name.
        Declined: they type something else, or there is nobody to ask.
    """
    if said is None:
        if not can_ask(given):
            raise Declined(
                f"{question} Nobody can be asked here, so nothing was done",
                reason="confirmation_needed",
                fix=f"Read the text above. If you agree, run the command again with --confirm {wanted}",
            )
        if _answer(f"{question} Type {wanted!r} to go on: ").strip() != wanted:
            raise _said_no()
    elif said != wanted:
        raise InvalidInput(
            "--confirm names somebody else; nothing was done",
            reason="other_name",
            fix=f"It must be exactly {wanted!r}.",
        )


def passphrase(given: Globals, prompt: str, *, new: bool = False) -> str:
    """The passphrase of a keystore: from a file if one is named, else typed.

    Args:
        given: the global options.
        prompt: what to ask.
        new: ask twice.

    Raises:
        KeyLocked: nobody to ask and no file named, a file that others may use, or the two entries differ.
        NotFound: no such file.
        InvalidInput: the file is not text, or its first line is empty.
    """
    source = given.passphrase_source(os.environ)
    if source is not None:
        return _first_line(source)
    if not can_ask(given):
        raise KeyLocked(
            "a passphrase is needed, and nobody can be asked here",
            reason="passphrase_needed",
            fix="Name a file that holds it: --passphrase-file FILE, or set CONSENT_PASSPHRASE_FILE.",
        )
    try:
        typed = getpass.getpass(f"{prompt}: ")
        if new and getpass.getpass("The same again: ") != typed:
            raise KeyLocked("the two entries differ", reason="passphrases_differ", fix="Start again.")
    except EOFError:
        raise KeyLocked("no passphrase was given", reason="passphrase_needed", fix="Start again.") from None
    return typed


def words(given: Globals, source: Path | None) -> str:
    """The 24 words: from a file (``-`` is stdin) if one is named, else typed.

    Raises:
        KeyLocked: nobody to ask and no file named.
        NotFound: no such file.
        InvalidInput: it is not text.
    """
    if source is not None:
        return sys.stdin.read(LONGEST_PASSPHRASE) if str(source) == "-" else _read(source)
    if not can_ask(given):
        raise KeyLocked(
            "the 24 words are needed, and nobody can be asked here",
            reason="words_needed",
            fix="Name a file that holds them: --words-from FILE (or - for stdin).",
        )
    return _answer("The 24 words: ")


def _asked(given: Globals, question: str, how: str) -> str:
    if not can_ask(given):
        raise Declined(
            f"{question} Nobody can be asked here, so nothing was done",
            reason="confirmation_needed",
            fix="Read the text above. If you agree, run the command again with --yes.",
        )
    return _answer(f"{question} {how} ").strip()


def _said_no() -> Declined:
    return Declined("you said no; nothing was done", reason="said_no", fix="Nothing needs to be done.")


def _answer(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _first_line(path: Path) -> str:
    line = _read(path, private=True).split("\n", 1)[0].removesuffix("\r")
    if not line:
        raise InvalidInput(
            f"the first line of {path} is empty", reason="empty_passphrase", fix="Write the passphrase there."
        )
    return line


def _read(path: Path, *, private: bool = False) -> str:
    try:
        with path.open("rb") as stream:
            if private:
                _require_private(path, os.fstat(stream.fileno()).st_mode)
            return stream.read(LONGEST_PASSPHRASE).decode("utf-8")
    except OSError as exc:
        raise unreadable(path, exc) from exc
    except UnicodeDecodeError as exc:
        raise InvalidInput(
            f"the file {path} is not text", reason="not_utf8", fix="Name the right file."
        ) from exc


def _require_private(path: Path, mode: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise KeyLocked(
            f"others than you may use the passphrase file {path}",
            reason="passphrase_exposed",
            fix=f"Make it yours alone: chmod 600 {shlex.quote(str(path))}",
        )
