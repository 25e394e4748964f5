"""`consent emergency`: reading in one, seeing who did, and saying whether it was right."""

from pathlib import Path
from typing import Annotated

import typer

from cli import emergencies, reading
from cli.emergencies import Finding
from cli.groups import command, make_group
from cli.params import Classes, Patient, Words
from cli.session import of
from cli.views import emergencies as view
from cli.views import records as record_view

app = make_group("emergency", "Reading in an emergency, and who did so.")

Emergency = Annotated[
    str, typer.Argument(metavar="EMERGENCY", help="Its id, or the first 6 characters or more.")
]


@command(app)
def read(
    context: typer.Context,
    patient: Patient,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What has happened. The patient reads it.")
    ] = None,
    purpose: Annotated[str, typer.Option(metavar="CODE", help="ETREAT, ERTREAT or BTG.")] = "ETREAT",
    hours: Annotated[int, typer.Option(min=1, max=12, help="How long it lasts.")] = 1,
    record_class: Classes = None,
    record: Annotated[Words, typer.Option(metavar="CID", help="Only these records, by their CIDs.")] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to save what was read.")] = None,
) -> None:
    """State an emergency with your signature, and open at once what the patient set aside for you.

    It is logged before anything opens. The patient is told, and somebody will look into it. Without --reason
    you go on with the one that you stated and that still lasts. It works also while nobody reaches the chain.
    If the patient has set nothing aside for you, it ends with exit code 11.

    Examples:
      consent -p clinic emergency read alice --reason "Found unconscious after a fall"
      consent -p clinic emergency read alice --class medications --to ./alice
    """
    session = of(context)
    with session.desk() as desk:
        shape = emergencies.read(
            desk,
            session.output,
            desk.people.resolve(patient),
            purpose=purpose,
            reason=reason,
            hours=hours,
            classes=record_class or (),
            records=record or (),
            into=to,
        )
    session.output.result(shape, record_view.read_text(shape))
    if shape.faults:
        raise typer.Exit(reading.ended(shape))


@command(app, "list")
def list_(context: typer.Context) -> None:
    """Show who stated an emergency to see your records; for a provider, what you stated; for an auditor, all.

    Example:
      consent emergency list
    """
    session = of(context)
    with session.desk() as desk:
        shape = emergencies.listed(desk)
    session.output.result(shape, view.list_text(shape))


@command(app)
def show(context: typer.Context, emergency: Emergency) -> None:
    """Show one emergency. If you are an auditor, the log notes that you looked.

    Example:
      consent emergency show em_7hq3k9
    """
    session = of(context)
    with session.desk() as desk:
        shape = emergencies.shown(desk, emergency)
    session.output.result(shape, view.emergency_text(shape.emergency))


@command(app)
def review(
    context: typer.Context,
    emergency: Emergency,
    finding: Annotated[Finding, typer.Option(help="Whether it was right to look.")],
    note: Annotated[str, typer.Option(metavar="TEXT", help="A few words about it.")] = "",
) -> None:
    """Say with your signature if it was right to look. The patient or an auditor does it, once.

    Examples:
      consent -p alice emergency review em_7hq3k9 --finding justified
      consent -p auditor emergency review em_7hq3k9 --finding unjustified --note "No visit that day"
    """
    session = of(context)
    with session.desk() as desk:
        part = emergencies.shown(desk, emergency).emergency
        session.output.talk(view.emergency_text(part))
        session.confirm(f"Say that {view.FINDINGS[finding]}?")
        shape = emergencies.review(desk, part, finding, note)
    session.output.result(shape, f"You said that {view.FINDINGS[finding]}. Log entry {shape.log_index}.")
