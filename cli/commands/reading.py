"""`consent read`: a provider reads what patients share with it."""

from pathlib import Path
from typing import Annotated

import typer

from cli import reading
from cli.params import Action, Classes, Patient, Purposes, Words
from cli.session import of
from cli.views import records as view


def read(
    context: typer.Context,
    patient: Patient,
    purpose: Purposes = None,
    record_class: Classes = None,
    record: Annotated[Words, typer.Option(metavar="CID", help="Only these records, by their CIDs.")] = None,
    action: Action = "access",
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to save what was read.")] = None,
) -> None:
    """Ask for a patient's records with a signed request, and open what is allowed.

    Everything is verified before any of it is shown or saved: signatures, receipts, each byte. A refusal ends
    with exit code 11. A record that does not hold is left out and named, and the exit code is 10; it is 12 if
    no store has it, and 3 if a store does not answer.

    Examples:
      consent -p clinic read alice --purpose TREAT --class labs --to ./alice
      consent -p clinic read alice --purpose TREAT --json
    """
    session = of(context)
    with session.desk() as desk:
        shape = reading.read(
            desk,
            desk.people.resolve(patient),
            purposes=purpose or (),
            classes=record_class or (),
            records=record or (),
            action=action,
            into=to,
        )
    session.output.result(shape, view.read_text(shape))
    if shape.faults:
        raise typer.Exit(reading.ended(shape))
