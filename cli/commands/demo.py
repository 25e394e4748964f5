"""`consent demo`: the main job from end to end."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit
from cli.session import of
from cli.views.demo import ending


def demo(
    context: typer.Context,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Any FHIR R4 bundle with exactly one Patient.")
    ] = None,
) -> None:
    """Show everything once, on this machine: share, read, stop, audit. Nothing is left behind.

    A chain, its contracts and a gateway are started for it. Each step checks what it claims; a claim that
    does not hold ends the demo with exit code 1.

    Examples:
      consent demo
      consent demo --bundle patient.json
      consent demo --json
    """
    from cli.demo.telling import tell
    from cli.main import main

    session = of(context)
    report = tell(main, (lambda text: None) if session.given.json else typer.echo, bundle)
    session.output.result(report, ending(report))
    if not report.ok:
        raise typer.Exit(Exit.UNEXPECTED)
