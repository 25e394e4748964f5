"""Options and arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from cli.granting import Wait

Words = list[str] | None
"""An option that may be given several times."""

Purposes = Annotated[Words, typer.Option("--purpose", metavar="CODE", help="What for, such as TREAT.")]
Classes = Annotated[Words, typer.Option("--class", metavar="CLASS", help="Only these, such as labs.")]
Excepted = Annotated[
    Words, typer.Option("--except", metavar="WHAT", help="But not these: PSY, notes, visit=2026-05-03.")
]
Action = Annotated[str, typer.Option("--action", metavar="CODE", help="What is to be done.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="90d, 6m, 1y or a date.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the text, sign nothing.")]
Waiting = Annotated[Wait, typer.Option("--wait", help="How far on chain before the command ends.")]

Patient = Annotated[str, typer.Argument(metavar="PATIENT", help="A contact, or an account.")]
State = Annotated[Path | None, typer.Option("--state", metavar="DIR", help="Where everything is kept.")]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="The gateway's settings [env: CONSENT_SETTINGS]."),
]
BackupDirectory = Annotated[Path, typer.Argument(metavar="DIR", help="The backup of the database.")]
KeysDirectory = Annotated[
    Path | None, typer.Option("--keys", metavar="DIR", help="The backup of the keys; kept apart.")
]
Blocks = Annotated[
    str | None,
    typer.Option(
        "--blocks", metavar="PLACE,...", help="Directories or Kubo addresses [env: CONSENT_BLOCKS]."
    ),
]
BlocksFactor = Annotated[
    int | None,
    typer.Option(
        "--blocks-factor",
        metavar="NUMBER",
        min=1,
        help="How many of them must take a block [env: CONSENT_BLOCKS_FACTOR].",
    ),
]
BlocksTokenFile = Annotated[
    Path | None,
    typer.Option(
        "--blocks-token-file",
        metavar="FILE",
        help="Holds the token that Kubo asks for [env: CONSENT_BLOCKS_TOKEN_FILE].",
    ),
]
