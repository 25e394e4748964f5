"""`consent patient`: what a patient may want to know."""

from pathlib import Path
from typing import Annotated

import typer

from cli import erasing, listing, moving, rights
from cli.groups import command, make_group
from cli.session import of
from cli.shapes.consents import PatientEnrolled
from cli.stopping import OnChain
from cli.views import requests as view
from cli.views import rights as rights_view

app = make_group("patient", "What you may want to know about your records.")


@command(app)
def enrol(context: typer.Context) -> None:
    """Become known to the gateway, so that providers can ask you. Other commands do it by themselves.

    Example:
      consent -p alice patient enrol
    """
    session = of(context)
    with session.desk() as desk:
        shape = PatientEnrolled(patient=desk.settled().did, gateway=desk.config.gateway)
    session.output.result(shape, f"{shape.gateway} knows you now as {shape.patient}.")


@command(app)
def history(
    context: typer.Context,
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the last so many lines; else all.")
    ] = None,
) -> None:
    """Show who asked for your records, when, what for, what was decided, and what they were given.

    Each line names the choice of yours that allowed it. Who was refused is there too, and emergencies.

    Examples:
      consent -p alice patient history
      consent -p alice patient history --last 20
    """
    session = of(context)
    with session.desk() as desk:
        shape = listing.history(desk, last)
    session.output.result(shape, view.history_text(shape))


@command(app)
def export(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new folder, or one of yours to go on with.")
    ],
    with_records: Annotated[
        bool, typer.Option("--with-records", help="Also what is in your records, unlocked.")
    ] = False,
) -> None:
    """Write all that you and the gateway have about you into one folder.

    Your choices, who asked and who got what, your records' labels, and the proofs from the log. Programs can
    read it (FHIR and JSON), and README.txt says what is where. Run it again to go on after a break.

    Examples:
      consent -p alice patient export alice.export
      consent -p alice patient export alice.export --with-records
    """
    session = of(context)
    with session.desk() as desk, session.output.progress("Writing") as progress:
        shape = rights.export(desk, folder, contents=with_records, progress=progress)
    session.output.result(shape, rights_view.exported_text(shape))


@command(app)
def move(
    context: typer.Context,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="The new gateway, of the same network.")
    ] = None,
    network: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Or its network file, which may say more.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go along; no more.")] = False,
) -> None:
    """Move to another gateway, with your records and your choices.

    All of it is brought there first. Then the place where you were is told that you are gone. If it breaks
    off, run it again: it goes on where it was.

    Examples:
      consent -p alice patient move --to https://gateway.example --dry-run
      consent -p alice patient move --to https://gateway.example
      consent -p alice patient move --network other.json
    """
    session = of(context)
    wish = moving.Wish(to=to, network=network, dry_run=dry_run)
    session.output.result(*moving.move(session, wish))


@command(app)
def erase(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what goes and what stays; no more.")
    ] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="NAME", help="The profile's name, where nobody can type it.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the statement there too.")
    ] = None,
    on_chain: Annotated[
        OnChain, typer.Option("--on-chain", help="When the public ledger hears of the stops.")
    ] = OnChain.AT_ONCE,
) -> None:
    """Erase all that the gateway has of you, for good. What goes and what stays is shown first.

    Choices that still run are stopped. Then you get a statement of what is left, where, and what it can still
    tell whom. Your profile keeps it, with the proof. Your 24 words cannot join this gateway again.

    Examples:
      consent -p alice patient erase --dry-run
      consent -p alice patient erase
      consent -p alice patient erase --confirm alice --statement erased.txt
    """
    session = of(context)
    wish = erasing.Wish(dry_run=dry_run, name=confirm, statement=statement, spread=on_chain is OnChain.SPREAD)
    with session.desk() as desk:
        session.output.result(*erasing.erase(session, desk, wish))
