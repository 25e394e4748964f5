"""`consent audit`: verify the whole history without trusting the gateway."""

from pathlib import Path
from typing import Annotated

import typer

from cli import auditing
from cli.groups import command, make_group
from cli.session import of
from cli.views import audit as view

app = make_group("audit", "Verify the whole history without trusting the gateway.")


@command(app)
def verify(
    context: typer.Context,
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A log that was saved, instead of the gateway's.")
    ] = None,
    log_key: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The log's key; the one first seen if not given.")
    ] = None,
    receipts: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="Receipts that must be found in the log.")
    ] = None,
) -> None:
    """Check the log against itself, against the chain, and make every decision again.

    Needs an auditor's profile. Each step prints how much it checked and how much it could not. The exit code
    names the first step that failed: CHECKPOINT 13, TREE 14, ANCHOR 15, ENTRY 16, TIME 17, CONSENT 18,
    REPLAY 19, RELEASE 20, COMPLETE 21.

    Examples:
      consent -p auditor audit verify
      consent -p auditor audit verify --receipts ./receipts --json
      consent -p auditor audit verify --export ./saved --log-key "$(cat saved/log.pub)"
    """
    session = of(context)
    with session.desk() as desk:
        report = auditing.audit(
            desk, session.output, export=export, verifier=log_key, receipts=receipts or ()
        )
    session.output.result(report, view.report_text(report))
    if not report.ok:
        raise typer.Exit(report.exit_code)


@command(app)
def export(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory; it is made if absent.")],
) -> None:
    """Save the log, to be audited later and without its gateway.

    The log's key is saved beside it, as log.pub. Whoever gets the copy must have the key from you, not from
    the one who kept the copy.

    Example:
      consent -p auditor audit export ./saved
    """
    session = of(context)
    with session.desk() as desk:
        shape = auditing.save(desk, session.output, directory)
    session.output.result(shape, view.exported_text(shape))
